#include "coordinator/host/ssh_options.hpp"

#include "coordinator/config_files.hpp"
#include "coordinator/setting_readers.hpp"
#include "coordinator/ssh/host_keys.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <set>

namespace xcopy {

namespace {

using namespace setting;

// Forklift's word for its provider; anything but "ssh" is its VIB, which our agent stands in for.
Result<void> set_clone_method(Config& config, const Texts& given)
{
    std::string word;
    for (const char c : given.front())
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    config.ssh.choice = word == "ssh" ? TransportChoice::ssh : TransportChoice::automatic;
    return {};
}

// Read after it, so that it goes first.
Result<void> set_choice(Config& config, const Texts& given)
{
    return one_of<TransportChoice>(
        {{"auto", TransportChoice::automatic}, {"agent", TransportChoice::agent}, {"ssh", TransportChoice::ssh}},
        config.ssh.choice, given);
}

Result<void> add_hosts(Config& config, const Texts& given)
{
    for (const auto& one : given) {
        auto host = parse_ssh_host(one, config.ssh);
        if (!host)
            return host.error();
        config.ssh.hosts.push_back(std::move(*host));
    }
    return {};
}

std::string without_line_end(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.pop_back();
    return text;
}

// A line of authorized_keys as it is, or in base64 as Forklift's secrets have it.
std::string public_key_text(std::string given)
{
    given = without_line_end(std::move(given));
    if (given.find(' ') != std::string::npos || given.empty() || given.size() % 4 != 0)
        return given;
    std::string decoded(given.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                        reinterpret_cast<const unsigned char*>(given.data()), static_cast<int>(given.size()));
    return length < 0 ? given : without_line_end(decoded.substr(0, decoded.find('\0')));
}

Result<void> read_key(Config& config, const Texts& given)
{
    auto key = read_secret_text(given.front());
    if (!key)
        return key.error();
    auto checked = private_key_text(*key);
    if (!checked)
        return checked.error();
    config.ssh.private_key = std::move(*checked);
    if (auto line = read_secret_text(given.front() + ".pub"); line)
        config.ssh.public_key = public_key_text(line->reveal());
    return {};
}

Result<void> read_known_hosts(Config& config, const Texts& given)
{
    const auto known = read_secret_text(given.front());
    if (!known)
        return known.error();
    config.ssh.known_hosts = known->reveal();
    return {};
}

} // namespace

const std::vector<Setting>& ssh_settings()
{
    static const std::vector<Setting> all{
        {"esxi-clone-method", "ESXI_CLONE_METHOD", "vib|ssh", "Forklift's word; ssh: as --host-transport ssh", false,
         &Needs::agents, set_clone_method},
        {"host-transport", "", "auto|agent|ssh",
         "how hosts are reached; auto: by the agent, by SSH where a host has none that can serve", false,
         &Needs::agents, set_choice},
        {"ssh-user", "", "NAME", "who signs in on the hosts (root)", false, &Needs::agents,
         text<&Config::ssh, &SshOptions::user>},
        {"ssh-port", "", "PORT", "the port of the hosts' SSH (22)", false, &Needs::agents,
         number<1, largest_port, &Config::ssh, &SshOptions::port>},
        {"ssh-host", "", "NAME=[USER@]ADDRESS[:PORT]",
         "an ESXi host that is reached by SSH; repeat it. With the name of an agent: that host's address for SSH", true,
         &Needs::agents, add_hosts},
        {"ssh-key-file", "", "FILE", "private key for the hosts, PEM or OpenSSH; else SSH_PRIVATE_KEY", false,
         &Needs::agents, read_key},
        {"ssh-known-hosts-file", "", "FILE",
         "the hosts' keys, and no others; else XCOPY_SSH_KNOWN_HOSTS; without: a new key is accepted and pinned for "
         "the job",
         false, &Needs::agents, read_known_hosts},
        {"ssh-timeout-seconds", "SSH_TIMEOUT_SECONDS", "SECONDS", "how long connecting and signing in may take (30)",
         false, &Needs::agents, seconds<3600, &Config::ssh, &SshOptions::timeout>},
        {"ssh-datastore", "", "NAME|UUID", "in whose root the script lies, where that is not the source's datastore",
         false, &Needs::agents, text<&Config::ssh, &SshOptions::datastore>},
    };
    return all;
}

std::vector<std::string> read_ssh_environment(const std::map<std::string, std::string>& environment,
                                              SshOptions& options)
{
    std::vector<std::string> problems;
    const auto value = [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    if (const Secret given(value("SSH_PRIVATE_KEY")); !given.empty()) {
        auto key = private_key_text(given);
        if (key)
            options.private_key = std::move(*key);
        else
            problems.push_back(fmt::format("SSH_PRIVATE_KEY: {}; {}", key.error().message, key.error().remedy));
    }
    options.public_key = public_key_text(value("SSH_PUBLIC_KEY"));
    options.known_hosts = value("XCOPY_SSH_KNOWN_HOSTS");
    return problems;
}

void check_ssh(const SshOptions& options, std::vector<std::string>& problems)
{
    if (!options.is_given() && options.choice == TransportChoice::ssh)
        problems.emplace_back("no SSH key is given for --host-transport ssh; use SSH_PRIVATE_KEY or --ssh-key-file");
    else if (!options.is_given() && !options.hosts.empty() && options.choice != TransportChoice::agent)
        problems.emplace_back("no SSH key is given for --ssh-host; use SSH_PRIVATE_KEY or --ssh-key-file");
    std::set<std::string> seen;
    for (const auto& host : options.hosts)
        if (!seen.insert(host.name).second)
            problems.push_back(fmt::format("two SSH hosts are called '{}'; give each a name of its own", host.name));
    HostKeys keys;
    if (auto known = keys.add_known(options.known_hosts); !known)
        problems.push_back(fmt::format("{}; {}", known.error().message, known.error().remedy));
}

Result<SshAddress> parse_ssh_host(std::string_view text, const SshOptions& defaults)
{
    const auto equals = text.find('=');
    const auto address = equals == std::string_view::npos ? text : text.substr(equals + 1);
    auto host = parse_ssh_address(address);
    if (!host)
        return host.error();
    if (equals == 0)
        return Error{Errc::bad_request, fmt::format("host '{}': the name is empty", text),
                     "write it as --ssh-host NAME=ADDRESS, for example esx1=10.0.0.11", "bad_host"};
    if (equals != std::string_view::npos)
        host->name = text.substr(0, equals);
    if (address.find('@') == std::string_view::npos)
        host->user = defaults.user;
    const auto end = address.rfind(':');
    const bool has_port = address.find(']') != std::string_view::npos
                              ? address.back() != ']'
                              : end != std::string_view::npos && address.find(':') == end;
    if (!has_port)
        host->port = defaults.port;
    return host;
}

} // namespace xcopy
