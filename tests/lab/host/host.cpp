#include "tests/lab/host/host.hpp"

#include "tests/lab/esxcli/command.hpp"
#include "tests/lab/esxcli/other_tools.hpp"
#include "tests/lab/host/administration.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <sys/socket.h>
#include <thread>

namespace lab {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* agent_program = "/opt/xcopy-agent/bin/xcopy-agent";
constexpr const char* agent_log = "/var/log/xcopy-agent.log";
constexpr const char* launcher_record = "/var/log/xcopy-launcher.log";

// Boots lie ten minutes apart for whoever reads the uptime: a reader may take two boots within a minute for one.
constexpr long first_uptime_s = 24 * 3600;
constexpr long between_boots_s = 600;

int peer_pid(int fd)
{
    ucred who{};
    socklen_t length = sizeof who;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 ? who.pid : -1;
}

std::string tail_of(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

std::string event_text(const std::vector<std::string>& argv)
{
    std::string text = std::filesystem::path(argv.at(0)).filename();
    for (std::size_t i = 1; i < argv.size(); ++i)
        text += " " + argv[i];
    return text;
}

} // namespace

bool listens(const std::string& address, int port)
{
    in_addr wanted{};
    ::inet_pton(AF_INET, address.c_str(), &wanted);
    const auto local = fmt::format("{:08X}:{:04X}", wanted.s_addr, port);
    std::ifstream table("/proc/net/tcp");
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string number, from, to, state;
        fields >> number >> from >> to >> state;
        if (from == local && state == "0A")
            return true;
    }
    return false;
}

Host::Host(const HostConfig& config, const std::vector<DatastoreConfig>& mounted, HostFiles files, const Fabric& fabric,
           EventLog& events, Clones& clones)
    : state_(config, mounted, fabric, events, files.devices()), files_(std::move(files)), mounted_(mounted),
      events_(events), clones_(clones)
{
    build_root(files_, config, mounted_);
    if (config.ssh)
        prepare_ssh();
    if (config.managed)
        manage();
    tools_ = std::make_unique<LineServer>(files_.lab() / "host.sock", [this](LineChannel& tool) { serve_tool(tool); });
}

Host::~Host()
{
    machine_.power_off();
    tools_.reset();
}

void Host::boot()
{
    machine_.power_on(
        [this](int orders) {
            return bubblewrap_argv(files_, mounted_, orders,
                                   state_.config.ssh ? sshd_mounts() : std::vector<std::string>());
        },
        first_uptime_s - between_boots_s * boots_++);
}

void Host::reboot()
{
    bool had_agent = false;
    {
        const std::lock_guard lock(agent_mutex_);
        had_agent = std::exchange(agent_pid_, -1) > 0;
    }
    machine_.power_off();
    if (state_.config.managed)
        empty_for_boot(files_);
    else
        empty_volatile_folders(files_);
    {
        const std::lock_guard lock(state_.mutex);
        state_.storage.boot();
        state_.rescanning.clear();
        if (state_.management) {
            build_root(files_, state_.config, mounted_);
            state_.management->groups.clear();
            state_.management->image.boot();
        }
    }
    if (state_.config.managed)
        write_ssh_files(files_, state_.config, *ssh_keys_, authorized_, state_.config.ssh_port);
    boot();
    if (had_agent)
        agent_start(true);
    if (state_.config.ssh)
        sshd_start();
    if (state_.config.managed)
        start_services();
}

json Host::agent_start(bool wait)
{
    if (files_.agent.empty())
        return {{"ok", false}, {"error", "the lab was started without --agent"}};
    {
        const std::lock_guard lock(agent_mutex_);
        auto argv = json::array({agent_program, "serve"});
        if (!files_.launcher.empty())
            argv.insert(argv.begin(), {"/bin/xcopy-launcher", "--record", launcher_record});
        const auto spawned = machine_.order({{"do", "spawn"}, {"argv", argv}, {"log", agent_log}});
        if (!spawned.at("ok"))
            return spawned;
        agent_pid_ = spawned.at("pid");
    }
    return wait ? agent_wait_port() : agent_status();
}

