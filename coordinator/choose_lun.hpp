// Step 5: the LUN number to map the target under.
#pragma once

#include "protocol/error.hpp"

#include <optional>
#include <set>
#include <string>

namespace xcopy {

// The first LUN number that must not be used: a host does not see a LUN whose number is Disk.MaxLUN or above, and tells
// nobody (facts/esxi.md 6.7).
int lun_limit(std::optional<int> disk_max_lun, int highest_on_array);

// A free number from 1 to limit - 1, or nothing when all are used. The search starts at a place given by the NAA: a
// repeated run chooses the same number, and a number is not given to another volume right after it became free, which
// ESXi would answer with "UID of device has changed". 0 is left out: arrays use it for boot and control LUNs.
std::optional<int> choose_lun(const std::string& naa, int limit, const std::set<int>& used);

// Errc::unsupported with the numbers and the remedy when the host cannot see that LUN number.
Result<void> check_lun(std::optional<int> lun, std::optional<int> disk_max_lun, const std::string& host);

} // namespace xcopy
