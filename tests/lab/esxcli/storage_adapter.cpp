// storage core adapter *
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace lab {

namespace {

Output list_adapters(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "HBA", .records = {}};
    for (const auto& a : host.storage.adapters())
        out.records.push_back({{{"HBA Name", a.name},
                                {"Driver", a.driver},
                                {"Link State", a.link_state},
                                {"UID", a.shown_uid()},
                                {"Capabilities", a.san() ? "Second Level Lun ID" : ""},
                                {"Description", a.description}}});
    return out;
}

std::optional<RescanKind> kind_named(const std::string& name)
{
    if (name == "add")
        return RescanKind::add;
    if (name == "delete")
        return RescanKind::remove;
    if (name == "path")
        return RescanKind::path;
    if (name == "update")
        return RescanKind::update;
    if (name == "all")
        return RescanKind::all;
    return std::nullopt;
}

bool any_dead(HostState& host)
{
    const auto& devices = host.storage.devices();
    return std::any_of(devices.begin(), devices.end(),
                       [&](const auto& entry) { return host.storage.status(entry.second).starts_with("dead"); });
}

// Adapters that are being rescanned; none of them is left so when the rescan ends, however it ends.
class Rescanning {
public:
    Rescanning(HostState& host, const std::vector<std::string>& names) : host_(host), names_(names)
    {
        host_.rescanning.insert(names_.begin(), names_.end());
    }
    ~Rescanning()
    {
        const std::lock_guard lock(host_.mutex);
        for (const auto& name : names_)
            host_.rescanning.erase(name);
    }
    Rescanning(const Rescanning&) = delete;
    Rescanning& operator=(const Rescanning&) = delete;

private:
    HostState& host_;
    const std::vector<std::string>& names_;
};

// The adapters count as being rescanned while the events are raised, so a held rescan is a running one.
Output rescan_these(HostState& host, const std::vector<std::string>& names, const std::string& type)
{
    const auto kind = *kind_named(type);
    std::optional<Rescanning> running;
    std::chrono::milliseconds duration{};
    {
        const std::lock_guard lock(host.mutex);
        const auto busy =
            std::find_if(names.begin(), names.end(), [&](const auto& name) { return host.rescanning.contains(name); });
        if (busy != names.end() && host.behaviour.concurrent_rescan_busy)
            return Output::failure(fmt::format(
                "Unable to rescan adapter {}: Device or resource busy, a rescan is already in progress", *busy));
        duration = std::chrono::milliseconds(host.behaviour.rescan_ms);
        running.emplace(host, names);
    }
    std::this_thread::sleep_for(duration);
    for (const auto& name : names) {
        const Event event{host.where(), fmt::format("rescan {} {}", name, type)};
        host.events.before(event);
        {
            const std::lock_guard lock(host.mutex);
            host.storage.rescan(name, kind, static_cast<int>(host.settings.at("/Disk/MaxLUN").value));
        }
        host.events.after(event);
    }
    return {};
}

Output rescan(HostState& host, const Arguments& arguments)
{
    const auto type = arguments.get("type", "all");
    if (arguments.has("all") == arguments.has("adapter"))
        return Output::failure("Error: Exactly one of --all and --adapter must be given");
    if (!kind_named(type))
        return Output::failure(fmt::format("Error: Invalid value for --type: {}", type));
    std::vector<std::string> names;
    {
        const std::lock_guard lock(host.mutex);
        for (const auto& a : host.storage.adapters())
            if (arguments.has("all") || a.name == arguments.get("adapter"))
                names.push_back(a.name);
        if (names.empty())
            return Output::failure(fmt::format("Unable to find adapter with name {}", arguments.get("adapter")));
        if (arguments.has("all") && host.behaviour.apd_blocks_rescan_all && any_dead(host))
            return Output::failure("Rescan of some adapters failed: a device is in all-paths-down state");
    }
    return rescan_these(host, names, type);
}

} // namespace

std::vector<Command> adapter_commands()
{
    return {
        {"storage core adapter list", {}, list_adapters},
        {"storage core adapter rescan",
         {{"A", "adapter"},
          {"a", "all", false},
          {"t", "type"},
          {"S", "skip-claim", false},
          {"F", "skip-fs-scan", false}},
         rescan},
    };
}

} // namespace lab
