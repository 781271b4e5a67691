// OpenSSH's own client with an RSA key as Forklift makes it, and on the host the restricted line of its users' authorized_keys.
#pragma once

#include "agent/esxi/child.hpp"
#include "tests/coordinator/ssh_script/script_host.hpp"

namespace xcopy::ssh_script {

// A host with the sshd of that release.
nlohmann::json host_with_sshd(const std::string& version);

class OpenSsh {
public:
    explicit OpenSsh(const ScriptHost&); // made by host_with_sshd()

    std::vector<std::string> client(const std::string& words) const; // what to run here for `words` there
    Finished run(const std::string& words) const;

private:
    std::filesystem::path key_;
    std::filesystem::path known_hosts_;
    std::string login_;
    std::string port_;
};

} // namespace xcopy::ssh_script
