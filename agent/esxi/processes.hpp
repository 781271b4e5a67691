// Who else writes with vmkfstools, as far as `ps -c` tells (facts/esxi.md 1.5): by hand, Forklift's own script, ours over SSH. How ESXi's
// ps prints command lines, and up to which length, nobody has shown us, so it is believed only where this program finds itself in it.
#pragma once

#include "protocol/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

// This program, as it must be found: its name and, anywhere behind it, its first argument. (ESXi's own `++group=…` may be between.)
struct OwnWords {
    std::string program;
    std::string argument;
};

// The lines about vmkfstools. A listing in which we are not is an error, not an empty list.
Result<std::vector<std::string>> vmkfstools_in(std::string_view listing, const OwnWords& own);

// The first line that names the device as a path: /vmfs/devices/disks/NAA, /dev/disks/NAA, …/vml.X where X holds the NAA's digits
// (facts/vsphere.md 3). Empty: none.
std::string first_about(const std::vector<std::string>& lines, std::string_view naa);

} // namespace xcopy
