#include "coordinator/vsphere/consult.hpp"

#include "coordinator/source.hpp"
#include "coordinator/vsphere/source_disk.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

using vsphere::HostInfo;
using vsphere::Session;

bool is_about_the_disk(const Error& error)
{
    return error.reason == "unknown_vm" || error.reason == "ambiguous_vm" || error.reason == "disk_not_of_vm";
}

// What the host is called here: the agent or SSH host that is given for it, by any name both sides may use for it.
std::string name_of(const HostInfo& host, const Config& config)
{
    const auto is_it = [&](const auto& given) {
        return given.name == host.name || given.name == host.ref.id || given.address == host.name ||
               std::ranges::count(host.addresses, given.address) > 0;
    };
    if (const auto agent = std::ranges::find_if(config.agents, is_it); agent != config.agents.end())
        return agent->name;
    const auto ssh = std::ranges::find_if(config.ssh.hosts, is_it);
    return ssh == config.ssh.hosts.end() ? host.name : ssh->name;
}

bool are_hosts_named(const Config& config)
{
    return !config.agents.empty() || !config.ssh.hosts.empty();
}

void note_ids(Config& config, const std::vector<HostInfo>& hosts)
{
    for (const auto& host : hosts)
        config.host_ids.insert_or_assign(name_of(host, config), host.ref.id);
}

// Where none is given: the agent that should run on it, on the address that vCenter manages it by.
AgentAddress agent_on(const HostInfo& host, std::uint16_t port)
{
    return {.name = host.name, .address = host.addresses.empty() ? host.name : host.addresses.front(), .port = port};
}

std::vector<AgentAddress> agents_on(const std::vector<HostInfo>& hosts, std::uint16_t port, const std::string& job,
                                    Log& log)
{
    std::vector<AgentAddress> agents;
    for (const auto& host : hosts) {
        if (host.is_usable())
            agents.push_back(agent_on(host, port));
        else
            log.warn("host left out", {{"job", job}, {"host", host.name}, {"connection", host.connection}});
    }
    return agents;
}

// Devices that carry a datastore of this vCenter, whichever host sees them: never a target.
std::map<std::string, std::string> devices_in_use(const std::vector<vsphere::DatastoreView>& datastores)
{
    std::map<std::string, std::string> used;
    for (const auto& datastore : datastores)
        for (const auto& device : datastore.devices)
            used.emplace(device, datastore.name);
    return used;
}

Result<std::vector<HostInfo>> hosts_that_mount(Session& session, const Call& call,
                                               const vsphere::DatastoreView& datastore)
{
    const auto mounts = vsphere::mounts_of(session, call, datastore.ref);
    if (!mounts)
        return mounts.error();
    std::vector<vsphere::Ref> hosts;
    for (const auto& mount : *mounts)
        if (mount.is_accessible)
            hosts.push_back(mount.host);
    return vsphere::look_at_hosts(session, call, hosts);
}

void take_over(const vsphere::SourceDisk& source, CopyOrder& order, Log& log)
{
    order.objection = vsphere::objection_to(source);
    order.source_capacity = source.disk.capacity;
    order.source_allocated = source.allocated;
    if (source.datastore.type == "VMFS") // elsewhere hosts and vCenter write it differently
        order.datastore_uuid = source.datastore.uuid;
    if (!order.backing)
        order.backing = vsphere::backing_of(source);
    log.info("disk found in vCenter", {{"job", order.job},
                                       {"vm", source.vm},
                                       {"id", source.vm_id},
                                       {"power", source.power},
                                       {"disk", source.disk.label},
                                       {"backing", source.disk.backing_type},
                                       {"datastore", source.datastore.name},
                                       {"type", source.datastore.type},
                                       {"bytes", source.disk.capacity}});
    for (const auto& remark : vsphere::remarks_on(source))
        log.warn("about the disk", {{"job", order.job}, {"what", remark}});
}

