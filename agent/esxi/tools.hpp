// The host's own tools, asked and understood: esxcli, localcli, vsish (facts/esxi.md 6). Blocking; call them from a
// worker thread. Argument builders and parsers are pure functions in their own headers; this is the thin edge.
#pragma once

#include "agent/esxi/child.hpp"
#include "agent/esxi/processes.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct ToolPaths {
    std::string esxcli = "/bin/esxcli";
    std::string localcli = "/bin/localcli";
    std::string vsish = "/bin/vsish";
    std::string vmkfstools = "/bin/vmkfstools";
    std::string ps = "/bin/ps";
};

struct HostVersion {
    std::string product; // VMware ESXi
    std::string version; // 8.0.2
    std::string build;   // Releasebuild-22380479
};

struct VmfsExtent {
    std::string volume; // datastore name
    std::string uuid;
    std::string device;
    int partition = 0;
};

// An integer advanced option.
struct AdvancedOption {
    std::string path; // /Disk/MaxLUN
    std::int64_t value = 0;
    std::int64_t default_value = 0;
};

// Cumulative counters of a device, by the names vsish prints (facts/esxi.md 6.2); absent names are absent here.
using DeviceCounters = std::map<std::string, std::uint64_t>;

class Tools {
public:
    explicit Tools(ToolPaths paths = {}) : paths_(std::move(paths)) {}
    const ToolPaths& paths() const { return paths_; }

    Result<HostVersion> version(const RunLimits&) const;
    Result<std::string> host_uuid(const RunLimits&) const;
    Result<std::string> host_name(const RunLimits&) const;
    Result<std::vector<std::string>> addresses(const RunLimits&) const; // of the host itself, IPv4 and IPv6
    Result<AdvancedOption> advanced_option(const std::string& path, const RunLimits&) const;

    Result<std::vector<Adapter>> adapters(const RunLimits&) const;
    Result<std::vector<Device>> devices(const RunLimits&) const; // without paths, vaai and used_by
    Result<std::optional<Device>> device(const std::string& naa,
                                         const RunLimits&) const; // nullopt: not known to the host
    Result<std::vector<DevicePath>> paths_of(const std::string& naa, const RunLimits&) const;
    Result<std::map<std::string, std::vector<DevicePath>>> all_paths(const RunLimits&) const; // by device name
    Result<VaaiStatus> vaai_status(const std::string& naa, const RunLimits&) const;
    Result<std::map<std::string, VaaiStatus>> all_vaai_status(const RunLimits&) const;
    Result<std::vector<VmfsExtent>> vmfs_extents(const RunLimits&) const;
    Result<std::vector<Datastore>> filesystems(const RunLimits&) const; // without devices
    Result<std::vector<std::string>> detached_devices(const RunLimits&) const;

    Result<void> rescan(const std::string& adapter, RescanKind, const RunLimits&) const;
    Result<void> set_device_state(const std::string& naa, bool on, const RunLimits&) const;
    Result<void> forget_detached(const std::string& naa, const RunLimits&) const; // not in the list is success

    Result<DeviceCounters> counters(const std::string& naa, const RunLimits&) const;
    // Of several devices at once, in the order asked.
    std::vector<Result<DeviceCounters>> counters_of(const std::vector<std::string>& naas, const RunLimits&) const;

    // How each vmkfstools of this host was called, whoever started it.
    Result<std::vector<std::string>> vmkfstools_running(const OwnWords&, const RunLimits&) const;

private:
    // The output of a read-only esxcli command; localcli is asked with the same words when hostd does not answer, with
    // the same limits again.
    Result<std::string> ask(const std::vector<std::string>& words, const RunLimits&) const;
    Result<void> order(const std::vector<std::string>& words, const RunLimits&) const;

    ToolPaths paths_;
};

} // namespace xcopy
