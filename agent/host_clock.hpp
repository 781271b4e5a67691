// The host's clocks.
#pragma once

#include <cstdint>

namespace xcopy {

std::int64_t unix_ms();        // wall clock, Unix time in milliseconds
std::int64_t host_uptime_ms(); // since the host booted
std::int64_t host_boot_ms();   // Unix time at which it booted; moves when the wall clock is set
bool same_boot(std::int64_t a_boot_ms, std::int64_t b_boot_ms);

} // namespace xcopy
