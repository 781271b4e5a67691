#include "tests/lab/control_host.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace lab {

using nlohmann::json;

namespace {

Host& host_of(World& world, const json& order)
{
    const auto name = order.at("host").get<std::string>();
    const auto host = world.hosts.find(name);
    if (host == world.hosts.end())
        throw std::invalid_argument("no host is called " + name);
    return *host->second;
}

std::string contents(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool set_managed(Management& management, const std::string& key, const json& value)
{
    const std::map<std::string, bool Management::*> flags = {{"secure_boot", &Management::secure_boot},
                                                             {"exec_installed_only", &Management::exec_installed_only},
                                                             {"exec_refused", &Management::exec_refused},
                                                             {"no_space", &Management::no_space},
                                                             {"acceptance_fixed", &Management::acceptance_fixed},
                                                             {"init_words", &Management::init_words},
                                                             {"update_keeps_config", &Management::update_keeps_config},
                                                             {"refresh_on_install", &Management::refresh_on_install},
                                                             {"replaces_running", &Management::replaces_running}};
    if (const auto flag = flags.find(key); flag != flags.end())
        management.*flag->second = value.get<bool>();
    else if (key == "clock_skew_s")
        management.clock_skew_s = value.get<int>();
    else
        return false;
    return true;
}

void set_one(HostState& host, const std::string& key, const json& value)
{
    auto& behaviour = host.behaviour;
    if (key == "max_lun")
        host.settings.at("/Disk/MaxLUN").value = value.get<int>();
    else if (key == "settings")
        for (const auto& [path, number] : value.items())
            host.settings.at(path).value = number.get<std::int64_t>();
    else if (key == "maintenance")
        host.maintenance = value.get<bool>();
    else if (key == "tool_latency_ms")
        behaviour.tool_latency_ms = value.get<int>();
    else if (key == "rescan_ms")
        behaviour.rescan_ms = value.get<int>();
    else if (key == "errors_on_stderr")
        behaviour.errors_on_stderr = value.get<bool>();
    else if (key == "concurrent_rescan_busy")
        behaviour.concurrent_rescan_busy = value.get<bool>();
    else if (key == "apd_blocks_rescan_all")
        behaviour.apd_blocks_rescan_all = value.get<bool>();
    else if (key == "open_device_busy")
        behaviour.open_device_busy = value.get<bool>();
    else if (key == "vaai") // {"naa.X" or "": {"clone": "unsupported", "plugin": "VMW_VAAIP_NETAPP"}}
        for (const auto& [device, values] : value.items())
            host.storage.set_vaai(device, values.get<std::map<std::string, std::string>>());
    else if (key == "link") // {"vmhba64": "link-down"}
        for (const auto& [adapter, state] : value.items())
            host.storage.set_link(adapter, state.get<std::string>());
    else if (key == "dead_paths") // {"naa.X": {"vmhba64": true}}
        for (const auto& [device, adapters] : value.items())
            for (const auto& [adapter, dead] : adapters.items())
                host.storage.set_path_dead(device, adapter, dead.get<bool>());
    else if (key == "status") // {"naa.X": "dead timeout"}, "" takes it back
        for (const auto& [device, status] : value.items())
            host.storage.force_status(device, status.get<std::string>());
    else if (!host.management || !set_managed(*host.management, key, value))
        throw std::invalid_argument("host.set does not know " + key);
}

} // namespace

json agent_start(World& world, const json& order)
{
    return host_of(world, order).agent_start(order.value("wait", true));
}

json agent_stop(World& world, const json& order)
{
    return host_of(world, order).agent_kill(SIGTERM);
}

json agent_kill(World& world, const json& order)
{
    return host_of(world, order).agent_kill(order.value("signal", SIGKILL));
}

json agent_restart(World& world, const json& order)
{
    auto& host = host_of(world, order);
    const auto stopped = host.agent_kill(SIGTERM);
    return stopped.at("ok") ? host.agent_start(order.value("wait", true)) : stopped;
}

json agent_status(World& world, const json& order)
{
    auto& host = host_of(world, order);
    auto status = host.agent_status();
    status["log"] = contents(host.files().inside("/var/log/xcopy-agent.log"));
    return status;
}

json reboot(World& world, const json& order)
{
    host_of(world, order).reboot();
    return json::object();
}

json processes(World& world, const json& order)
{
    return host_of(world, order).order({{"do", "list"}});
}

// {"pid"} as processes lists them, or {"match": regular expression over command lines}.
json kill_process(World& world, const json& order)
{
    auto& host = host_of(world, order);
    const int signal = order.value("signal", SIGTERM);
    if (order.contains("match"))
        return {{"killed", host.kill_matching(order.at("match"), signal)}};
    return host.order({{"do", "kill"}, {"pid", order.at("pid")}, {"signal", signal}});
}

json spawn(World& world, const json& order)
{
    auto inner = order;
    inner["do"] = "spawn";
    return host_of(world, order).order(inner);
}

json process_status(World& world, const json& order)
{
    return host_of(world, order).order({{"do", "status"}, {"pid", order.at("pid")}});
}

// A program to its end, with what it printed (both streams together).
json run(World& world, const json& order)
{
    static std::atomic<int> number = 0;
    auto& host = host_of(world, order);
    const auto log = fmt::format("/var/log/run-{}.log", ++number);
    const auto spawned = host.order({{"do", "spawn"}, {"argv", order.at("argv")}, {"log", log}});
    if (!spawned.at("ok"))
        return spawned;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(order.value("timeout_ms", 60'000));
    while (std::chrono::steady_clock::now() < until) {
        auto status = host.order({{"do", "status"}, {"pid", spawned.at("pid")}});
        if (!status.at("ok") || status.at("state") != "running") {
            status["output"] = contents(host.files().inside(log));
            return status;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {{"ok", false}, {"error", "the program still runs"}, {"pid", spawned.at("pid")}};
}

json set_host(World& world, const json& order)
{
    auto& state = host_of(world, order).state();
    const std::lock_guard lock(state.mutex);
    for (const auto& [key, value] : order.items())
        if (key != "do" && key != "host")
            set_one(state, key, value);
    return json::object();
}

json sshd(World& world, const json& order)
{
    auto& host = host_of(world, order);
    const auto what = order.at("what").get<std::string>();
    if (what != "start" && what != "stop" && what != "restart")
        throw std::invalid_argument("host.sshd takes start, stop or restart");
    if (what != "start")
        host.sshd_stop();
    return what == "stop" ? json::object() : host.sshd_start();
}

json authorize(World& world, const json& order)
{
    host_of(world, order).authorize(order.at("line"));
    return json::object();
}

json software(World& world, const json& order)
{
    auto& state = host_of(world, order).state();
    const std::lock_guard lock(state.mutex);
    if (!state.management)
        throw std::invalid_argument("this host is not managed");
    auto vibs = json::object();
    for (const auto& [name, vib] : state.management->image.installed())
        vibs[name] = vib.version;
    auto rulesets = json::object();
    for (const auto& [name, set] : state.management->image.firewall())
        rulesets[name] = {{"enabled", set.enabled}, {"allowed_all", set.allowed_all}, {"allowed", set.allowed}};
    return {{"vibs", vibs},
            {"acceptance", state.management->image.acceptance},
            {"rulesets", rulesets},
            {"groups", state.management->groups}};
}

json devices(World& world, const json& order)
{
    auto& state = host_of(world, order).state();
    const std::lock_guard lock(state.mutex);
    auto list = json::array();
    for (const auto& [name, device] : state.storage.devices()) {
        auto paths = json::array();
        for (const auto& path : device.paths)
            paths.push_back(
                {{"adapter", path.adapter}, {"lun", path.lun}, {"alive", state.storage.path_alive(device, path)}});
        list.push_back({{"name", name},
                        {"size", device.size},
                        {"status", state.storage.status(device)},
                        {"in_use", state.storage.in_use(name)},
                        {"paths", paths},
                        {"clone_write_ops", device.counters.clone_write_ops},
                        {"clone_blocks_written", device.counters.clone_blocks_written},
                        {"blocks_written", device.counters.blocks_written},
                        {"failed_clone_ops", device.counters.failed_clone_ops}});
    }
    return {{"devices", list}, {"detached", state.storage.detached()}};
}

} // namespace lab
