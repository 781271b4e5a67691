#include "agent/esxi/inventory.hpp"

#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <limits>

namespace xcopy::inventory {

namespace {

Error lacks(std::string_view what, std::string_view field)
{
    return {Errc::failed, fmt::format("esxcli lists a {} without its {}", what, field), "", "esxcli_answer"};
}

std::uint64_t bytes(const EsxcliRecord& record, std::string_view key, std::uint64_t unit)
{
    const std::int64_t count = record.number(key).value_or(0);
    const auto value = count > 0 ? static_cast<std::uint64_t>(count) : 0;
    return value <= std::numeric_limits<std::uint64_t>::max() / unit ? value * unit : 0;
}

int small_number(const EsxcliRecord& record, std::string_view key, int otherwise)
{
    const auto value = record.number(key);
    const bool fits = value && *value >= std::numeric_limits<int>::min() && *value <= std::numeric_limits<int>::max();
    return fits ? static_cast<int>(*value) : otherwise;
}

std::string primitive(const EsxcliRecord& record, std::string_view key)
{
    const std::string status = record.text(key);
    return status == "supported" || status == "unsupported" ? status : std::string();
}

} // namespace

std::string device_name(const std::string& text)
{
    auto name = parse_device_name(text);
    return name ? *name : text;
}

Result<HostVersion> version(const EsxcliReply& reply)
{
    if (reply.records.empty() || !reply.records.front().has("version"))
        return lacks("host", "version");
    const auto& host = reply.records.front();
    return HostVersion{host.text("product"), host.text("version"), host.text("build")};
}

Result<std::string> host_name(const EsxcliReply& reply)
{
    if (reply.records.empty())
        return lacks("host", "name");
    const auto& host = reply.records.front();
    const std::string full = host.text("fullyqualifieddomainname");
    return full.empty() ? host.text("hostname") : full;
}

std::vector<std::string> addresses(const EsxcliReply& reply)
{
    std::vector<std::string> found;
    for (const auto& interface : reply.records)
        for (const char* key : {"ipv4address", "address"}) {
            const std::string address = interface.text(key);
            if (!address.empty() && address != "0.0.0.0" && address != "::" && !address.starts_with("fe80"))
                found.push_back(address);
        }
    return found;
}

Result<AdvancedOption> advanced_option(const std::string& path, const EsxcliReply& reply)
{
    for (const auto& option : reply.records) {
        const bool is_it = option.text("path") == path || (!option.has("path") && reply.records.size() == 1);
        const auto value = option.number("intvalue");
        if (is_it && value)
            return AdvancedOption{path, *value, option.number("defaultintvalue").value_or(*value)};
    }
    return Error{Errc::not_found, fmt::format("the host has no integer option {}", path), "", "no_such_option"};
}

Result<std::vector<Adapter>> adapters(const EsxcliReply& reply)
{
    std::vector<Adapter> list;
    for (const auto& hba : reply.records) {
        Adapter adapter{.name = hba.text("hbaname"),
                        .driver = hba.text("driver"),
                        .link_state = hba.text("linkstate"),
                        .uid = hba.text("uid"),
                        .description = hba.text("description")};
        if (adapter.name.empty())
            return lacks("adapter", "name");
        list.push_back(std::move(adapter));
    }
    return list;
}

Result<std::string> sdc_guid(const EsxcliReply& reply)
{
    for (const auto& parameter : reply.records) {
        if (parameter.text("name") != "IoctlIniGuidStr")
            continue;
        std::string guid = parameter.text("value");
        std::transform(guid.begin(), guid.end(), guid.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return guid;
    }
    return std::string();
}

Result<std::vector<Device>> devices(const EsxcliReply& reply)
{
    std::vector<Device> list;
    for (const auto& found : reply.records) {
        Device device;
        device.name = device_name(found.text("device"));
        device.size_bytes = bytes(found, "size", std::uint64_t{1024} * 1024); // esxcli counts MiB here
        device.status = found.text("status");
        device.vendor = found.text("vendor");
        device.model = found.text("model");
        device.is_local = found.flag("islocal");
        device.is_boot = found.flag("isbootdevice");
        if (device.name.empty())
            return lacks("device", "name");
        list.push_back(std::move(device));
    }
    return list;
}

Result<std::map<std::string, std::vector<DevicePath>>> paths(const EsxcliReply& reply)
{
    std::map<std::string, std::vector<DevicePath>> by_device;
    for (const auto& path : reply.records) {
        DevicePath entry{.runtime_name = path.text("runtimename"),
                         .adapter = path.text("adapter"),
                         .state = path.text("state"),
                         .transport = path.text("transport"),
                         .lun = small_number(path, "lun", -1)};
        const std::string device = device_name(path.text("device"));
        if (!device.empty()) // a dead path may have lost its device
            by_device[device].push_back(std::move(entry));
    }
    return by_device;
}

Result<std::map<std::string, VaaiStatus>> vaai(const EsxcliReply& reply)
{
    std::map<std::string, VaaiStatus> by_device;
    for (const auto& found : reply.records)
        by_device[device_name(found.text("device"))] = {.plugin = found.text("vaaipluginname"),
                                                        .ats = primitive(found, "atsstatus"),
                                                        .clone = primitive(found, "clonestatus"),
                                                        .zero = primitive(found, "zerostatus"),
                                                        .reclaim = primitive(found, "deletestatus")};
    return by_device;
}

Result<std::vector<VmfsExtent>> extents(const EsxcliReply& reply)
{
    std::vector<VmfsExtent> list;
    for (const auto& found : reply.records) {
        VmfsExtent extent{.volume = found.text("volumename"),
                          .uuid = found.text("vmfsuuid"),
                          .device = device_name(found.text("devicename")),
                          .partition = small_number(found, "partition", 0)};
        if (extent.device.empty())
            return lacks("VMFS extent", "device");
        list.push_back(std::move(extent));
    }
    return list;
}

Result<std::vector<Datastore>> filesystems(const EsxcliReply& reply)
{
    std::vector<Datastore> list;
    for (const auto& found : reply.records) {
        Datastore datastore{.name = found.text("volumename"),
                            .uuid = found.text("uuid"),
                            .type = found.text("type"),
                            .mount_point = found.text("mountpoint"),
                            .mounted = found.flag("mounted"),
                            .size_bytes = bytes(found, "size", 1),
                            .free_bytes = bytes(found, "free", 1)};
        if (datastore.uuid.empty() && datastore.mount_point.empty())
            return lacks("file system", "UUID");
        list.push_back(std::move(datastore));
    }
    return list;
}

Result<std::vector<std::string>> detached(const EsxcliReply& reply)
{
    std::vector<std::string> list;
    for (const auto& found : reply.records) {
        list.push_back(device_name(found.text("deviceuid")));
        if (list.back().empty())
            return lacks("detached device", "UID");
    }
    return list;
}

} // namespace xcopy::inventory
