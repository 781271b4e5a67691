// The hosts of a vCenter, where the command line names none.
#pragma once

#include "coordinator/log.hpp"
#include "coordinator/ssh/ssh_login.hpp"
#include "coordinator/vsphere/host_view.hpp"
#include "coordinator/vsphere/options.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace xcopy::installer {

struct SshDefaults {
    std::string user = "root";
    std::uint16_t port = 22;
};

// Every host of the datacenter, of all where none is named: also one that vCenter has lost, for what cannot be reached
// shall be reported, not left out.
std::vector<SshAddress> ssh_addresses(const std::vector<vsphere::HostInfo>& hosts, const SshDefaults& ssh);

Result<std::vector<SshAddress>> hosts_in_vcenter(const Call&, rest::Transport&, Log&, const VsphereOptions&,
                                                 const SshDefaults&);

} // namespace xcopy::installer
