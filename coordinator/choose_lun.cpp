#include "coordinator/choose_lun.hpp"

#include "coordinator/hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

constexpr int default_max_lun = 1024; // of every ESXi version

} // namespace

int lun_limit(std::optional<int> disk_max_lun, int highest_on_array)
{
    return std::min({disk_max_lun.value_or(default_max_lun), default_max_lun, highest_on_array + 1});
}

std::optional<int> choose_lun(const std::string& naa, int limit, const std::set<int>& used)
{
    const int count = limit - 1;
    if (count < 1)
        return std::nullopt;
    const int start = static_cast<int>(stable_hash(naa) % static_cast<std::uint64_t>(count));
    for (int step = 0; step < count; ++step) {
        const int lun = 1 + (start + step) % count;
        if (!used.contains(lun))
            return lun;
    }
    return std::nullopt;
}

Result<void> check_lun(std::optional<int> lun, std::optional<int> disk_max_lun, const std::string& host)
{
    const int limit = disk_max_lun.value_or(default_max_lun);
    if (!lun || *lun < limit)
        return {};
    return Error{
        Errc::unsupported,
        fmt::format("the target is mapped under LUN number {}, and {} sees only numbers below {} (Disk.MaxLUN)", *lun,
                    host, limit),
        fmt::format("on {}: esxcli system settings advanced set -o /Disk/MaxLUN -i {}, then rescan", host,
                    std::min(16384, *lun + 1)),
        "lun_above_max"};
}

} // namespace xcopy
