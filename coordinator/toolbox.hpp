// What a command works with, made from the configuration.
#pragma once

#include "coordinator/config.hpp"
#include "coordinator/host/rescan_lock.hpp"
#include "coordinator/host/script_deployment.hpp"
#include "coordinator/journal.hpp"
#include "coordinator/ssh/ssh_sessions.hpp"
#include "vendors/registry.hpp"
#include "vendors/rest/transport.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace xcopy {

struct Toolbox {
    Config config;
    std::stop_token stop{};
    std::unique_ptr<Log> log{};
    std::unique_ptr<rest::Transport> wire{};
    std::unique_ptr<rest::Transport> transport{}; // the wire, with a line in the log for every exchange
    std::unique_ptr<SshSessions> ssh{};           // null: no key is given
    std::vector<std::unique_ptr<Host>> hosts{};

    Call call() const { return Call{.stop = stop, .job = config.order.job}; }
};

// One host as it may be reached.
struct HostWays {
    std::string name;
    std::optional<AgentAddress> agent{};
    std::string no_agent{}; // why there is none
    std::optional<SshAddress> ssh{};
    std::string uuid{}; // when known, the host must say that it is this one
};

std::vector<HostWays> ways_to_hosts(const Config& config);

// The lock on the rescans of the host that vCenter calls by that id; empty where nobody else rescans.
using RescanLocks = std::function<RescanLock(const std::string& host_id)>;

// For hosts without an agent. Empty for commands that change nothing.
struct ForSsh {
    RescanLocks locks{};
    EnsureScript ensure_script{};
};

// Once it is known which hosts there are, and where this works.
void make_hosts(Toolbox& tools, const ForSsh& parts = {});

Toolbox make_toolbox(Config config, std::stop_token stop, bool quiet);

// Prints the problem on stderr as "what; remedy" and returns the exit code.
int complain(const Error& error, int code);

} // namespace xcopy
