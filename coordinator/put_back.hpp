// Step 9, for a copy that ends, for one that is run again, and for sweep: everything is read from the journal's record,
// so there is one way to clean up.
#pragma once

#include "coordinator/copy_order.hpp"

namespace xcopy {

CloneRequest clone_request(const CopyRecord& record);

// What the record says may still be there, in words.
std::vector<std::string> what_remains(const CopyRecord& record);

// Ends a clone that may run, makes the verdict durable, then: forget the clone, detach, unmap only ours, re-create what
// is missing of the mappings found before, delete-rescan; at last the record goes. Returns what is left behind; the
// record is kept then. `proposed` is the outcome when the journal knows none; `clone_ended` that the host said so.
std::vector<std::string> put_back(const Call& cleanup, Array& array, Host& host, JournalPage& page, CopyRecord& record,
                                  Outcome proposed, bool clone_ended, const Limits& limits, Log& log);

} // namespace xcopy
