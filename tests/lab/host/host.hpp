// One simulated ESXi host: its state, its files, its processes, and the socket its tools ask.
#pragma once

#include "tests/lab/event_log.hpp"
#include "tests/lab/host/host_state.hpp"
#include "tests/lab/host/machine.hpp"
#include "tests/lab/host/root.hpp"
#include "tests/lab/host/sshd.hpp"
#include "tests/lab/line_server.hpp"
#include "tests/lab/vmkfstools/clones.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>

namespace lab {

class Host {
public:
    static constexpr int agent_port = 18443;

    Host(const HostConfig&, const std::vector<DatastoreConfig>& mounted, HostFiles, const Fabric&, EventLog&, Clones&);
    ~Host();

    HostState& state() { return state_; }
    const HostFiles& files() const { return files_; }

    void boot();

    // All processes die, volatile folders are emptied, devices are found anew, the agent is started again. A managed host
    // loses all files but those of its VIBs and what was saved, and starts its services in their order.
    void reboot();

    // Of a managed host. A program inside it, to its end.
    struct Ended {
        int status = -1;
        std::string output;
    };
    Ended run(const std::vector<std::string>& argv, int timeout_s = 60);

    // Of a host with an SSH server.
    nlohmann::json sshd_start(); // answers have "ok"
    nlohmann::json sshd_stop();
    void authorize(const std::string& line); // another line of authorized_keys

    // Answers have "ok". With `wait`, start returns when the agent accepts connections or has died.
    nlohmann::json agent_start(bool wait);
    nlohmann::json agent_kill(int signal); // returns when the process is gone, for SIGKILL and SIGTERM
    nlohmann::json agent_status();
    nlohmann::json agent_wait_port();
    nlohmann::json order(const nlohmann::json& o) { return machine_.order(o); } // spawn, kill, list, status
    int kill_matching(const std::string& command_line, int signal);             // regular expression; how many

private:
    void serve_tool(LineChannel&);
    void manage();
    void prepare_ssh();
    void start_services();

    HostState state_;
    HostFiles files_;
    std::vector<DatastoreConfig> mounted_;
    EventLog& events_;
    Clones& clones_;
    Machine machine_;
    std::mutex agent_mutex_;
    int agent_pid_ = -1;
    int boots_ = 0;
    std::optional<SshKeys> ssh_keys_;
    std::string authorized_;
    int sshd_pid_ = -1;
    std::unique_ptr<LineServer> tools_;
};

// Asked of the kernel: a connection to try it out would be an event for who listens.
bool listens(const std::string& address, int port);

} // namespace lab
