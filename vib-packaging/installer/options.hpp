// What the command line and the environment ask for, checked: every problem at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vib-packaging/installer/discovery.hpp"
#include "vib-packaging/installer/fleet.hpp"

namespace xcopy::installer {

struct Options {
    std::vector<std::string> esxi_hosts{}; // each may be a comma separated list, as Forklift's users write it
    std::string esxi_hosts_file{};
    VsphereOptions vsphere{}; // asked for hosts where none is named
    std::string vsphere_thumbprint{};
    std::string vsphere_secret_file{};
    Secret vsphere_password{};                     // of the flag that Forklift's vib-installer has
    std::string vib_path = "/bin/xcopy-agent.vib"; // where the container image has it
    std::string ssh_user = "root";
    std::uint16_t ssh_port = 22; // of hosts that vCenter names
    std::string ssh_key_file{};
    std::int64_t ssh_timeout_s = 30;
    std::string known_hosts{};
    bool strict_host_keys = false;
    std::size_t parallel = 8;
    std::vector<std::string> allow{};
    bool lower_acceptance = false;
    bool allow_downgrade = false;
    std::string acceptance_after_removal{};
    std::string clones = "wait";
    std::int64_t wait_minutes = 60;
    bool renew = false;
    std::string ca_dir{};
    std::string sign_command{};
    AgentTls tls{};
    std::uint16_t agent_port = routes::default_port;
    bool dry_run = false;
    std::string output = "table";
};

struct Ready {
    std::vector<HostLogin> hosts{}; // empty where vCenter is to be asked for them
    std::optional<VsphereOptions> vcenter{};
    SshLogin login{};
    Job job{};
    FleetOptions fleet{};
    std::unique_ptr<Signer> signer{}; // null: nobody signs
    std::vector<Error> problems{};
    std::vector<std::string> warnings{};
};

using Variables = std::map<std::string, std::string>;

// "[NAME=][USER@]ADDRESS[:PORT]" per entry or line; blanks and lines with # are passed over; a host named twice is a problem.
std::vector<SshAddress> read_hosts(const Options&, std::vector<Error>& problems);
// Nothing where none is given by flag or GOVMOMI_HOSTNAME.
std::optional<VsphereOptions> read_vcenter(const Options&, const Variables& environment, std::vector<Error>& problems);
bool is_network(const std::string& cidr); // an address or prefix, IPv4 or IPv6

// Reads files too.
Ready prepare(const Options&, const Variables& environment, Command);

// Host keys from the file, and back into it what was accepted.
Result<void> load_known_hosts(const std::string& file, HostKeys&);
Result<void> save_known_hosts(const std::string& file, const HostKeys&);

} // namespace xcopy::installer
