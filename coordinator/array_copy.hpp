// Step 3's other way: a disk that is a volume of the array itself (RDM, vVol) is copied inside the array, without any host.
#pragma once

#include "coordinator/copy_run.hpp"

#include <optional>

namespace xcopy {

// How vSphere calls the method; what results and metrics say.
std::string_view name(DiskBacking::Kind kind);
std::string method_name(const CopyOrder&); // of a copy inside the array

struct ArrayMethod {
    VolumeCopier* copier = nullptr;
    Volume source;
};

// Whether the array fills the target by itself. Nothing: a host copies; the log says why where one might have expected
// otherwise. A copy that an earlier run began on the array goes on there.
Result<std::optional<ArrayMethod>> choose_array_method(const Call& call, const CopyRun& run, const Volume& target);

// Steps 5 to 9 on the array. Nothing: the array refused to begin and nothing was changed, so a host copies after all.
std::optional<CopyReport> copy_on_array(const Call& call, CopyRun& run, const ArrayMethod& method,
                                        const Volume& target);

// put_back() for a copy inside the array: ends it where it may run, makes the verdict durable, removes what it left on
// the array, at last the record. Returns what is left behind.
std::vector<std::string> put_back_array_copy(const Call& cleanup, VolumeCopier* copier, JournalPage& page,
                                             CopyRecord& record, Outcome proposed, bool copy_ended,
                                             const Limits& limits, Log& log);

} // namespace xcopy
