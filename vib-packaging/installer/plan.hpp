// What has to be done to a host, decided from how it stands and how it is wanted. Values in, values out.
#pragma once

#include "protocol/messages.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "vib-packaging/installer/host_facts.hpp"
#include "vib-packaging/installer/vib.hpp"

namespace xcopy::installer {

enum class Clones : std::uint8_t { wait, adopt };

struct Wanted {
    std::string version; // of the VIB
    std::string vib_acceptance = "community";
    std::size_t vib_bytes = 0;
    std::vector<std::string> allow{}; // networks that may reach the agent; empty: as it is
    bool lower_acceptance = false;
    bool allow_downgrade = false;
    bool only_upgrade = false; // hosts without an agent are left alone
    Clones clones = Clones::wait;
    bool enrol = true; // there is somebody who signs
    bool renew = false;
    bool prove = true; // there is a client certificate to ask the agent with
    std::int64_t renew_days = 30;
    std::uint16_t port = 18443;
    std::string acceptance_after_removal{};
};

enum class Act : std::uint8_t {
    wait_for_clones,
    lower_acceptance,
    upload,
    install,
    read_firewall,
    open_ruleset,
    allow_all,
    restrict,
    allow,
    disallow,
    enrol,
    save_enrolment,
    start,
    selftest,
    health,
    stop,
    reset_firewall,
    remove_vib,
    remove_group,
    remove_files,
    set_acceptance,
    save,
};

struct Step {
    Act act;
    std::string detail{};
};

std::string_view name(Act act);
bool changes_host(Act act); // waiting and looking do not

struct Plan {
    std::vector<Step> steps{};
    std::vector<Problem> findings{}; // an error among them refuses the host before anything is changed

    bool refused() const;
    bool changes() const;
};

// Two parts, because the second depends on what an installation leaves: look again in between.
Plan plan_software(const HostFacts&, const Wanted&);
Plan plan_settings(const HostFacts&, const Wanted&);
Plan plan_removal(const HostFacts&, const Wanted&);

// How the host will stand after the first part, for a plan that is only shown.
HostFacts after_software(HostFacts, const Wanted&);

// What to do about a refusal of esxcli.
std::string remedy_for(std::string_view esxcli_said);

} // namespace xcopy::installer
