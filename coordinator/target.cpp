#include "coordinator/target.hpp"

#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>

namespace xcopy {

namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

std::string list(const std::vector<std::string>& items)
{
    std::string out;
    for (const auto& item : items)
        out += (out.empty() ? "" : ", ") + item;
    return out;
}

Result<void> check_device(const Device& device, const std::string& host)
{
    const auto refuse = [&](std::string_view why, std::string reason) {
        return Error{Errc::conflict, fmt::format("target {} {} on host '{}'", device.name, why, host),
                     "this is not an empty volume: check the volume handle and the array", std::move(reason)};
    };
    if (device.is_boot)
        return refuse("is the boot device", "target_is_boot");
    if (device.is_local)
        return refuse("is a local device", "target_is_local");
    if (!device.used_by.empty())
        return refuse(fmt::format("is used by {}", list(device.used_by)), "target_backs_datastore");
    return {};
}

} // namespace

Result<Volume> find_target(const Call& call, const CopyOrder& order, Array& array)
{
    auto volume = array.find_volume(call, order.target);
    if (!volume)
        return volume.error().in(
            fmt::format("find the volume of '{}' on {} {}", order.target.handle, order.vendor, order.array));
    auto naa = parse_device_name(volume->naa);
    if (!naa)
        return naa.error().in(fmt::format("volume '{}'", volume->name));
    volume->naa = *naa;
    if (auto checked = check_size(*volume, order.expected_size); !checked)
        return checked.error();
    return volume;
}

Result<void> check_size(const Volume& volume, std::uint64_t expected_size)
{
    if (volume.size_bytes == 0)
        return Error{Errc::conflict, fmt::format("the array gives no size for volume '{}'", volume.name), "",
                     "target_size_unknown"};
    // Arrays round up (PowerFlex to 8 GiB); more than that is another volume than the one that was asked for.
    const auto largest = expected_size + std::max(expected_size / 4, 16 * gib);
    const bool fits = volume.size_bytes >= expected_size && volume.size_bytes <= largest;
    if (expected_size == 0 || fits)
        return {};
    return Error{Errc::conflict,
                 fmt::format("volume '{}' ({}) has {} bytes, the PersistentVolumeClaim asks for {}", volume.name,
                             volume.naa, volume.size_bytes, expected_size),
                 "check --volume-handle, --volume-attribute and --pvc-size: this may be another volume",
                 volume.size_bytes < expected_size ? "target_too_small" : "target_size_differs"};
}

Result<void> check_against_vcenter(const Volume& volume, const CopyOrder& order, bool is_continued)
{
    if (const auto used = order.datastore_devices.find(volume.naa); used != order.datastore_devices.end())
        return Error{Errc::conflict,
                     fmt::format("target {} carries the datastore '{}', as vCenter says", volume.naa, used->second),
                     "this is not an empty volume: check the volume handle and the array", "target_backs_datastore"};
    if (volume.size_bytes < order.source_capacity && !is_continued)
        return Error{Errc::conflict,
                     fmt::format("volume '{}' ({}) is smaller than the disk: it has {} bytes, the disk {}", volume.name,
                                 volume.naa, volume.size_bytes, order.source_capacity),
                     fmt::format("make the PersistentVolumeClaim at least {} bytes large", order.source_capacity),
                     "target_smaller_than_source"};
    return {};
}

Result<void> check_target_is_free(const std::string& naa, const std::string& job, const ChosenHost& chosen,
                                  const Survey& survey)
{
    if (std::ranges::count(chosen.datastore.devices, naa))
        return Error{
            Errc::conflict,
            fmt::format("target {} is the device of the source's own datastore '{}'", naa, chosen.datastore.name),
            "check the volume handle and the array", "target_is_source"};
    for (const auto& seen : survey) {
        for (const auto& datastore : seen.health.datastores)
            if (std::ranges::count(datastore.devices, naa))
                return Error{
                    Errc::conflict,
                    fmt::format("target {} backs datastore '{}' on host '{}'", naa, datastore.name, seen.host->name()),
                    "this is not an empty volume: check the volume handle and the array", "target_backs_datastore"};
        for (const auto& clone : seen.clones)
            if (clone.target_naa == naa && clone.id != job && !is_final(clone.state))
                return Error{Errc::conflict,
                             fmt::format("job {} is copying to {} on host '{}'", clone.id, naa, seen.host->name()),
                             "wait until it ends, or cancel it with: xcopy-coordinator clones cancel", "target_busy"};
    }
    return {};
}

Result<void> check_device_is_free(const Call& call, const std::string& naa, const ChosenHost& chosen,
                                  const Survey& survey, const CopyOrder& order, Log& log)
{
    const Call limited = call.within(order.limits.look_up);
    std::vector<std::pair<Host*, std::future<Result<Device>>>> asked;
    for (const auto& seen : survey)
        if (!seen.unreachable)
            asked.emplace_back(seen.host, std::async(std::launch::async, [&limited, &naa, host = seen.host] {
                                   return host->device(limited, naa);
                               }));
    Result<void> verdict;
    for (auto& [host, answer] : asked) {
        auto device = answer.get();
        const bool absent = !device && is_absent_there(device.error());
        Result<void> checked = device ? check_device(*device, host->name()) : Result<void>();
        if (!device && !absent) {
            if (host == chosen.host)
                checked = device.error().in("look whether the target is in use");
            else
                log.warn("cannot tell whether the target is in use there",
                         {{"job", order.job}, {"host", host->name()}, {"why", device.error().message}});
        }
        if (verdict && !checked)
            verdict = checked;
    }
    return verdict;
}

} // namespace xcopy
