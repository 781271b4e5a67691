#include "agent/host_clock.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

namespace xcopy {

std::int64_t unix_ms()
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t host_uptime_ms()
{
    // /proc/uptime is what VMware's own watchdog reads (facts/esxi.md 1.5); the monotonic clock is the second choice.
    std::ifstream file("/proc/uptime");
    double uptime_s = 0;
    if (file >> uptime_s && uptime_s > 0)
        return static_cast<std::int64_t>(uptime_s * 1000);
    std::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t host_boot_ms()
{
    return unix_ms() - host_uptime_ms();
}

bool same_boot(std::int64_t a_boot_ms, std::int64_t b_boot_ms)
{
    return std::llabs(a_boot_ms - b_boot_ms) < 60'000; // NTP moves the clock a little; no host boots within a minute
}

} // namespace xcopy
