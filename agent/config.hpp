// The agent's settings: one JSON file, read once, checked as a whole.
#pragma once

#include "agent/esxi/tools.hpp"
#include "agent/log.hpp"
#include "protocol/error.hpp"
#include "protocol/routes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

constexpr const char* default_config_path = "/etc/config/xcopy-agent/config.json";

struct Config {
    std::string listen = "[::]:18443"; // an address and a port; names are not resolved on the host
    std::string certificate = "/etc/config/xcopy-agent/agent.crt";
    std::string key = "/etc/config/xcopy-agent/agent.key";
    std::string ca = "/etc/config/xcopy-agent/ca.crt"; // who may sign the certificates of clients
    std::string auto_backup =
        "/sbin/auto-backup.sh"; // saves changed files below /etc for the next boot; "": nothing does
    std::string state_dir;      // empty: /scratch/xcopy-agent where /scratch is writable, else /var/run/xcopy-agent
    std::string memory_group;   // host/vim/vimuser/xcopyagent; empty: none was made
    std::string log = "syslog"; // or "stderr"
    std::string volumes_root = "/vmfs/volumes";
    std::string devices_root = "/vmfs/devices/disks";
    std::string agent_path; // what supervisors are started from; empty: this very program
    ToolPaths tools;

    int max_running = 4;
    int max_queued = 64;
    int max_connections = 64; // select(2) must hold them all

    std::int64_t handshake_ms = 10'000;
    std::int64_t header_ms = 10'000;
    std::int64_t body_ms = 10'000;
    std::int64_t idle_ms = 75'000;
    std::int64_t facts_max_age_ms = 60'000; // how old the view of the host may be that a clone is judged by
};

// One thing that is wrong with a setting, and what to do about it.
struct ConfigProblem {
    std::string setting;
    std::string message;
    std::string remedy;
};

Result<Config> parse_config(std::string_view json);
Result<Config> read_config(const std::string& path);

// Where a new key waits for its certificate; until then the old pair serves.
std::string next_key_file(const Config&);

// What can be said without touching the host.
std::vector<ConfigProblem> check_values(const Config&);
// That, and whether directories and tools it names are there and usable. Makes the state directory (0700).
std::vector<ConfigProblem> check_host(const Config&);
// That, and whether the host is enrolled.
std::vector<ConfigProblem> validate(const Config&);

// All problems as one text, a line each.
std::string describe(const std::vector<ConfigProblem>&);

struct ListenAddress {
    std::string address; // without brackets
    std::uint16_t port = routes::default_port;
};
Result<ListenAddress> parse_listen(std::string_view text);

std::string default_state_dir();

} // namespace xcopy