json Host::agent_wait_port()
{
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         std::chrono::steady_clock::now() < until;) {
        const auto status = agent_status();
        if (status.value("state", "") != "running")
            return {{"ok", false},
                    {"error", "the agent ended: " + status.dump()},
                    {"log", tail_of(files_.inside(agent_log))}};
        if (listens(state_.config.address, agent_port))
            return status;
        std::this_thread::sleep_for(milliseconds(3));
    }
    return {{"ok", false}, {"error", "the agent does not listen"}, {"log", tail_of(files_.inside(agent_log))}};
}

json Host::agent_status()
{
    const std::lock_guard lock(agent_mutex_);
    if (agent_pid_ < 0)
        return {{"ok", true}, {"state", "stopped"}};
    auto status = machine_.order({{"do", "status"}, {"pid", agent_pid_}});
    status["pid"] = agent_pid_;
    return status;
}

json Host::agent_kill(int signal)
{
    auto status = agent_status();
    if (status.value("state", "") != "running")
        return {{"ok", true}, {"was", status}};
    auto killed = machine_.order({{"do", "kill"}, {"pid", status.at("pid")}, {"signal", signal}});
    if (!killed.at("ok") || (signal != SIGKILL && signal != SIGTERM))
        return killed;
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         std::chrono::steady_clock::now() < until;) {
        status = agent_status();
        if (status.value("state", "") != "running")
            return status;
        std::this_thread::sleep_for(milliseconds(2));
    }
    return {{"ok", false}, {"error", "the agent did not end within 20 s"}};
}

int Host::kill_matching(const std::string& command_line, int signal)
{
    const std::regex wanted(command_line);
    const auto listed = machine_.order({{"do", "list"}});
    int killed = 0;
    for (const auto& process : listed.value("processes", json::array())) {
        std::string line;
        for (const auto& word : process.at("argv"))
            line += (line.empty() ? "" : " ") + word.get<std::string>();
        if (!line.empty() && std::regex_search(line, wanted))
            killed += machine_.order({{"do", "kill"}, {"pid", process.at("pid")}, {"signal", signal}}).at("ok") ? 1 : 0;
    }
    return killed;
}

void Host::serve_tool(LineChannel& tool)
{
    const auto line = tool.receive();
    if (!line)
        return;
    const auto request = json::parse(*line);
    const auto argv = request.at("argv").get<std::vector<std::string>>();
    const auto name = std::filesystem::path(argv.at(0)).filename().string();
    const Event event{state_.where(), event_text(argv)};

    const auto apply = [](const Fault& fault, ToolResult& result) {
        if (!fault.tool_exit)
            return false;
        result = {*fault.tool_exit, fault.tool_stdout, fault.tool_stderr};
        return true;
    };
    const auto fault = events_.before(event);
    int latency = 0;
    {
        const std::lock_guard lock(state_.mutex);
        latency = state_.behaviour.tool_latency_ms;
    }
    if (latency > 0)
        std::this_thread::sleep_for(milliseconds(latency));
    if (tool.peer_gone())
        return;

    ToolResult result;
    if (!fault || !apply(*fault, result)) {
        if (name == "esxcli" || name == "localcli")
            result = run_esxcli(state_, argv);
        else if (name == "vsish")
            result = run_vsish(state_, argv);
        else if (name == "vim-cmd")
            result = run_vim_cmd(state_, argv);
        else if (name == "vmkfstools")
            result = clones_.run(state_, request, peer_pid(tool.fd()), tool);
        else if (state_.management)
            result = run_admin_tool(state_, argv);
        else
            result = {127, "", fmt::format("{}: not a tool of this host\n", name)};
    }
    if (const auto late = events_.after(event))
        apply(*late, result);
    tool.send(json{{"exit", result.exit}, {"stdout", result.out}, {"stderr", result.err}}.dump(
        -1, ' ', false, json::error_handler_t::replace));
}

} // namespace lab
