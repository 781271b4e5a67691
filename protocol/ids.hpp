// The two names that end up in paths and command lines, checked before anything else looks at them.
#pragma once

#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace xcopy {

// A job id: the UID of the PersistentVolumeClaim. Letters, digits and '-', 1 to 64 of them, starting with a letter or
// digit, so it is safe in a file name.
Result<std::string> parse_job_id(std::string_view text);

// A device as ESXi names it under /vmfs/devices/disks: "naa." with 16 or 32 hex digits, or "eui." with 16 or 32.
// Returned in lower case. NAA names are compared only in this form.
Result<std::string> parse_device_name(std::string_view text);

} // namespace xcopy
