#include "coordinator/toolbox.hpp"

#include "coordinator/host/either_host.hpp"
#include "coordinator/host/ssh_host.hpp"
#include "coordinator/source.hpp"
#include "vendors/rest/observed.hpp"

#include <algorithm>
#include <cstdio>

namespace xcopy {

Toolbox make_toolbox(Config config, std::stop_token stop, bool quiet)
{
    Toolbox tools{.config = std::move(config), .stop = std::move(stop)};
    // A progress bar shares the terminal with warnings and errors only; who asks for every exchange gets it all.
    tools.log = stderr_log(tools.config.debug ? Log::Level::debug : quiet ? Log::Level::warn : Log::Level::info);
    tools.wire = rest::curl_transport();
    Log* log = tools.log.get();
    tools.transport =
        rest::observed(*tools.wire, {.exchange =
                                         [log](const rest::Exchange& one) {
                                             log->debug("request", {{"job", one.job}, {"what", one_line(one)}});
                                         },
                                     .warning =
                                         [log](std::string_view what) {
                                             log->warn("INSECURE", {{"what", what}});
                                         }});
    return tools;
}

std::vector<HostWays> ways_to_hosts(const Config& config)
{
    const auto& ssh = config.ssh;
    const bool by_ssh = ssh.is_given() && ssh.choice != TransportChoice::agent;
    std::vector<HostWays> all;
    for (const auto& agent : config.agents) {
        HostWays ways{.name = agent.name, .uuid = agent.uuid};
        if (uses_agents(config))
            ways.agent = agent;
        else
            ways.no_agent = "no certificate for agents is given";
        if (by_ssh)
            ways.ssh = SshAddress{.name = agent.name, .address = agent.address, .port = ssh.port, .user = ssh.user};
        all.push_back(std::move(ways));
    }
    for (const auto& host : ssh.hosts) {
        const auto known = std::ranges::find(all, host.name, &HostWays::name);
        if (known == all.end())
            all.push_back({.name = host.name,
                           .no_agent = "no agent is given for it",
                           .ssh = by_ssh ? std::optional(host) : std::nullopt});
        else if (by_ssh)
            known->ssh = host;
    }
    return all;
}

namespace {

// The datastore in whose root the script lies, as the forced command can be told: it takes no name with a blank.
std::string script_datastore(const Config& config)
{
    if (!config.ssh.datastore.empty())
        return config.ssh.datastore;
    if (!config.order.datastore_uuid.empty())
        return config.order.datastore_uuid;
    const auto source = parse_source(config.order.source);
    return source ? source->datastore : std::string();
}

std::unique_ptr<SshSessions> make_sessions(const SshOptions& options, Log& log)
{
    if (!options.is_given())
        return nullptr;
    const bool known = !options.known_hosts.empty();
    auto sessions = std::make_unique<SshSessions>(SshLogin{.private_key = options.private_key},
                                                  SshLimits{.connect = options.timeout},
                                                  known ? HostKeys::Unknown::refuse : HostKeys::Unknown::accept);
    if (known)
        if (auto read = sessions->keys().add_known(options.known_hosts); !read)
            log.error("known hosts not read", {{"why", read.error().message}});
    sessions->keys().on_accepted([&log](const std::string& address, const HostKey& key) {
        log.warn("host key accepted, nobody vouched for it",
                 {{"address", address}, {"type", key.type}, {"fingerprint", key.fingerprint}});
    });
    return sessions;
}

} // namespace

void make_hosts(Toolbox& tools, const ForSsh& parts)
{
    const auto& config = tools.config;
    tools.hosts.clear();
    tools.ssh = make_sessions(config.ssh, *tools.log);
    for (auto& each : ways_to_hosts(config)) {
        EitherHost::Ways ways{.no_agent = each.no_agent};
        if (each.agent)
            ways.agent = std::make_unique<AgentHost>(*each.agent, config.agent_tls, *tools.transport);
        if (each.ssh)
            ways.ssh = [address = *each.ssh, uuid = each.uuid, parts, ssh = tools.ssh.get(),
                        &config](const std::string& datastore) {
                const auto id = config.host_ids.find(address.name);
                const auto host_id = id == config.host_ids.end() ? std::string() : id->second;
                return std::make_unique<SshHost>(
                    ssh->to(address),
                    ScriptPlace{.datastore = datastore.empty() ? script_datastore(config) : datastore, .uuid = uuid},
                    SshHostParts{.public_key = config.ssh.public_key,
                                 .ensure_script = parts.ensure_script,
                                 .rescan_lock = parts.locks ? parts.locks(host_id) : RescanLock{}});
            };
        tools.hosts.push_back(std::make_unique<EitherHost>(each.name, config.ssh.choice, std::move(ways), *tools.log));
    }
}

int complain(const Error& error, int code)
{
    fmt::print(stderr, "xcopy-coordinator: {}\n", error.message);
    if (!error.remedy.empty())
        fmt::print(stderr, "  remedy: {}\n", error.remedy);
    return code;
}

} // namespace xcopy
