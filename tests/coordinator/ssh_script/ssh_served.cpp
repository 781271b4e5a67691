#include "tests/coordinator/ssh_script/ssh_served.hpp"

#include "agent/esxi/child.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace xcopy::ssh_script {

std::string contents_of(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

SshServed::SshServed(const std::string& version, const std::string& key_type)
    : host({{"hosts", {{{"name", "esx1"}, {"managed", true}, {"version", version}}}}}), private_key_([&] {
          const auto key = host.lab.directory() / "user-key";
          const auto made = run({"/usr/bin/ssh-keygen", "-q", "-t", key_type, "-N", "", "-f", key}, {});
          if (!made || made->exit_status != 0)
              throw std::runtime_error("ssh-keygen failed");
          const auto public_key = contents_of(key.string() + ".pub");
          host.lab.call({{"do", "host.authorize"},
                         {"host", "esx1"},
                         {"line", authorized_keys_line(public_key.substr(0, public_key.find('\n')))}});
          return contents_of(key);
      }()),
      session(another_session()), ssh(host_by(*session))
{}

std::unique_ptr<SshSession> SshServed::another_session()
{
    return std::make_unique<SshSession>(SshAddress{.name = "esx1",
                                                   .address = esx.at("address").get<std::string>(),
                                                   .port = esx.at("ssh").at("port").get<std::uint16_t>()},
                                        SshLogin{.private_key = Secret(private_key_)}, keys_);
}

SshHost SshServed::host_by(SshSession& by) const
{
    return {by, {.datastore = "datastore1", .uuid = esx.at("uuid").get<std::string>()}};
}

void SshServed::sshd(const std::string& what) const
{
    host.lab.call({{"do", "host.sshd"}, {"host", "esx1"}, {"what", what}});
    if (what != "stop")
        EXPECT_TRUE(eventually([&] {
            const auto seen =
                run({"/usr/bin/ssh-keyscan", "-T", "2", "-p", std::to_string(esx.at("ssh").at("port").get<int>()),
                     esx.at("address").get<std::string>()},
                    {});
            return seen && (seen->out + seen->err).find("SSH-2.0") != std::string::npos;
        })) << "sshd does not answer";
}

void SshServed::sshd_setting(const std::string& line) const
{
    const auto config = root / "etc/ssh/sshd_config";
    const auto before = contents_of(config);
    std::ofstream(config) << line << '\n' << before; // of two lines sshd takes the first
}

void SshServed::cut_connections() const
{
    host.lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", "^sshd: root"}, {"signal", SIGKILL}});
}

Result<CloneStatus> cloned(const Call& call, SshHost& ssh, const Disk& disk, const Target& target)
{
    auto status = ssh.start_clone(call, target.job,
                                  {.source = disk.source, .target_naa = target.naa, .target_size = target.size});
    while (status && !is_final(status->state))
        status = ssh.watch_clone(call, target.job, status->revision, std::chrono::seconds(20));
    return status;
}

} // namespace xcopy::ssh_script
