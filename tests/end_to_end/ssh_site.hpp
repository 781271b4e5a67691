// A site whose hosts have an SSH server, the key of Forklift's users, and the script on their datastore; agents where asked for.
#pragma once

#include "tests/end_to_end/site.hpp"

#include <string>
#include <utility>

namespace e2e {

struct SshSite : Site {
    // `agents`: the hosts whose agents run.
    explicit SshSite(const std::vector<std::string>& agents = {});

    std::string public_key; // "ssh-rsa AAAA…"

    void authorize(const std::string& host, const std::string& lines) const; // in place of all others
    int logins(const std::string& host) const;                               // ever, by the server's own log
    void new_host_key(const std::string& host) const;                        // as after a new installation
    std::string known_hosts_line(const std::string& host) const;
    std::string fingerprint(const std::string& host) const; // of the key that is negotiated
    void start_agent(const std::string& host) const;
    void stop_agent(const std::string& host) const; // as if it were not installed: its port refuses

private:
    std::filesystem::path root(const std::string& host) const;
    std::filesystem::path host_key_file(const std::string& host) const;
};

// A key pair as Forklift makes it, in the coordinator's environment and, restricted, on these hosts. Gives the public key.
std::string give_forklifts_key(Site&, const std::vector<std::string>& hosts);

// What stands before the key on a host of Forklift's users (facts/forklift-contract.md 7.2).
extern const char* const forced_command;

} // namespace e2e
