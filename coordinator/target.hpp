// Step 1: the array volume to be overwritten, and every reason not to.
#pragma once

#include "coordinator/survey.hpp"

#include <cstdint>

namespace xcopy {

Result<Volume> find_target(const Call& call, const CopyOrder& order, Array& array);

// The volume must be at least as large as the PersistentVolumeClaim, and not so much larger that it is another one.
Result<void> check_size(const Volume& volume, std::uint64_t expected_size);

// What vCenter knows: a device of any datastore, also of hosts that were not asked, is no target; the whole disk must fit.
Result<void> check_against_vcenter(const Volume& volume, const CopyOrder& order, bool is_continued);

// Refuses a target that backs a datastore of any host that answered, that is the source's own device, or to which
// another clone is running. ESXi itself would not stop such a write.
Result<void> check_target_is_free(const std::string& naa, const std::string& job, const ChosenHost& chosen,
                                  const Survey& survey);

// The same question put to the devices of every host that answered.
Result<void> check_device_is_free(const Call& call, const std::string& naa, const ChosenHost& chosen,
                                  const Survey& survey, const CopyOrder& order, Log& log);

} // namespace xcopy
