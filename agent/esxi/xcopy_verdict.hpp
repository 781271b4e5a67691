// Whether the array copied, told from the counters before and after (facts/esxi.md 6.2). ESXi falls back to copying
// through the host without a word, so nothing else tells.
#pragma once

#include "agent/esxi/tools.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <optional>

namespace xcopy {

struct CountersAround {
    std::optional<DeviceCounters> before; // absent: could not be read
    std::optional<DeviceCounters> after;
};

// `copied_bytes`: how much of the disk was copied, by whatever way.
XcopyVerdict xcopy_verdict(const CountersAround& source, const CountersAround& target, std::uint64_t copied_bytes);

} // namespace xcopy
