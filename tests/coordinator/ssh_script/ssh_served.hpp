// A simulated host without an agent, served by SshHost through the real sshd of its release, with the restricted key.
#pragma once

#include "coordinator/host/ssh_host.hpp"
#include "tests/coordinator/ssh_script/script_host.hpp"

#include <optional>
#include <string>
#include <thread>

namespace xcopy::ssh_script {

std::string contents_of(const std::filesystem::path& path);

class SshServed {
public:
    explicit SshServed(const std::string& version = "8.0.2", const std::string& key_type = "ecdsa");

    // Another coordinator of the same job: a connection of its own.
    std::unique_ptr<SshSession> another_session();
    SshHost host_by(SshSession& session) const;

    void sshd(const std::string& what) const;         // start, stop, restart; what it serves goes on
    void sshd_setting(const std::string& line) const; // with the next start
    void cut_connections() const;                     // kill -9 of what serves them

    ScriptHost host;
    const nlohmann::json esx = host.lab.ready().at("hosts").at("esx1");
    const std::filesystem::path root = esx.at("root").get<std::string>();
    Call call{.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(4), .job = "job-1"};

private:
    std::string private_key_;
    HostKeys keys_{};

public:
    std::unique_ptr<SshSession> session;
    SshHost ssh;
};

// As a coordinator does it: ordered, watched until it is final, asked again while the host cannot be heard.
Result<CloneStatus> cloned(const Call& call, SshHost& ssh, const Disk& disk, const Target& target);

} // namespace xcopy::ssh_script
