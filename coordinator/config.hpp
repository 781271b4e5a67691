// Everything the program is told, read once: flags, then environment (XCOPY_… and STORAGE_…), then --config.
#pragma once

#include "coordinator/copy_order.hpp"
#include "coordinator/host/agent_host.hpp"
#include "coordinator/host/ssh_options.hpp"
#include "coordinator/kube/options.hpp"
#include "coordinator/vsphere/options.hpp"
#include "vendors/array_config.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

enum class Output : std::uint8_t { table, json };

struct Config {
    std::vector<AgentAddress> agents;
    AgentTls agent_tls;
    SshOptions ssh;
    std::map<std::string, std::string> host_ids;     // of vCenter, by the name of the host: "host-21"
    std::uint16_t agent_port = routes::default_port; // of agents on hosts that vCenter names
    ArrayConfig storage;
    VsphereOptions vsphere;
    std::string state_dir;
    kube::Options kube;
    Output output = Output::table;
    bool debug = false; // a line for every request

    struct MetricsListen {
        std::string address;
        std::uint16_t port = 0; // 0: any
    };
    std::optional<MetricsListen> metrics; // where to serve /metrics; empty: nowhere
    CopyOrder order;
};

// Values by name of the setting, as a flag spells it without the dashes.
using Values = std::map<std::string, std::vector<std::string>>;
using Environment = std::map<std::string, std::string>;

// What a command needs of the configuration.
struct Needs {
    bool agents = false;
    bool storage = false;
    bool copy = false;
    bool state = false;
};

struct Setting {
    const char* name;  // --name, XCOPY_NAME, "name" in the --config file
    const char* also;  // another environment variable with the same meaning; may be empty
    const char* value; // how help calls its value
    const char* help;
    bool many;          // may be given more than once
    bool Needs::*group; // the commands it belongs to; null: all
    Result<void> (*read)(Config&, const std::vector<std::string>&);
};

const std::vector<Setting>& settings();

struct ReadConfig {
    Config config;
    std::vector<std::string> problems; // all of them, each with its remedy
};

ReadConfig read_config(const Values& flags, const Environment& environment, Needs needs);

Environment environment_of_process();

// False where SSH alone is asked for, and where there is a key for SSH but no certificate that an agent would accept.
bool uses_agents(const Config& config);

// Secrets that were read are taken out of the environment: every process of this user could read them there.
void forget_secrets(Environment& read);

} // namespace xcopy
