// storage core device *, storage core claimrule
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

namespace lab {

namespace {

std::string vaai_summary(const Device& device)
{
    const auto is = [&](const char* key) { return device.vaai.contains(key) && device.vaai.at(key) == "supported"; };
    return is("ats") && is("clone") && is("zero") ? "supported" : "unknown";
}

std::string title_case(const std::string& vendor_model, const std::string& transport)
{
    return fmt::format("{} {} Disk", vendor_model, transport);
}

Record device_record(const HostStorage& storage, const Device& device)
{
    const auto* adapter = device.paths.empty() ? nullptr : storage.adapter(device.paths.front().adapter);
    const std::string transport = device.local || adapter == nullptr ? "Local ATA"
                                  : adapter->transport == "fc"       ? "Fibre Channel"
                                                                     : "iSCSI";
    const auto path = "/vmfs/devices/disks/" + device.name;
    return {{{"Device", device.name},
             {"Display Name", fmt::format("{} ({})", title_case(device.vendor, transport), device.name)},
             {"Has Settable Display Name", true},
             {"Size", static_cast<std::int64_t>(device.size >> 20)},
             {"Device Type", "Direct-Access "},
             {"Multipath Plugin", device.local ? "HPP" : "NMP"},
             {"Devfs Path", path},
             {"Vendor", device.vendor},
             {"Model", device.model},
             {"Revision", "9900"},
             {"SCSI Level", std::int64_t{6}},
             {"Is Pseudo", false},
             {"Status", storage.status(device)},
             {"Is RDM Capable", !device.local},
             {"Is Local", device.local},
             {"Is Removable", false},
             {"Is SSD", device.local},
             {"Is VVOL PE", false},
             {"Is Offline", false},
             {"Is Perennially Reserved", false},
             {"Queue Full Sample Size", std::int64_t{0}},
             {"Queue Full Threshold", std::int64_t{0}},
             {"Thin Provisioning Status", device.local ? "unknown" : "yes"},
             {"Attached Filters", ""},
             {"VAAI Status", vaai_summary(device)},
             {"Other UIDs", std::vector<std::string>{"vml.0200" + device.name.substr(device.name.find('.') + 1)}},
             {"Is Shared Clusterwide", !device.local},
             {"Is SAS", false},
             {"Is USB", false},
             {"Is Boot Device", device.boot},
             {"Device Max Queue Depth", std::int64_t{64}},
             {"No of outstanding IOs with competing worlds", std::int64_t{32}}}};
}

// Runs `record` over all devices, or over the one asked for.
template <class MakeRecord>
Output of_devices(HostState& host, const Arguments& arguments, const char* type, MakeRecord record)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::list, .type = type, .heading = true, .records = {}};
    if (arguments.has("device")) {
        const auto* device = host.storage.find(arguments.get("device"));
        if (device == nullptr)
            return Output::failure(fmt::format("Unable to find device with name {}", arguments.get("device")));
        out.records.push_back(record(*device));
        return out;
    }
    for (const auto& [name, device] : host.storage.devices())
        out.records.push_back(record(device));
    return out;
}

Output list_devices(HostState& host, const Arguments& arguments)
{
    return of_devices(host, arguments, "ScsiDevice",
                      [&](const Device& device) { return device_record(host.storage, device); });
}

Output vaai_status(HostState& host, const Arguments& arguments)
{
    return of_devices(host, arguments, "VAAIDeviceStatus", [](const Device& device) {
        const auto value = [&](const char* key) {
            const auto found = device.vaai.find(key);
            return found == device.vaai.end() ? std::string() : found->second;
        };
        return Record{{{"Device", device.name},
                       {"VAAI Plugin Name", value("plugin")},
                       {"ATS Status", value("ats")},
                       {"Clone Status", value("clone")},
                       {"Zero Status", value("zero")},
                       {"Delete Status", value("delete")}}};
    });
}

Output set_device(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto name = arguments.get("device");
    const auto state = arguments.get("state");
    if (host.storage.find(name) == nullptr)
        return Output::failure(fmt::format("Unable to find device with name {}", name));
    if (state != "off" && state != "on")
        return arguments.has("state") ? Output::failure("Error: Invalid value for --state: " + state) : Output{};
    const auto refused = state == "off" ? host.storage.switch_off(name) : host.storage.switch_on(name);
    return refused ? Output::failure(*refused) : Output{};
}

Output list_detached(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "DetachedDevice", .records = {}};
    for (const auto& name : host.storage.detached())
        out.records.push_back({{{"Device UID", name}, {"State", "off"}}});
    return out;
}

Output remove_detached(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto name = arguments.get("device");
    if (!host.storage.forget_detached(name))
        return Output::failure(fmt::format("Unable to find device with name {}", name));
    return {};
}

Output list_claimrules(HostState& host, const Arguments& arguments)
{
    const auto rules_class = arguments.get("claimrule-class", "MP");
    Output out{.shape = Shape::table, .type = "ClaimRule", .records = {}};
    const auto rule = [&](std::int64_t number, const char* kind, const char* plugin, const std::string& matches) {
        Record r{{{"Rule Class", rules_class},
                  {"Rule", number},
                  {"Class", kind},
                  {"Type", "vendor"},
                  {"Plugin", plugin},
                  {"Matches", matches}}};
        if (rules_class == "VAAI") {
            r.fields.emplace_back("XCOPY Use Array Reported Values", false);
            r.fields.emplace_back("XCOPY Use Multiple Segments", false);
            r.fields.emplace_back("XCOPY Max Transfer Size", std::int64_t{0});
        }
        out.records.push_back(std::move(r));
    };
    (void)host;
    if (rules_class == "VAAI") {
        rule(65433, "runtime", "VMW_VAAIP_NETAPP", "vendor=NETAPP model=*");
        rule(65433, "file", "VMW_VAAIP_NETAPP", "vendor=NETAPP model=*");
    } else {
        rule(65535, "runtime", "NMP", "vendor=* model=*");
    }
    return out;
}

} // namespace

std::vector<Command> device_commands()
{
    const OptionSpec device{"d", "device"};
    const OptionSpec one_device{"d", "device", true, true};
    return {
        {"storage core device list",
         {device, {"o", "exclude-offline", false}, {"p", "pe-only", false}, {"", "skip-slow-fields", false}},
         list_devices},
        {"storage core device set",
         {one_device, {"", "state"}, {"n", "name"}, {"N", "no-persist", false}, {"", "led-state"}},
         set_device},
        {"storage core device detached list", {device}, list_detached},
        {"storage core device detached remove", {one_device, {"a", "all", false}}, remove_detached},
        {"storage core device vaai status get", {device}, vaai_status},
        {"storage core claimrule list", {{"c", "claimrule-class"}}, list_claimrules},
    };
}

} // namespace lab
