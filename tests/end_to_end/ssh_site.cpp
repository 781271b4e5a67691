#include "tests/end_to_end/ssh_site.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace e2e {

namespace fs = std::filesystem;
using nlohmann::json;

const char* const forced_command =
    R"(command="sh -c 'DS=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=\([^;]*\);.*/\1/p\"); )"
    R"(CMD=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=[^;]*;CMD=\(.*\)/\1/p\"); )"
    R"(if [ -z \"$DS\" ]; then echo SSH_OK; else SSH_ORIGINAL_COMMAND=\"$CMD\" exec sh /vmfs/volumes/$DS/secure-vmkfstools-wrapper; fi'",)"
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding ";

namespace {

json two_hosts(const std::vector<std::string>& agents)
{
    auto hosts = json::array();
    for (const char* name : {"esx1", "esx2"})
        hosts.push_back({{"name", name}, {"ssh", true}, {"agent", std::ranges::count(agents, name) > 0}});
    return {{"hosts", hosts}};
}

std::string contents(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line(const fs::path& path)
{
    const auto text = contents(path);
    return text.substr(0, text.find('\n'));
}

std::string base64_of(const fs::path& file, const fs::path& work)
{
    return run({"/usr/bin/base64", "-w0", file}, {}, work).out;
}

} // namespace

std::string give_forklifts_key(Site& site, const std::vector<std::string>& hosts)
{
    const auto key = site.work() / "forklift";
    const auto made = run({"/usr/bin/ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", key},
                          {}, site.work());
    if (made.exit != 0)
        throw std::runtime_error("ssh-keygen: " + made.err);
    auto public_key = first_line(key.string() + ".pub");
    site.more_environment["SSH_PRIVATE_KEY"] = base64_of(key, site.work());
    site.more_environment["SSH_PUBLIC_KEY"] = base64_of(key.string() + ".pub", site.work());
    site.more_environment["XCOPY_SSH_PORT"] = "2222";
    for (const auto& host : hosts) {
        const fs::path root = site.lab.ready().at("hosts").at(host).at("root").get<std::string>();
        std::ofstream(root / "etc/ssh/keys-root/authorized_keys") << forced_command << public_key << '\n';
    }
    return public_key;
}

SshSite::SshSite(const std::vector<std::string>& agents) : Site(two_hosts(agents))
{
    public_key = give_forklifts_key(*this, {"esx1", "esx2"});
    fs::copy_file(SSH_SCRIPT, lab.datastore("datastore1") / "secure-vmkfstools-wrapper");
}

fs::path SshSite::root(const std::string& host) const
{
    return lab.ready().at("hosts").at(host).at("root").get<std::string>();
}

fs::path SshSite::host_key_file(const std::string& host) const
{
    return root(host) / "etc/ssh/host_ecdsa";
}

void SshSite::authorize(const std::string& host, const std::string& lines) const
{
    std::ofstream(root(host) / "etc/ssh/keys-root/authorized_keys") << lines << '\n';
}

int SshSite::logins(const std::string& host) const
{
    const auto log = contents(root(host) / "var/log/sshd.log");
    int count = 0;
    for (auto at = log.find("Accepted publickey"); at != std::string::npos; at = log.find("Accepted publickey", at + 1))
        ++count;
    return count;
}

void SshSite::new_host_key(const std::string& host) const
{
    const auto made = work() / fmt::format("{}-new-key", host);
    if (run({"/usr/bin/ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-f", made}, {}, work()).exit != 0)
        throw std::runtime_error("ssh-keygen failed");
    fs::copy_file(made, host_key_file(host), fs::copy_options::overwrite_existing);
    lab.call({{"do", "host.sshd"}, {"host", host}, {"what", "restart"}});
}

std::string SshSite::known_hosts_line(const std::string& host) const
{
    const auto text = run({"/usr/bin/ssh-keygen", "-y", "-f", host_key_file(host)}, {}, work()).out;
    const auto& at = lab.ready().at("hosts").at(host);
    return fmt::format("[{}]:{} {}", at.at("address").get<std::string>(), at.at("ssh").at("port").get<int>(),
                       text.substr(0, text.find('\n')));
}

std::string SshSite::fingerprint(const std::string& host) const
{
    const auto line = run({"/usr/bin/ssh-keygen", "-l", "-f", host_key_file(host)}, {}, work()).out;
    const auto start = line.find("SHA256:");
    return line.substr(start, line.find(' ', start) - start);
}

void SshSite::start_agent(const std::string& host) const
{
    lab.call({{"do", "host.agent.start"}, {"host", host}});
}

void SshSite::stop_agent(const std::string& host) const
{
    lab.call({{"do", "host.agent.kill"}, {"host", host}, {"signal", SIGKILL}});
}

} // namespace e2e
