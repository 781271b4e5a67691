#include "vib-packaging/installer/discovery.hpp"

#include "coordinator/vsphere/vcenter.hpp"

#include <fmt/format.h>

namespace xcopy::installer {

std::vector<SshAddress> ssh_addresses(const std::vector<vsphere::HostInfo>& hosts, const SshDefaults& ssh)
{
    std::vector<SshAddress> all;
    all.reserve(hosts.size());
    for (const auto& host : hosts)
        all.push_back({.name = host.name,
                       .address = host.addresses.empty() ? host.name : host.addresses.front(),
                       .port = ssh.port,
                       .user = ssh.user});
    return all;
}

Result<std::vector<SshAddress>> hosts_in_vcenter(const Call& call, rest::Transport& transport, Log& log,
                                                 const VsphereOptions& options, const SshDefaults& ssh)
{
    auto endpoint = vsphere_endpoint(options);
    if (!endpoint)
        return endpoint.error();
    vsphere::Session session(transport, std::move(*endpoint), log);
    const auto hosts = vsphere::hosts_of(session, call.within(options.patience), options.datacenter);
    session.sign_out(call.within(std::chrono::seconds(5)));
    if (!hosts)
        return Error(hosts.error()).in("ask vCenter for its hosts");
    if (hosts->empty())
        return Error{Errc::not_found, fmt::format("{} has no host", options.hostname),
                     "name hosts with --esxi-hosts, or another --datacenter", "no_host"};
    return ssh_addresses(*hosts, ssh);
}

} // namespace xcopy::installer
