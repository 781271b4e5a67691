#include "coordinator/vsphere/host_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace xcopy::vsphere {

namespace {

std::string lower(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool is_local_only(std::string_view address)
{
    return address.empty() || lower(address.substr(0, 4)) == "fe80" || address.starts_with("169.254.");
}

std::string uid_of(const pugi::xml_node& hba, std::string_view type)
{
    if (type == "HostInternetScsiHba")
        return text_of(hba, "iScsiName");
    if (type == "HostFibreChannelHba" || type == "HostFibreChannelOverEthernetHba") {
        const auto node = number_of(hba, "nodeWorldWideName");
        const auto port = number_of(hba, "portWorldWideName");
        if (node && port)
            return fmt::format("fc.{}:{}", wwn(*node), wwn(*port));
    }
    return {};
}

// ds:///vmfs/volumes/5f6e…-…/
std::string uuid_in_url(std::string_view url)
{
    constexpr std::string_view folder = "/vmfs/volumes/";
    const auto at = url.find(folder);
    if (at == std::string_view::npos)
        return {};
    url.remove_prefix(at + folder.size());
    return std::string(url.substr(0, url.find('/')));
}

std::string type_by_info(std::string_view info)
{
    if (info == "VmfsDatastoreInfo")
        return "VMFS";
    if (info == "NasDatastoreInfo")
        return "NFS";
    if (info == "VvolDatastoreInfo")
        return "VVOL";
    if (info == "VsanDatastoreInfo")
        return "vsan";
    return "OTHER";
}

} // namespace

const std::vector<std::string>& host_paths()
{
    static const std::vector<std::string> paths{"name", "runtime.connectionState", "runtime.inMaintenanceMode",
                                                "summary.hardware.uuid", "config.virtualNicManagerInfo.netConfig"};
    return paths;
}

HostInfo read_host(const Object& object)
{
    return {.ref = object.ref,
            .name = unescaped_name(object.text("name")),
            .connection = object.text("runtime.connectionState"),
            .in_maintenance = is_true(object.value("runtime.inMaintenanceMode")),
            .hardware_uuid = object.text("summary.hardware.uuid"),
            .addresses = management_addresses(object.value("config.virtualNicManagerInfo.netConfig"))};
}

std::vector<std::string> management_addresses(const pugi::xml_node& net_config)
{
    std::vector<std::string> addresses;
    const auto add = [&](std::string address) {
        if (!is_local_only(address) && !std::ranges::count(addresses, address))
            addresses.push_back(std::move(address));
    };
    for (const auto& network : elements(net_config)) {
        if (text_of(network, "nicType") != "management")
            continue;
        const auto candidates = children(network, "candidateVnic");
        for (const auto& selected : children(network, "selectedVnic"))
            for (const auto& nic : candidates) {
                if (text_of(nic, "key") != text_of(selected))
                    continue;
                add(text_of(nic, "spec.ip.ipAddress"));
                for (const auto& six : children(child(nic, "spec.ip.ipV6Config"), "ipV6Address"))
                    add(text_of(six, "ipAddress"));
            }
    }
    return addresses;
}

std::vector<HostAdapter> read_adapters(const std::vector<pugi::xml_node>& list)
{
    std::vector<HostAdapter> adapters;
    for (const auto& hba : list) {
        const std::string type(xsi_type(hba));
        adapters.push_back({.key = text_of(hba, "key"),
                            .name = text_of(hba, "device"),
                            .type = type,
                            .status = text_of(hba, "status"),
                            .driver = text_of(hba, "driver"),
                            .is_nvme = text_of(hba, "storageProtocol") == "nvme" || type == "HostTcpHba",
                            .uid = uid_of(hba, type)});
    }
    return adapters;
}

std::vector<HostDevice> read_devices(const std::vector<pugi::xml_node>& luns,
                                     const std::vector<pugi::xml_node>& multipath)
{
    std::vector<HostDevice> devices;
    for (const auto& lun : luns) {
        const auto block = number_of(lun, "capacity.block").value_or(0);
        const auto size = number_of(lun, "capacity.blockSize").value_or(0);
        devices.push_back(
            {.key = text_of(lun, "key"),
             .uuid = text_of(lun, "uuid"),
             .name = text_of(lun, "canonicalName"),
             .size = block > 0 && size > 0 ? static_cast<std::uint64_t>(block) * static_cast<std::uint64_t>(size) : 0,
             .paths = {}});
    }
    for (const auto& unit : multipath) {
        const auto device = std::ranges::find(devices, text_of(unit, "lun"), &HostDevice::key);
        if (device == devices.end())
            continue;
        for (const auto& path : children(unit, "path")) {
            auto state = text_of(path, "state"); // what the path can do; pathState only tells the one in use
            device->paths.push_back({text_of(path, "adapter"), state.empty() ? text_of(path, "pathState") : state});
        }
    }
    return devices;
}

std::vector<std::string> active_adapters(const std::vector<HostAdapter>& adapters,
                                         const std::vector<HostDevice>& devices, const std::vector<std::string>& names)
{
    std::vector<std::string> found;
    for (const auto& adapter : adapters) {
        const bool is_active = std::ranges::any_of(devices, [&](const HostDevice& device) {
            return std::ranges::count(names, device.name) > 0 &&
                   std::ranges::any_of(device.paths, [&](const HostDevice::Path& path) {
                       return path.adapter == adapter.key && path.state == "active";
                   });
        });
        if (is_active)
            found.push_back(adapter.name);
    }
    return found;
}

std::string wwn(std::int64_t value)
{
    return fmt::format("{:016x}", static_cast<std::uint64_t>(value));
}

const std::vector<std::string>& datastore_paths()
{
    static const std::vector<std::string> paths{"name", "info", "summary.type"};
    return paths;
}

DatastoreView read_datastore(const Object& object)
{
    const auto info = object.value("info");
    DatastoreView store{.ref = object.ref,
                        .name = unescaped_name(object.text("name")),
                        .type = object.text("summary.type"),
                        .uuid = uuid_in_url(text_of(info, "url")),
                        .devices = {}};
    if (const auto why = object.why_missing("info"))
        store.unreadable = why->message;
    if (store.type.empty())
        store.type = type_by_info(xsi_type(info));
    if (auto vmfs = text_of(info, "vmfs.uuid"); !vmfs.empty())
        store.uuid = std::move(vmfs);
    for (const auto& extent : children(child(info, "vmfs"), "extent"))
        if (auto name = text_of(extent, "diskName"); !name.empty())
            store.devices.push_back(lower(name));
    return store;
}

std::vector<Mount> read_mounts(const pugi::xml_node& list)
{
    std::vector<Mount> mounts;
    for (const auto& each : elements(list)) {
        auto host = ref_of(child(each, "key"));
        if (!host)
            continue;
        const auto info = child(each, "mountInfo");
        const bool mounted = !child(info, "mounted") || is_true(info, "mounted");
        const bool accessible = !child(info, "accessible") || is_true(info, "accessible");
        mounts.push_back({std::move(*host), mounted && accessible});
    }
    return mounts;
}

std::string unescaped_name(std::string_view name)
{
    std::string out;
    while (!name.empty()) {
        const auto code = lower(name.substr(0, 3));
        const char meant = code == "%2f" ? '/' : code == "%5c" ? '\\' : code == "%25" ? '%' : '\0';
        out += meant != '\0' ? meant : name.front();
        name.remove_prefix(meant != '\0' ? 3 : 1);
    }
    return out;
}

std::optional<std::string> guid_in_options(std::string_view options)
{
    constexpr std::string_view key = "ioctliniguidstr=";
    const auto at = lower(options).find(key);
    if (at == std::string::npos)
        return std::nullopt;
    const auto value = options.substr(at + key.size());
    auto guid = std::string(value.substr(0, value.find_first_of(" \t\"")));
    return guid.empty() ? std::nullopt : std::optional(std::move(guid));
}

} // namespace xcopy::vsphere
