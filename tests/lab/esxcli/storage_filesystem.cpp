// storage filesystem *, storage vmfs *
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

std::string osdata_uuid(const HostState& host)
{
    return "60a1b2c3-0d0e0f10-1112-" + host.config.uuid.substr(host.config.uuid.size() - 12);
}

std::string local_device(const HostState& host)
{
    for (const auto& [name, device] : host.storage.devices())
        if (device.boot)
            return name;
    return "";
}

Output list_extents(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "VMFSExtent", .records = {}};
    const auto row = [&](const std::string& volume, const std::string& uuid, const std::string& device,
                         std::int64_t partition) {
        out.records.push_back({{{"Volume Name", volume},
                                {"VMFS UUID", uuid},
                                {"Extent Number", std::int64_t{0}},
                                {"Device Name", device},
                                {"Partition", partition}}});
    };
    for (const auto& d : host.datastores)
        if (d.block())
            row(d.name, d.uuid, d.naa, 1);
    if (!host.config.version.starts_with("6"))
        row("OSDATA-" + osdata_uuid(host), osdata_uuid(host), local_device(host), 7);
    return out;
}

Output list_filesystems(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "FileSystemVolume", .records = {}};
    const auto row = [&](const std::string& name, const std::string& uuid, const std::string& type, std::uint64_t size,
                         std::uint64_t free) {
        out.records.push_back({{{"Mount Point", "/vmfs/volumes/" + uuid},
                                {"Volume Name", name},
                                {"UUID", uuid},
                                {"Mounted", true},
                                {"Type", type},
                                {"Size", static_cast<std::int64_t>(size)},
                                {"Free", static_cast<std::int64_t>(free)}}});
    };
    for (const auto& d : host.datastores)
        row(d.name, d.uuid, d.type, d.capacity, d.free);
    if (!host.config.version.starts_with("6"))
        row("OSDATA-" + osdata_uuid(host), osdata_uuid(host), "VMFSOS", std::uint64_t{4} << 30, std::uint64_t{3} << 30);
    row("BOOTBANK1", "8e1fd2a0-77a9b3c1-55aa-0123456789ab", "vfat", std::uint64_t{1} << 29, std::uint64_t{1} << 28);
    return out;
}

} // namespace

std::vector<Command> filesystem_commands()
{
    return {
        {"storage vmfs extent list", {{"i", "include-snapshots", false}}, list_extents},
        {"storage filesystem list", {{"i", "ignore-errors", false}}, list_filesystems},
    };
}

} // namespace lab
