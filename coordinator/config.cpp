#include "coordinator/config.hpp"

#include "coordinator/config_files.hpp"
#include "coordinator/kube/settings.hpp"
#include "protocol/ids.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <unistd.h>

namespace xcopy {

namespace {

using Texts = std::vector<std::string>;

std::string env_name(const Setting& setting)
{
    std::string name = "XCOPY_";
    for (const char* c = setting.name; *c; ++c)
        name += *c == '-' ? '_' : static_cast<char>(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    return name;
}

std::string default_state_dir(const Environment& environment)
{
    const auto home = environment.find("HOME");
    if (::geteuid() == 0 || home == environment.end())
        return "/var/lib/xcopy-coordinator";
    return home->second + "/.local/state/xcopy-coordinator";
}

std::string sentence(const Error& error)
{
    return error.remedy.empty() ? error.message : error.message + "; " + error.remedy;
}

const Texts* given_value(const Setting& setting, const Values& flags, const Environment& environment, Texts& held,
                         const Values& file)
{
    if (const auto flag = flags.find(setting.name); flag != flags.end())
        return &flag->second;
    for (const std::string& name : {env_name(setting), std::string(setting.also)})
        if (const auto found = environment.find(name); found != environment.end() && !found->second.empty()) {
            held = {found->second};
            return &held;
        }
    const auto found = file.find(setting.name);
    return found == file.end() || found->second.empty() ? nullptr : &found->second;
}

std::optional<std::string> bootstrap(const char* name, const Values& flags, const Environment& environment,
                                     const Values& file)
{
    const auto setting =
        std::ranges::find_if(settings(), [&](const Setting& s) { return std::string_view(s.name) == name; });
    Texts held;
    const auto* value = given_value(*setting, flags, environment, held, file);
    return value ? std::optional(value->front()) : std::nullopt;
}

void check_unknown(const Values& file, std::vector<std::string>& problems)
{
    for (const auto& [key, value] : file)
        if (std::ranges::none_of(settings(), [&](const Setting& s) { return key == s.name; }))
            problems.push_back(fmt::format("--config: unknown setting '{}'; see --help for the names", key));
}

bool has_agent_identity(const AgentTls& tls)
{
    return !(tls.ca_file.empty() && tls.ca_pem.empty() && tls.cert_file.empty() && tls.cert_pem.empty() &&
             tls.key_file.empty() && tls.key_pem.empty());
}

void check_hosts(const Config& config, std::vector<std::string>& problems)
{
    if (config.agents.empty() && config.ssh.hosts.empty() && !config.vsphere.is_given())
        problems.emplace_back("no host is given; name each with --agent NAME=ADDRESS, use --agents FILE, --ssh-host "
                              "NAME=ADDRESS for one without an agent, or --vsphere-hostname to find them in vCenter");
    std::set<std::string> seen;
    for (const auto& agent : config.agents)
        if (!seen.insert(agent.name).second)
            problems.push_back(fmt::format("two agents are called '{}'; give each host a name of its own", agent.name));
    check_ssh(config.ssh, problems);
    const bool are_agents_named = !config.agents.empty() && config.ssh.choice != TransportChoice::ssh;
    if (!uses_agents(config) && !are_agents_named)
        return;
    const auto need = [&](const std::string& file, bool has_text, std::string_view flag, std::string_view variable,
                          std::string_view what) {
        if (has_text)
            return;
        if (file.empty())
            problems.push_back(
                fmt::format("no {} is given; agents accept only clients they can identify: use --{}, or {} with the "
                            "text of it",
                            what, flag, variable));
        else if (::access(file.c_str(), R_OK) != 0)
            problems.push_back(fmt::format("--{} {} cannot be read", flag, file));
    };
    const auto& tls = config.agent_tls;
    need(tls.ca_file, !tls.ca_pem.empty(), "agent-ca-file", "XCOPY_AGENT_CA", "CA certificate");
    need(tls.cert_file, !tls.cert_pem.empty(), "agent-cert-file", "XCOPY_AGENT_CERT", "client certificate");
    need(tls.key_file, !tls.key_pem.empty(), "agent-key-file", "XCOPY_AGENT_KEY", "client key");
}

void check_storage(const Config& config, std::vector<std::string>& problems)
{
    const auto known = vendors();
    if (config.storage.vendor.empty())
        problems.push_back(fmt::format("no storage vendor is given; use --storage-vendor-product, one of: {}",
                                       fmt::join(known, ", ")));
    else if (!std::ranges::count(known, config.storage.vendor))
        problems.push_back(
            fmt::format("unknown storage vendor '{}'; known are: {}", config.storage.vendor, fmt::join(known, ", ")));
    if (config.storage.hostname.empty())
        problems.emplace_back("no array is given; use --storage-hostname or STORAGE_HOSTNAME");
}

void check_copy(const Config& config, std::vector<std::string>& problems)
{
    const bool has_claim = !config.kube.claim.empty(); // the cluster knows the rest
    if (config.order.target.handle.empty() && !has_claim)
        problems.emplace_back(
            "no target is given; --owner-name is a PersistentVolumeClaim, --volume-handle the CSI volume "
            "handle of its PersistentVolume");
    if (config.order.source.empty())
        problems.emplace_back("no source is given; use --source-vmdk '[datastore] folder/disk.vmdk'");
    if (config.order.job.empty() && !has_claim)
        problems.emplace_back("no job is given; use --owner-uid with the UID of the PersistentVolumeClaim");
}

} // namespace

bool uses_agents(const Config& config)
{
    if (config.ssh.choice == TransportChoice::ssh)
        return false;
    return has_agent_identity(config.agent_tls) || !config.ssh.is_given();
}

ReadConfig read_config(const Values& flags, const Environment& environment, Needs needs)
{
    ReadConfig result;
    auto& [config, problems] = result;
    Values file;
    if (const auto path = bootstrap("config", flags, environment, {})) {
        auto values = read_config_file(*path);
        if (values)
            file = std::move(*values);
        else
            problems.push_back("--config: " + sentence(values.error()));
    }
    check_unknown(file, problems);

    if (needs.storage) {
        Environment secrets = environment;
        if (const auto path = bootstrap("storage-secret-file", flags, environment, file)) {
            auto found = read_secret_file(*path);
            if (!found)
                problems.push_back("--storage-secret-file: " + sentence(found.error()));
            else // what is exported for this one run goes before the file
                secrets.insert(found->begin(), found->end());
        }
        config.storage = array_config_from("", secrets);
        if (const auto vendor = secrets.find("STORAGE_VENDOR"); vendor != secrets.end())
            config.storage.vendor = vendor->second;
    }
    config.state_dir = default_state_dir(environment);
    read_vsphere_environment(environment, config.vsphere);
    if (needs.agents)
        for (auto& problem : read_ssh_environment(environment, config.ssh))
            problems.push_back(std::move(problem));
    const auto text = [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    };
    config.agent_tls.ca_pem = text("XCOPY_AGENT_CA");
    config.agent_tls.cert_pem = text("XCOPY_AGENT_CERT");
    config.agent_tls.key_pem = Secret(text("XCOPY_AGENT_KEY"));

    Texts held;
    for (const auto& setting : settings()) {
        if (setting.group && !(needs.*setting.group))
            continue;
        const auto* given = given_value(setting, flags, environment, held, file);
        if (!given)
            continue;
        if (auto read = setting.read(config, *given); !read)
            problems.push_back(fmt::format("--{}: {}", setting.name, sentence(read.error())));
    }
    if (config.order.job.empty() && parse_job_id(config.order.target.handle))
        config.order.job = config.order.target.handle; // pvc-UID on most drivers: as unique as the claim itself
    config.order.vendor = config.storage.vendor;
    config.order.array = config.storage.hostname;
    if (auto url = base_url(config.storage.hostname); url) // one array, however its name is written
        config.order.array = url->substr(std::string_view("https://").size());
    else if (needs.storage && !config.storage.hostname.empty())
        problems.push_back(sentence(url.error()));

    const bool hosts_named = !config.agents.empty() || !config.ssh.hosts.empty();
    if (needs.agents && (hosts_named || !config.order.backing)) // a copy inside the array needs no host
        check_hosts(config, problems);
    if (needs.agents)
        check_vsphere(config.vsphere, problems);
    if (needs.storage)
        check_storage(config, problems);
    if (needs.copy)
        check_copy(config, problems);
    kube::check(config, environment, needs, problems);
    return result;
}

Environment environment_of_process()
{
    Environment all;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            all.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

void forget_secrets(Environment& read)
{
    for (const char* name : {"SSH_PRIVATE_KEY", "XCOPY_AGENT_KEY"}) {
        if (const auto found = read.find(name); found != read.end()) {
            ::explicit_bzero(found->second.data(), found->second.size());
            read.erase(found);
        }
        if (char* value = std::getenv(name)) {
            ::explicit_bzero(value, std::strlen(value));
            ::unsetenv(name);
        }
    }
}

} // namespace xcopy
