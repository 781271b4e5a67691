#include "coordinator/config.hpp"

#include "coordinator/config_files.hpp"
#include "coordinator/kube/settings.hpp"
#include "coordinator/source.hpp"
#include "protocol/ids.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <set>
#include <unistd.h>

namespace xcopy {

namespace {

using Texts = std::vector<std::string>;

template <class Number> Result<Number> number(const Texts& given, Number least, Number most)
{
    Number value{};
    const auto& text = given.front();
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return Error{Errc::bad_request, fmt::format("'{}' is not a number from {} to {}", text, least, most)};
    return value;
}

template <auto Member> Result<void> seconds(Config& config, const Texts& given)
{
    auto value = number<std::int64_t>(given, 1, 7 * 24 * 3600);
    if (!value)
        return value.error();
    config.order.limits.*Member = std::chrono::seconds(*value);
    return {};
}

Result<void> add_agents(Config& config, const Texts& given)
{
    for (const auto& text : given) {
        auto agent = parse_agent(text);
        if (!agent)
            return agent.error();
        config.agents.push_back(std::move(*agent));
    }
    return {};
}

Result<void> add_agents_file(Config& config, const Texts& given)
{
    auto agents = read_agents_file(given.front());
    if (!agents)
        return agents.error();
    config.agents.insert(config.agents.end(), agents->begin(), agents->end());
    return {};
}

Result<void> add_attributes(Config& config, const Texts& given)
{
    for (const auto& text : given) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error{Errc::bad_request, fmt::format("'{}' is not key=value", text)};
        config.order.target.attributes.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
    }
    return {};
}

Result<void> set_job(Config& config, const Texts& given)
{
    auto job = parse_job_id(given.front());
    if (!job)
        return job.error();
    config.order.job = *job;
    return {};
}

Result<void> set_source(Config& config, const Texts& given)
{
    if (auto parsed = parse_source(given.front()); !parsed)
        return parsed.error();
    config.order.source = given.front();
    return {};
}

Result<void> set_size(Config& config, const Texts& given)
{
    auto bytes = number<std::uint64_t>(given, 1, std::numeric_limits<std::uint64_t>::max() / 4);
    if (!bytes)
        return bytes.error();
    config.order.expected_size = *bytes;
    return {};
}

Result<void> set_lun(Config& config, const Texts& given)
{
    auto lun = number(given, 0, 16383);
    if (!lun)
        return lun.error();
    config.order.lun = *lun;
    return {};
}

template <DiskBacking::Kind Kind> Result<void> set_backing(Config& config, const Texts& given)
{
    if (config.order.backing)
        return Error{Errc::bad_request, "a disk is either a raw device mapping or a virtual volume"};
    config.order.backing = DiskBacking{Kind, given.front()};
    return {};
}

template <DiskBacking::Kind Kind> Result<void> disable_array_copy(Config& config, const Texts& given)
{
    if (given.front() == "true") // any other word leaves it allowed, as Forklift does
        config.order.array_copies.erase(Kind);
    return {};
}

Result<void> set_policy(Config& config, const Texts& given)
{
    if (given.front() != "prefer" && given.front() != "require")
        return Error{Errc::bad_request, fmt::format("'{}' is neither prefer nor require", given.front())};
    config.order.xcopy = given.front() == "require" ? XcopyPolicy::require : XcopyPolicy::prefer;
    return {};
}

Result<void> set_log_level(Config& config, const Texts& given)
{
    if (given.front() != "info" && given.front() != "debug")
        return Error{Errc::bad_request, fmt::format("'{}' is neither info nor debug", given.front())};
    config.debug = given.front() == "debug";
    return {};
}

Result<void> set_output(Config& config, const Texts& given)
{
    if (given.front() != "table" && given.front() != "json")
        return Error{Errc::bad_request, fmt::format("'{}' is neither table nor json", given.front())};
    config.output = given.front() == "json" ? Output::json : Output::table;
    return {};
}

// A plain text of the configuration: which of its members.
template <auto Part, auto Member> Result<void> text_of(Config& config, const Texts& given)
{
    (config.*Part).*Member = given.front();
    return {};
}

Result<void> set_state_dir(Config& config, const Texts& given)
{
    config.state_dir = given.front();
    return {};
}

Result<void> set_handle(Config& config, const Texts& given)
{
    config.order.target.handle = given.front();
    return {};
}

Result<void> set_storage_insecure(Config& config, const Texts& given)
{
    config.storage.skip_tls_verification = given.front() == "true"; // nothing else switches a safeguard off
    return {};
}

Result<void> set_storage_timeout(Config& config, const Texts& given)
{
    config.storage.extra.insert_or_assign("STORAGE_HTTP_TIMEOUT_SECONDS", given.front()); // each driver reads it
    return {};
}

Result<void> set_agent_port(Config& config, const Texts& given)
{
    const auto port = number<std::uint16_t>(given, 1, 65535);
    if (!port)
        return port.error();
    config.agent_port = *port;
    return {};
}

// "8443", "0.0.0.0:8443", "[::]:8443"
Result<void> set_metrics(Config& config, const Texts& given)
{
    const auto& text = given.front();
    const auto colon = text.rfind(':');
    Config::MetricsListen listen{.address = colon == std::string::npos ? "::" : text.substr(0, colon)};
    if (listen.address.starts_with('[') && listen.address.ends_with(']'))
        listen.address = listen.address.substr(1, listen.address.size() - 2);
    const auto port = number<std::uint16_t>({text.substr(colon == std::string::npos ? 0 : colon + 1)}, 0, 65535);
    if (!port)
        return port.error();
    listen.port = *port;
    config.metrics = listen;
    return {};
}

Result<void> nothing(Config&, const Texts&) // read before all others
{
    return {};
}

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

namespace {

std::vector<Setting> own_settings()
{
    return {
        {"config", "", "FILE", "JSON file with any of these settings, named as the flags", false, nullptr, nothing},
        {"output", "", "table|json", "how results are printed", false, nullptr, set_output},

        {"log-level", "", "info|debug", "debug: a line for every request to arrays and agents", false, nullptr,
         set_log_level},

        {"agent", "", "NAME=ADDRESS[:PORT]", "an ESXi host that runs xcopy-agent; repeat it", true, &Needs::agents,
         add_agents},
        {"agent-port", "", "PORT", "where agents listen on hosts found in vCenter (18443)", false, &Needs::agents,
         set_agent_port},
        {"agents", "", "FILE", "JSON list of agents: [{\"name\",\"address\",\"port\",\"uuid\"}]", false, &Needs::agents,
         add_agents_file},
        {"agent-ca-file", "", "FILE", "PEM certificate of the CA that issued the agents' certificates", false,
         &Needs::agents, text_of<&Config::agent_tls, &AgentTls::ca_file>},
        {"agent-cert-file", "", "FILE", "PEM client certificate, with the role xcopy://role/operator", false,
         &Needs::agents, text_of<&Config::agent_tls, &AgentTls::cert_file>},
        {"agent-key-file", "", "FILE", "PEM key of that certificate", false, &Needs::agents,
         text_of<&Config::agent_tls, &AgentTls::key_file>},

        {"storage-vendor-product", "STORAGE_VENDOR", "NAME", "the array's vendor", false, &Needs::storage,
         text_of<&Config::storage, &ArrayConfig::vendor>},
        {"storage-hostname", "STORAGE_HOSTNAME", "HOST", "the array's management address", false, &Needs::storage,
         text_of<&Config::storage, &ArrayConfig::hostname>},
        {"storage-username", "STORAGE_USERNAME", "NAME", "the array's account", false, &Needs::storage,
         text_of<&Config::storage, &ArrayConfig::username>},
        {"storage-secret-file", "", "FILE", "STORAGE_… values: KEY=value lines or a JSON object", false,
         &Needs::storage, nothing},
        {"storage-skip-ssl-verification", "STORAGE_SKIP_SSL_VERIFICATION", "true|false",
         "true: the array's certificate is not checked", false, &Needs::storage, set_storage_insecure},
        {"storage-http-timeout-seconds", "STORAGE_HTTP_TIMEOUT_SECONDS", "SECONDS",
         "limit of one request to the array (60)", false, &Needs::storage, set_storage_timeout},
        {"storage-ca-file", "STORAGE_CA_FILE", "FILE", "PEM certificate of the CA that issued the array's certificate",
         false, &Needs::storage, text_of<&Config::storage, &ArrayConfig::ca_file>},

        {"state-dir", "", "DIR", "where the journal is kept", false, &Needs::state, set_state_dir},

        {"owner-uid", "", "UID", "UID of the PersistentVolumeClaim: the name of the job", false, &Needs::state,
         set_job},
        {"volume-handle", "", "HANDLE", "the target: spec.csi.volumeHandle of its PersistentVolume", false,
         &Needs::copy, set_handle},
        {"volume-attribute", "", "KEY=VALUE", "one of spec.csi.volumeAttributes; repeat it", true, &Needs::copy,
         add_attributes},
        {"pvc-size", "", "BYTES", "the size the target must have at least", false, &Needs::copy, set_size},
        {"source-vmdk", "", "VMDK", "the source: '[datastore] folder/disk.vmdk' or its /vmfs/volumes path", false,
         &Needs::copy, set_source},
        {"source-rdm", "", "NAA",
         "the disk is a raw device mapping of this LUN (naa.… or vml.…): the array may copy it", false, &Needs::copy,
         set_backing<DiskBacking::Kind::rdm>},
        {"source-vvol", "", "ID", "the disk is this virtual volume (its backing object id): the array may copy it",
         false, &Needs::copy, set_backing<DiskBacking::Kind::vvol>},
        {"disable-rdm-method", "DISABLE_RDM_METHOD", "true|false", "true: a host copies raw device mappings too", false,
         &Needs::copy, disable_array_copy<DiskBacking::Kind::rdm>},
        {"disable-vvol-method", "DISABLE_VVOL_METHOD", "true|false", "true: a host copies virtual volumes too", false,
         &Needs::copy, disable_array_copy<DiskBacking::Kind::vvol>},
        {"migration-host", "", "NAME",
         "the host that copies; else the VM's own while it runs, else the least loaded that sees the datastore", false,
         &Needs::copy, text_of<&Config::order, &CopyOrder::migration_host>},
        {"lun", "", "NUMBER", "LUN number to map under; else a free one is chosen", false, &Needs::copy, set_lun},
        {"xcopy", "", "prefer|require", "require: fail when the array does not do the copying", false, &Needs::copy,
         set_policy},
        {"metrics-listen", "", "[ADDRESS:]PORT", "serve Prometheus metrics there by HTTPS while copying", false,
         &Needs::copy, set_metrics},
        {"attach-timeout", "", "SECONDS", "how long the host may take to see the target (120)", false, &Needs::copy,
         seconds<&Limits::attach>},
        {"agent-lost-after", "", "SECONDS", "silence of the host after which the result is unknown (600)", false,
         &Needs::copy, seconds<&Limits::agent_lost>},
        {"clone-time-limit", "", "SECONDS", "how long vmkfstools may run (no limit)", false, &Needs::copy,
         seconds<&Limits::clone>},
        {"cleanup-timeout", "", "SECONDS", "how long putting everything back may take (300)", false, &Needs::state,
         seconds<&Limits::clean_up>},
    };
}

} // namespace

const std::vector<Setting>& settings()
{
    static const std::vector<Setting> all = [] {
        auto every = own_settings();
        for (const auto& more : {ssh_settings(), vsphere_settings(), kube::settings()})
            every.insert(every.end(), more.begin(), more.end());
        return every;
    }();
    return all;
}

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
