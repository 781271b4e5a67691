#include "tests/lab/host/host_state.hpp"

#include <algorithm>

namespace lab {

HostState::HostState(const HostConfig& host, std::vector<DatastoreConfig> mounted, const Fabric& fabric,
                     Events& all_events, const std::filesystem::path& devices)
    : config(host), events(all_events), storage(host, fabric, devices), datastores(std::move(mounted)), vms(host.vms)
{
    settings["/Disk/MaxLUN"] = {host.max_lun, 1024, 1, 16384,
                                "Maximum number of LUNs per target that should be scanned for"};
    settings["/DataMover/HardwareAcceleratedMove"] = {
        1, 1, 0, 1, "Enable hardware accelerated VMFS data movement (requires compliant hardware)"};
    settings["/DataMover/HardwareAcceleratedInit"] = {
        1, 1, 0, 1, "Enable hardware accelerated VMFS data initialization (requires compliant hardware)"};
    settings["/DataMover/MaxHWTransferSize"] = {4096, 4096, 64, 16384,
                                                "Maximum transfer size for hardware-accelerated data movement (in KB)"};
    settings["/VMFS3/HardwareAcceleratedLocking"] = {
        1, 1, 0, 1, "Enable hardware accelerated VMFS locking (requires compliant hardware)"};
    behaviour.tool_latency_ms = host.tool_latency_ms;

    std::set<std::string> backing;
    for (const auto& store : datastores)
        if (!store.naa.empty())
            backing.insert(store.naa);
    storage.set_backing(std::move(backing));
    storage.boot();
}

const DatastoreConfig* HostState::datastore(const std::string& name) const
{
    const auto found = std::find_if(datastores.begin(), datastores.end(),
                                    [&](const auto& d) { return d.name == name || d.uuid == name; });
    return found == datastores.end() ? nullptr : &*found;
}

} // namespace lab
