// system *, hardware platform
#include "tests/lab/esxcli/command.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <ctime>

namespace lab {

namespace {

Output version(HostState& host, const Arguments&)
{
    const auto& v = host.config.version;
    const auto update = v.size() > 4 ? v.substr(4) : "0";
    return {.shape = Shape::structure,
            .type = "Version",
            .records = {{{{"Product", "VMware ESXi"},
                          {"Version", v},
                          {"Build", host.config.build},
                          {"Update", update},
                          {"Patch", "0"}}}}};
}

Output hostname(HostState& host, const Arguments&)
{
    return {.shape = Shape::structure,
            .type = "FQDN",
            .records = {{{{"Domain Name", "lab.example"},
                          {"Fully Qualified Domain Name", host.config.name + ".lab.example"},
                          {"Host Name", host.config.name}}}}};
}

Output uuid(HostState& host, const Arguments&)
{
    return Output::string(host.config.uuid);
}

Output maintenance(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    return Output::string(host.maintenance ? "Enabled" : "Disabled");
}

Output platform(HostState& host, const Arguments&)
{
    std::string bytes;
    for (const char c : host.config.uuid)
        if (c != '-') {
            if (bytes.empty() || bytes.back() != 'x')
                bytes += bytes.size() % 5 == 0 || bytes.empty() ? "0x" : "";
            bytes += c;
            if (bytes.size() % 5 == 4)
                bytes += ' ';
        }
    return {.shape = Shape::structure,
            .type = "PlatformInfo",
            .records = {{{{"UUID", bytes},
                          {"Product Name", "xcopy-lab simulated host"},
                          {"Vendor Name", "xcopy-lab"},
                          {"Serial Number", host.config.name},
                          {"Enclosure Serial Number", host.config.name},
                          {"BIOS Asset Tag", ""},
                          {"IPMI Supported", false}}}}};
}

Output module_parameters(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "ModuleParameter", .records = {}};
    for (const auto& a : host.storage.adapters())
        if (a.driver == "scini" && arguments.get("module") == "scini")
            out.records.push_back({{{"Name", "IoctlIniGuidStr"},
                                    {"Type", "string"},
                                    {"Value", a.uid},
                                    {"Description", "Ini Guid, for example: 12345678-90AB-CDEF-1234-567890ABCDEF"}}});
    if (out.records.empty())
        return Output::failure("Invalid Module name " + arguments.get("module"));
    return out;
}

Record setting_record(const HostState& host, const std::string& path, const AdvancedSetting& setting)
{
    Record r{{{"Path", path},
              {"Type", "integer"},
              {"Int Value", setting.value},
              {"Default Int Value", setting.default_value},
              {"Min Value", setting.min},
              {"Max Value", setting.max},
              {"String Value", ""},
              {"Default String Value", ""},
              {"Valid Characters", ""},
              {"Description", setting.description}}};
    if (host.config.version.starts_with("8")) {
        r.fields.emplace_back("Host Specific", false);
        r.fields.emplace_back("Impact", "none");
    }
    return r;
}

Output list_settings(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::list, .type = "Option", .records = {}};
    for (const auto& [path, setting] : host.settings)
        if (!arguments.has("option") || arguments.get("option") == path)
            out.records.push_back(setting_record(host, path, setting));
    if (arguments.has("option") && out.records.empty())
        return Output::failure(fmt::format("Unable to find option {}",
                                           arguments.get("option").substr(arguments.get("option").rfind('/') + 1)));
    return out;
}

Output set_setting(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    const auto found = host.settings.find(arguments.get("option"));
    if (found == host.settings.end())
        return Output::failure(fmt::format("Unable to find option {}",
                                           arguments.get("option").substr(arguments.get("option").rfind('/') + 1)));
    if (arguments.has("default")) {
        found->second.value = found->second.default_value;
        return {};
    }
    const auto text = arguments.get("int-value");
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < found->second.min ||
        value > found->second.max)
        return Output::failure(
            fmt::format("Unable to set the value of {} to {}: value out of range", found->first, text));
    found->second.value = value;
    return {};
}

Output time_of_day(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    const auto now = std::time(nullptr) + (host.management ? host.management->clock_skew_s : 0);
    return Output::string(fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now)));
}

Output kernel_settings(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    if (arguments.get("option", "execInstalledOnly") != "execInstalledOnly")
        return Output::failure(fmt::format("Invalid kernel option {}", arguments.get("option")));
    const std::string on = host.management && host.management->exec_installed_only ? "TRUE" : "FALSE";
    return {.shape = Shape::table,
            .type = "KernelSetting",
            .text = {},
            .records = {{{{"Name", "execInstalledOnly"},
                          {"Type", "Bool"},
                          {"Configured", on},
                          {"Runtime", on},
                          {"Default", "FALSE"},
                          {"Description", "Execute only VIB-installed files"}}}}};
}

Output ramdisks(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    const bool full = host.management && host.management->no_space;
    Output out{.shape = Shape::table, .type = "Ramdisk", .text = {}, .records = {}};
    for (const char* name : {"root", "etc", "var", "tmp"})
        out.records.push_back({{{"Ramdisk Name", name},
                                {"System", true},
                                {"Reserved", "2048 KiB"},
                                {"Maximum", "262144 KiB"},
                                {"Used", full ? "262144 KiB" : "412 KiB"},
                                {"Free", full ? "0 %" : "99 %"},
                                {"Mount Point", name == std::string("root") ? "/" : fmt::format("/{}", name)}}});
    return out;
}

} // namespace

std::vector<Command> system_commands()
{
    return {
        {"system version get", {}, version},
        {"system hostname get", {}, hostname},
        {"system uuid get", {}, uuid},
        {"system maintenanceMode get", {}, maintenance},
        {"system time get", {}, time_of_day},
        {"system settings kernel list", {{"o", "option"}}, kernel_settings},
        {"system visorfs ramdisk list", {}, ramdisks},
        {"hardware platform get", {}, platform},
        {"system module parameters list", {{"m", "module", true, true}}, module_parameters},
        {"system settings advanced list", {{"o", "option"}, {"d", "delta", false}, {"t", "tree"}}, list_settings},
        {"system settings advanced set",
         {{"o", "option", true, true}, {"i", "int-value"}, {"s", "string-value"}, {"d", "default", false}},
         set_setting},
    };
}

} // namespace lab
