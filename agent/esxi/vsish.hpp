// What `vsish -e cat …/stats` prints: "Statistics {" and lines of field:value, decimal or, with -r, hexadecimal.
#pragma once

#include "agent/esxi/tools.hpp"

#include <initializer_list>
#include <optional>
#include <string_view>

namespace xcopy {

// Lines that are not field:number are passed over; fields of an inner block are named block.field.
// Errc::failed when no counter is found at all.
Result<DeviceCounters> parse_vsish_counters(std::string_view text);

// The first of the names that is there, however this version spells it (cloneWriteOps, clone_write_ops …).
std::optional<std::uint64_t> counter(const DeviceCounters&, std::initializer_list<std::string_view> names);

} // namespace xcopy
