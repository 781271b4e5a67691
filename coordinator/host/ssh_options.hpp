// What the program is told about hosts without an agent: flags, Forklift's SSH_… variables, and what may be wrong with them.
#pragma once

#include "coordinator/host/transport.hpp"
#include "coordinator/ssh/ssh_login.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace xcopy {

struct Setting;

struct SshOptions {
    TransportChoice choice = TransportChoice::automatic;
    std::vector<SshAddress> hosts; // those whose way by SSH is told; others are at their agent's address
    Secret private_key;            // empty: no host is reached by SSH
    std::string public_key;        // for the line that an administrator has to add
    std::string known_hosts;       // empty: a key seen for the first time is accepted
    std::string user = "root";
    std::uint16_t port = 22;
    std::string datastore; // in whose root the script lies; empty: the source's
    std::chrono::seconds timeout{30};

    bool is_given() const { return !private_key.empty(); }
};

const std::vector<Setting>& ssh_settings();

// SSH_PRIVATE_KEY, SSH_PUBLIC_KEY and XCOPY_SSH_KNOWN_HOSTS: values too secret or too long for a flag. What is wrong with them.
std::vector<std::string> read_ssh_environment(const std::map<std::string, std::string>& environment,
                                              SshOptions& options);

void check_ssh(const SshOptions& options, std::vector<std::string>& problems);

// "NAME=[USER@]ADDRESS[:PORT]" or without a name.
Result<SshAddress> parse_ssh_host(std::string_view text, const SshOptions& defaults);

} // namespace xcopy
