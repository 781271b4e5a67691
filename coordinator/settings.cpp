#include "coordinator/kube/settings.hpp"

#include "coordinator/config_files.hpp"
#include "coordinator/setting_readers.hpp"
#include "coordinator/source.hpp"
#include "protocol/ids.hpp"

#include <limits>

namespace xcopy {

namespace {

using namespace setting;

constexpr int largest_lun = 16383;
constexpr std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max() / 4;
constexpr int a_week = 7 * 24 * 3600;

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
    return one_of<XcopyPolicy>({{"prefer", XcopyPolicy::prefer}, {"require", XcopyPolicy::require}}, config.order.xcopy,
                               given);
}

Result<void> set_log_level(Config& config, const Texts& given)
{
    return one_of<bool>({{"info", false}, {"debug", true}}, config.debug, given);
}

Result<void> set_output(Config& config, const Texts& given)
{
    return one_of<Output>({{"table", Output::table}, {"json", Output::json}}, config.output, given);
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

// "8443", "0.0.0.0:8443", "[::]:8443"
Result<void> set_metrics(Config& config, const Texts& given)
{
    const auto& text = given.front();
    const auto colon = text.rfind(':');
    Config::MetricsListen listen{.address = colon == std::string::npos ? "::" : text.substr(0, colon)};
    if (listen.address.starts_with('[') && listen.address.ends_with(']'))
        listen.address = listen.address.substr(1, listen.address.size() - 2);
    const auto port = number_between<std::uint16_t>(text.substr(colon == std::string::npos ? 0 : colon + 1), 0, 65535);
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
         number<1, largest_port, &Config::agent_port>},
        {"agents", "", "FILE", "JSON list of agents: [{\"name\",\"address\",\"port\",\"uuid\"}]", false, &Needs::agents,
         add_agents_file},
        {"agent-ca-file", "", "FILE", "PEM certificate of the CA that issued the agents' certificates", false,
         &Needs::agents, text<&Config::agent_tls, &AgentTls::ca_file>},
        {"agent-cert-file", "", "FILE", "PEM client certificate, with the role xcopy://role/operator", false,
         &Needs::agents, text<&Config::agent_tls, &AgentTls::cert_file>},
        {"agent-key-file", "", "FILE", "PEM key of that certificate", false, &Needs::agents,
         text<&Config::agent_tls, &AgentTls::key_file>},

        {"storage-vendor-product", "STORAGE_VENDOR", "NAME", "the array's vendor", false, &Needs::storage,
         text<&Config::storage, &ArrayConfig::vendor>},
        {"storage-hostname", "STORAGE_HOSTNAME", "HOST", "the array's management address", false, &Needs::storage,
         text<&Config::storage, &ArrayConfig::hostname>},
        {"storage-username", "STORAGE_USERNAME", "NAME", "the array's account", false, &Needs::storage,
         text<&Config::storage, &ArrayConfig::username>},
        {"storage-secret-file", "", "FILE", "STORAGE_… values: KEY=value lines or a JSON object", false,
         &Needs::storage, nothing},
        {"storage-skip-ssl-verification", "STORAGE_SKIP_SSL_VERIFICATION", "true|false",
         "true: the array's certificate is not checked", false, &Needs::storage, set_storage_insecure},
        {"storage-http-timeout-seconds", "STORAGE_HTTP_TIMEOUT_SECONDS", "SECONDS",
         "limit of one request to the array (60)", false, &Needs::storage, set_storage_timeout},
        {"storage-ca-file", "STORAGE_CA_FILE", "FILE", "PEM certificate of the CA that issued the array's certificate",
         false, &Needs::storage, text<&Config::storage, &ArrayConfig::ca_file>},

        {"state-dir", "", "DIR", "where the journal is kept", false, &Needs::state, text<&Config::state_dir>},

        {"owner-uid", "", "UID", "UID of the PersistentVolumeClaim: the name of the job", false, &Needs::state,
         set_job},
        {"volume-handle", "", "HANDLE", "the target: spec.csi.volumeHandle of its PersistentVolume", false,
         &Needs::copy, text<&Config::order, &CopyOrder::target, &VolumeHandle::handle>},
        {"volume-attribute", "", "KEY=VALUE", "one of spec.csi.volumeAttributes; repeat it", true, &Needs::copy,
         add_attributes},
        {"pvc-size", "", "BYTES", "the size the target must have at least", false, &Needs::copy,
         number<1, most_bytes, &Config::order, &CopyOrder::expected_size>},
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
         &Needs::copy, text<&Config::order, &CopyOrder::migration_host>},
        {"lun", "", "NUMBER", "LUN number to map under; else a free one is chosen", false, &Needs::copy,
         number<0, largest_lun, &Config::order, &CopyOrder::lun>},
        {"xcopy", "", "prefer|require", "require: fail when the array does not do the copying", false, &Needs::copy,
         set_policy},
        {"metrics-listen", "", "[ADDRESS:]PORT", "serve Prometheus metrics there by HTTPS while copying", false,
         &Needs::copy, set_metrics},
        {"attach-timeout", "", "SECONDS", "how long the host may take to see the target (120)", false, &Needs::copy,
         seconds<a_week, &Config::order, &CopyOrder::limits, &Limits::attach>},
        {"agent-lost-after", "", "SECONDS", "silence of the host after which the result is unknown (600)", false,
         &Needs::copy, seconds<a_week, &Config::order, &CopyOrder::limits, &Limits::agent_lost>},
        {"clone-time-limit", "", "SECONDS", "how long vmkfstools may run (no limit)", false, &Needs::copy,
         seconds<a_week, &Config::order, &CopyOrder::limits, &Limits::clone>},
        {"cleanup-timeout", "", "SECONDS", "how long putting everything back may take (300)", false, &Needs::state,
         seconds<a_week, &Config::order, &CopyOrder::limits, &Limits::clean_up>},
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

} // namespace xcopy