// --migration-host as Forklift writes it (host-21), or in any other way, becomes the name of a host given here.
Result<void> settle_hosts(Toolbox& tools, const std::vector<HostInfo>& hosts,
                          const std::optional<vsphere::Ref>& vm_host, bool vm_runs)
{
    auto& order = tools.config.order;
    const auto is_wanted = [&](const auto& given) { return given.name == order.migration_host; };
    const bool is_named =
        std::ranges::any_of(tools.config.agents, is_wanted) || std::ranges::any_of(tools.config.ssh.hosts, is_wanted);
    if (!order.migration_host.empty() && !is_named) {
        const auto* wanted = vsphere::find_host(hosts, order.migration_host);
        if (wanted == nullptr)
            return Error{Errc::not_found,
                         fmt::format("host '{}' does not mount the datastore, or vCenter does not know it",
                                     order.migration_host),
                         "choose another --migration-host, or leave it out", "unknown_host"};
        order.migration_host = name_of(*wanted, tools.config);
    }
    if (vm_runs && vm_host) {
        const auto own = std::ranges::find(hosts, *vm_host, &HostInfo::ref);
        if (own != hosts.end())
            order.vm_host = name_of(*own, tools.config);
    }
    return {};
}

Result<void> consult(Session& session, const Call& call, Toolbox& tools)
{
    auto& order = tools.config.order;
    const auto named = parse_source(order.source);
    if (!named)
        return named.error();
    const auto datastores = vsphere::all_datastores(session, call);
    if (!datastores)
        return datastores.error();
    order.datastore_devices = devices_in_use(*datastores);
    for (const auto& each : *datastores)
        if (!each.unreadable.empty())
            tools.log->warn("datastore not compared with the target",
                            {{"job", order.job}, {"datastore", each.ref.id}, {"why", each.unreadable}});

    std::optional<vsphere::DatastoreView> datastore;
    std::optional<vsphere::Ref> vm_host;
    bool vm_runs = false;
    if (!tools.config.vsphere.vm.empty()) {
        const auto source = vsphere::look_at_source(session, call, tools.config.vsphere.vm, order.source, *datastores);
        if (!source && !is_about_the_disk(source.error()))
            return source.error();
        if (source) {
            take_over(*source, order, *tools.log);
            datastore = source->datastore;
            vm_host = source->vm_host;
            vm_runs = source->power == "poweredOn";
        } else {
            order.objection = source.error();
        }
    }
    if (!datastore || datastore->ref.id.empty()) { // no VM is named, or the disk is none of its own
        const auto same = [&](const auto& each) {
            return each.name == named->datastore || each.uuid == named->datastore;
        };
        const auto found = std::ranges::find_if(*datastores, same);
        if (found != datastores->end() && std::ranges::count_if(*datastores, same) == 1)
            datastore = *found;
        else
            datastore.reset();
    }
    const auto hosts = datastore ? hosts_that_mount(session, call, *datastore) : vsphere::hosts_of(session, call, "");
    if (!hosts)
        return hosts.error();
    if (!are_hosts_named(tools.config))
        tools.config.agents = agents_on(*hosts, tools.config.agent_port, order.job, *tools.log);
    note_ids(tools.config, *hosts);
    return settle_hosts(tools, *hosts, vm_host, vm_runs);
}

// One sign-in, whatever is asked; signed out before the copy begins, for sessions are counted and a copy takes hours.
template <class Ask> Result<void> with_session(Toolbox& tools, const Ask& ask)
{
    auto endpoint = vsphere_endpoint(tools.config.vsphere);
    if (!endpoint)
        return endpoint.error();
    Session session(*tools.transport, std::move(*endpoint), *tools.log);
    auto done = ask(session, tools.call().within(tools.config.vsphere.patience));
    session.sign_out(tools.call().within(std::chrono::seconds(5)));
    tools.log->info("vCenter asked", {{"job", tools.config.order.job}, {"requests", session.requests()}});
    return done;
}

} // namespace

Result<void> consult_about_copy(Toolbox& tools)
{
    if (!tools.config.vsphere.is_given())
        return {};
    return with_session(tools, [&](Session& session, const Call& call) { return consult(session, call, tools); });
}

Result<void> consult_about_hosts(Toolbox& tools)
{
    if (!tools.config.vsphere.is_given() || are_hosts_named(tools.config))
        return {};
    return with_session(tools, [&](Session& session, const Call& call) -> Result<void> {
        auto hosts = vsphere::hosts_of(session, call, tools.config.vsphere.datacenter);
        if (!hosts)
            return hosts.error();
        tools.config.agents = agents_on(*hosts, tools.config.agent_port, {}, *tools.log);
        note_ids(tools.config, *hosts);
        return {};
    });
}

} // namespace xcopy
