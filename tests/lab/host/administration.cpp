#include "tests/lab/host/administration.hpp"

#include "tests/lab/host/host.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string contents(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

ToolResult chkconfig(Management& management, const std::vector<std::string>& argv)
{
    const auto services = services_in(management.root, management.switched_off);
    if (argv.size() == 2 && argv[1] == "--list") {
        std::string out;
        for (const auto& service : services)
            out += fmt::format("{:<24}{}\n", fs::path(service.script).filename().string(), service.on ? "on" : "off");
        return {0, out, ""};
    }
    if (argv.size() == 3 && (argv[2] == "on" || argv[2] == "off")) {
        if (argv[2] == "off")
            management.switched_off.insert(argv[1]);
        else
            management.switched_off.erase(argv[1]);
        return {0, "", ""};
    }
    return {1, "", "usage: chkconfig --list | NAME on|off\n"};
}

} // namespace

std::vector<Service> services_in(const fs::path& root, const std::set<std::string>& switched_off)
{
    std::vector<Service> services;
    for (const auto& entry : fs::directory_iterator(root / "etc/init.d")) {
        const auto name = entry.path().filename().string();
        Service service{"/etc/init.d/" + name};
        std::istringstream lines(contents(entry.path()));
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("# chkconfig:")) {
                std::istringstream words(line.substr(12));
                std::string state;
                words >> state >> service.start;
                service.on = state == "on" && !switched_off.contains(name);
            }
        services.push_back(service);
    }
    std::ranges::sort(services, {}, &Service::start);
    return services;
}

ToolResult run_admin_tool(HostState& host, const std::vector<std::string>& argv)
{
    const std::lock_guard lock(host.mutex);
    auto& management = *host.management;
    const auto name = fs::path(argv.at(0)).filename().string();
    if (name == "auto-backup.sh") {
        management.image.back_up();
        return {0, "Saving current state in /bootbank\nClock updated.\n", ""};
    }
    if (name == "secureBoot.py")
        return {0,
                argv.size() > 1 && argv[1] == "-s" ? (management.secure_boot ? "Enabled\n" : "Disabled\n")
                                                   : "Secure boot can be enabled: All vib signatures verified.\n",
                ""};
    if (name == "chkconfig")
        return chkconfig(management, argv);
    return {127, "", fmt::format("{}: not a tool of this host\n", name)};
}

void Host::prepare_ssh()
{
    ssh_keys_ = make_ssh_keys(files_.directory / "ssh");
    authorized_ = contents(ssh_keys_->client.string() + ".pub");
    write_ssh_files(files_, state_.config, *ssh_keys_, authorized_, state_.config.ssh_port);
}

void Host::manage()
{
    state_.management = std::make_unique<Management>(Management{
        .image = HostImage(files_.root(), fmt::format("{}:{}", state_.config.address, agent_port)),
        .root = files_.root(),
        .datastores = files_.datastores,
        .groups = {},
        .switched_off = {},
        .run_script =
            [this](const std::string& script, const std::string& word) {
                return run({script, word}).status;
            },
        .runs =
            [this](const std::string& program) {
                const auto listed = machine_.order({{"do", "list"}});
                return std::ranges::any_of(listed.value("processes", json::array()), [&](const json& process) {
                    return !process.at("argv").empty() && process.at("argv")[0] == program;
                });
            }});
    if (state_.config.version.starts_with("8"))
        state_.settings["/User/execInstalledOnly"] = {1, 1, 0, 1, "Execute only files that were installed by a VIB"};
}

Host::Ended Host::run(const std::vector<std::string>& argv, int timeout_s)
{
    const auto log = fmt::format("/var/log/run-{}.log", std::hash<std::thread::id>{}(std::this_thread::get_id()));
    std::error_code none;
    fs::remove(files_.inside(log), none);
    const auto spawned = machine_.order({{"do", "spawn"}, {"argv", argv}, {"log", log}});
    if (!spawned.at("ok"))
        return {-1, spawned.value("error", "")};
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
    while (std::chrono::steady_clock::now() < until) {
        const auto status = machine_.order({{"do", "status"}, {"pid", spawned.at("pid")}});
        if (status.value("state", "") != "running")
            return {status.value("exit", -1), contents(files_.inside(log))};
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return {-1, "the program still runs"};
}

void Host::start_services()
{
    std::vector<Service> services;
    {
        const std::lock_guard lock(state_.mutex);
        services = services_in(files_.root(), state_.management->switched_off);
    }
    for (const auto& service : services)
        if (service.on)
            run({service.script, "start"});
}

json Host::sshd_start()
{
    const std::lock_guard lock(agent_mutex_);
    fs::create_directories(files_.inside("/run/sshd")); // a reboot takes it away
    const auto spawned = machine_.order({{"do", "spawn"}, {"argv", sshd_argv()}, {"log", "/var/log/sshd.log"}});
    if (!spawned.at("ok"))
        return spawned;
    sshd_pid_ = spawned.at("pid");
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         std::chrono::steady_clock::now() < until;) {
        if (listens(state_.config.address, state_.config.ssh_port))
            return {{"ok", true}, {"pid", sshd_pid_}};
        const auto status = machine_.order({{"do", "status"}, {"pid", sshd_pid_}});
        if (status.value("state", "") != "running")
            return {{"ok", false}, {"error", "sshd ended: " + contents(files_.inside("/var/log/sshd.log"))}};
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return {{"ok", false}, {"error", "sshd does not listen"}};
}

json Host::sshd_stop()
{
    const std::lock_guard lock(agent_mutex_);
    kill_matching("sshd", SIGKILL); // its sessions too
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (listens(state_.config.address, state_.config.ssh_port) && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // a kill takes its time
    return {{"ok", true}};
}

void Host::authorize(const std::string& line)
{
    authorized_ += line + "\n";
    std::ofstream(files_.inside("/etc/ssh/keys-root/authorized_keys")) << authorized_;
}

} // namespace lab
