// The decisions of attach and detach: values in, value out.
#include "agent/attach.hpp"
#include "agent/guards.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

Result<AttachStep> next_attach_step(const AttachRequest& request, const std::string& naa, const Device* seen)
{
    if (seen == nullptr)
        return AttachStep::rescan;
    if (auto ok = check_target_device(*seen); !ok)
        return ok.error();
    if (seen->is_detached || seen->status == "off")
        return AttachStep::forget_detached;
    if (seen->status != "on" && seen->status != "degraded")
        return AttachStep::rescan; // dead, dead timeout, not connected: seen before, and gone since
    if (!same_size(request.expected_size, seen->size_bytes)) // a changed size needs a rescan to be noticed
        return Error{Errc::conflict,
                     fmt::format("{} is {} bytes on this host, but the array volume has {} bytes", naa,
                                 seen->size_bytes, request.expected_size),
                     "if the volume was resized, rescan its adapters; else the wrong volume was mapped",
                     "size_mismatch"};
    const bool has_path = std::any_of(seen->paths.begin(), seen->paths.end(),
                                      [](const DevicePath& path) { return path.state == "active"; });
    return has_path ? AttachStep::ready : AttachStep::settle;
}

Result<void> check_lun_number(const std::string& naa, std::optional<int> lun, std::optional<std::int64_t> max_lun)
{
    if (!lun || !max_lun || *lun < *max_lun)
        return {};
    return Error{
        Errc::unsupported,
        fmt::format("{} is mapped as LUN {}, but this host only looks at LUN numbers below {} (Disk.MaxLUN)", naa, *lun,
                    *max_lun),
        fmt::format("map it with a LUN number below {}, or raise the limit on the host: esxcli system settings "
                    "advanced set -o /Disk/MaxLUN -i {} (at most 16384), then rescan",
                    *max_lun, std::max<std::int64_t>(*lun + 1, 4096)),
        "lun_above_max"};
}

Error device_not_seen(const std::string& naa, int waited_s, std::optional<int> lun, std::optional<std::int64_t> max_lun,
                      const std::vector<Adapter>& adapters, const std::vector<std::string>& rescanned, int dead_paths)
{
    std::string states;
    for (const auto& name : rescanned) {
        const auto found =
            std::find_if(adapters.begin(), adapters.end(), [&](const Adapter& a) { return a.name == name; });
        states += fmt::format("{}{} ({})", states.empty() ? "" : ", ", name,
                              found == adapters.end() ? "not on this host" : found->link_state);
    }
    return {Errc::timed_out,
            fmt::format("{} did not appear within {} s; rescanned {}; LUN number {}; Disk.MaxLUN {}; {} dead paths",
                        naa, waited_s, states.empty() ? "no adapter" : states, lun ? fmt::to_string(*lun) : "not told",
                        max_lun ? fmt::to_string(*max_lun) : "unreadable", dead_paths),
            "check that the volume is mapped to this host's initiators, that the LUN number is below Disk.MaxLUN, and "
            "the zoning or iSCSI sessions of the adapters",
            "device_not_seen"};
}

Result<void> check_detach(const std::string& naa, const std::string& job, const AttachRecord* record,
                          const AttachRecord* other_of_job, const Device* seen)
{
    if (record != nullptr && record->job != job)
        return Error{Errc::conflict, fmt::format("{} is attached for job {}, not for {}", naa, record->job, job),
                     "detach it with the job it was attached for", "attached_for_other_job"};
    // Without a record (the state directory was lost with a reboot) only a device that serves nobody may go, and not on
    // behalf of a job that is known to use another one. ESXi itself refuses one that is open.
    if (record == nullptr && other_of_job != nullptr)
        return Error{Errc::conflict, fmt::format("job {} attached {}, not {}", job, other_of_job->naa, naa),
                     "detach the device this job attached", "not_attached"};
    if (seen == nullptr)
        return {};
    return check_target_device(*seen);
}

} // namespace xcopy
