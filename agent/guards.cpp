#include "agent/guards.hpp"

#include "protocol/datastores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace xcopy {

namespace {

Error refusal(Errc code, const char* reason, std::string message, std::string remedy)
{
    return {code, std::move(message), std::move(remedy), reason};
}

Result<void> check_attached(const std::string& job, const CloneRequest& order, const TargetFacts& target)
{
    if (!target.attached_for)
        return refusal(Errc::conflict, "not_attached",
                       fmt::format("{} was not attached for job {}", order.target_naa, job),
                       "attach it first: that is where its size and identity are checked");
    if (*target.attached_for != job)
        return refusal(
            Errc::conflict, "attached_for_other_job",
            fmt::format("{} is attached for job {}, not for {}", order.target_naa, *target.attached_for, job),
            "two copies were given one volume: check their PersistentVolumeClaims");
    if (target.attached_size != order.target_size)
        return refusal(Errc::conflict, "size_mismatch",
                       fmt::format("{} was attached as {} bytes but the clone was ordered for {} bytes",
                                   order.target_naa, target.attached_size, order.target_size),
                       "order the clone with the size of the array volume");
    if (target.busy_with)
        return refusal(Errc::conflict, "target_busy",
                       fmt::format("job {} writes {}, or may still do so", *target.busy_with, order.target_naa),
                       "wait for that job, or cancel it");
    return check_no_foreign_writer(order.target_naa, target.foreign_writer);
}

} // namespace

bool is_supported_kind(const std::string& create_type)
{
    constexpr std::array<std::string_view, 8> kinds{
        "vmfs",       "vmfsThin", "monolithicFlat",   "twoGbMaxExtentFlat",
        "vmfsSparse", "seSparse", "vmfsRawDeviceMap", "vmfsPassthroughRawDeviceMap"};
    return std::find(kinds.begin(), kinds.end(), create_type) != kinds.end();
}

Result<void> check_no_foreign_writer(const std::string& naa, const std::string& called)
{
    constexpr std::size_t enough = 400;
    if (called.empty())
        return {};
    return refusal(
        Errc::conflict, "target_busy",
        fmt::format("a vmkfstools that this agent did not start uses {}: {}", naa, called.substr(0, enough)),
        "find out whose it is (on the host: ps -c | grep vmkfstools) and wait until it has ended; two copies "
        "onto one volume leave neither whole");
}

Result<void> check_target_device(const Device& device)
{
    if (device.is_boot)
        return refusal(Errc::denied, "target_is_boot", fmt::format("{} is the host's boot device", device.name),
                       "check which volume was mapped");
    if (device.is_local)
        return refusal(Errc::denied, "target_is_local",
                       fmt::format("{} is a local disk of the host, not an array volume", device.name),
                       "check which volume was mapped");
    if (!device.used_by.empty())
        return refusal(Errc::denied, "target_backs_datastore",
                       fmt::format("{} holds datastore '{}'", device.name, fmt::join(device.used_by, "', '")),
                       "check which volume was mapped: nothing was written");
    return {};
}

Result<void> check_source(const SourceFacts& source)
{
    if (!source.path.starts_with(source.volumes_root + '/'))
        return refusal(Errc::denied, "source_outside_volumes",
                       fmt::format("{} is not on a datastore (below {})", source.path, source.volumes_root),
                       "give the disk as \"[datastore] folder/disk.vmdk\"");
    if (auto ok = check_holds_mappings(source.datastore, source.datastore_type); !ok)
        return ok;
    if (!is_supported_kind(source.create_type))
        return refusal(
            Errc::unsupported, "vmdk_kind_unsupported",
            fmt::format("{} is a VMDK of kind '{}', which ESXi does not clone", source.path, source.create_type),
            "convert it on the host with `vmkfstools -i` to a VMFS disk first");
    if (source.leftover_pointer)
        return refusal(Errc::conflict, "already_exists", fmt::format("{} is already there", *source.leftover_pointer),
                       "if no clone of this id runs on any host, remove it");
    return {};
}

Result<void> check_clone(const std::string& job, const CloneRequest& order, const SourceFacts& source,
                         const TargetFacts& target)
{
    if (auto ok = check_source(source); !ok)
        return ok;
    if (auto ok = check_attached(job, order, target); !ok)
        return ok;
    if (!target.device || !target.node_exists)
        return refusal(Errc::unavailable, "target_missing", fmt::format("the host no longer sees {}", order.target_naa),
                       "attach it again");
    const Device& device = *target.device;
    if (auto ok = check_target_device(device); !ok)
        return ok;
    if (std::find(source.devices.begin(), source.devices.end(), device.name) != source.devices.end())
        return refusal(Errc::denied, "target_is_source_device",
                       fmt::format("{} is the device the source itself lies on", device.name),
                       "check which volume was mapped: nothing was written");
    if (device.is_detached || (device.status != "on" && device.status != "degraded"))
        return refusal(Errc::unavailable, "target_not_on",
                       fmt::format("{} is {}", device.name,
                                   device.is_detached ? "detached" : fmt::format("in state '{}'", device.status)),
                       "attach it again");
    if (!same_size(order.target_size, device.size_bytes))
        return refusal(Errc::conflict, "size_mismatch",
                       fmt::format("{} is {} bytes on this host but {} bytes were ordered", device.name,
                                   device.size_bytes, order.target_size),
                       "rescan if the volume was just resized; else check which volume was mapped");
    if (order.target_size < source.size)
        return refusal(Errc::conflict, "target_smaller_than_source",
                       fmt::format("{} holds {} bytes, the disk has {}", device.name, order.target_size, source.size),
                       fmt::format("give the volume at least {} bytes", source.size));
    return {};
}

} // namespace xcopy
