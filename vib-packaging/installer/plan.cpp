#include "vib-packaging/installer/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace xcopy::installer {

namespace {

constexpr std::int64_t clock_refused_s = 12 * 3600; // certificates are valid from a day before they were signed
constexpr std::int64_t clock_noted_s = 60;
constexpr std::int64_t kib_per_vib = 3; // the copy, and what esxcli unpacks beside it

Problem problem(Severity severity, std::string code, std::string message, std::string remedy)
{
    return {.severity = severity,
            .code = std::move(code),
            .subject = {},
            .message = std::move(message),
            .remedy = std::move(remedy)};
}

void refuse(Plan& plan, std::string code, std::string message, std::string remedy)
{
    plan.findings.push_back(problem(Severity::error, std::move(code), std::move(message), std::move(remedy)));
}

void warn(Plan& plan, std::string code, std::string message, std::string remedy)
{
    plan.findings.push_back(problem(Severity::warning, std::move(code), std::move(message), std::move(remedy)));
}

void check_clock(Plan& plan, const HostFacts& facts)
{
    if (!facts.clock_ahead_s || std::abs(*facts.clock_ahead_s) <= clock_noted_s)
        return;
    const auto text = fmt::format("the host's clock is {} s {} this machine's", std::abs(*facts.clock_ahead_s),
                                  *facts.clock_ahead_s > 0 ? "ahead of" : "behind");
    const auto* remedy = "set up NTP on the host: esxcli system ntp set --server=ADDRESS --enabled=true";
    if (std::abs(*facts.clock_ahead_s) > clock_refused_s)
        refuse(plan, "clock_skew", text + ", so that certificates would not be valid on both sides", remedy);
    else
        warn(plan, "clock_skew", text, remedy);
}

void check_installable(Plan& plan, const HostFacts& facts, const Wanted& wanted)
{
    if (facts.secure_boot.value_or(false))
        refuse(plan, "secure_boot", "UEFI Secure Boot is on: with an unsigned VIB the host would not start again",
               "leave this host to the SSH way (--host-transport ssh of the coordinator), or turn Secure Boot off in "
               "its firmware");
    if (wanted.vib_acceptance == "community" && facts.acceptance != community_level && !wanted.lower_acceptance)
        refuse(
            plan, "acceptance_level",
            fmt::format("the host's acceptance level is {}, and the VIB is unsigned", facts.acceptance),
            "allow it with --lower-acceptance-level (VMware does not support hosts with community VIBs), or leave this "
            "host to the SSH way");
    const auto needed = static_cast<std::int64_t>(wanted.vib_bytes / 1024) * kib_per_vib;
    if (facts.tmp_free_kib && *facts.tmp_free_kib < needed)
        refuse(plan, "no_space", fmt::format("/tmp has {} KiB left and {} are needed", *facts.tmp_free_kib, needed),
               "remove what is not needed from the host's /tmp (vdf -h shows it), or restart the host");
    if (facts.installed.empty() && !facts.port_holder.empty())
        refuse(plan, "port_in_use", fmt::format("port {} is used by {}", wanted.port, facts.port_holder),
               "stop that program; esxcli network ip connection list shows it");
    if (facts.exec_installed_only.value_or(false))
        warn(plan, "exec_installed_only",
             "the host runs only programs of installed VIBs (execInstalledOnly); the agent is one, but unsigned",
             "if it does not start: esxcli system settings kernel list -o execInstalledOnly, or the SSH way");
    check_clock(plan, facts);
}

void check_is_esxi(Plan& plan, const HostFacts& facts)
{
    if (facts.version.empty() || facts.uuid.empty())
        refuse(plan, "no_esxi", "this does not answer like an ESXi host",
               "is it one, and does hostd run (/etc/init.d/hostd status)?");
    else if (std::is_lt(compare_versions(facts.version, "6.7")))
        refuse(plan, "old_version", fmt::format("ESXi {} is too old; the agent needs 6.7", facts.version),
               "leave this host to the SSH way");
}

bool contains(const std::vector<std::string>& list, const std::string& item)
{
    return std::ranges::find(list, item) != list.end();
}

void plan_firewall(Plan& plan, const HostFacts& facts, const Wanted& wanted)
{
    const Ruleset now = facts.ruleset.value_or(Ruleset{.enabled = true}); // as the VIB brings it
    if (!facts.ruleset)
        plan.steps.push_back({Act::read_firewall});
    if (!now.enabled)
        plan.steps.push_back({Act::open_ruleset});
    if (wanted.allow.empty()) {
        if (now.allowed_all)
            warn(plan, "open_to_all",
                 fmt::format("every address may reach port {}; only mutual TLS protects it", wanted.port),
                 "name the coordinator's networks with --allow CIDR");
        return;
    }
    if (now.allowed_all)
        plan.steps.push_back({Act::restrict});
    for (const auto& network : wanted.allow)
        if (!contains(now.allowed, network))
            plan.steps.push_back({Act::allow, network});
    for (const auto& network : now.allowed)
        if (!contains(wanted.allow, network))
            plan.steps.push_back({Act::disallow, network});
}

void plan_enrolment(Plan& plan, const HostFacts& facts, const Wanted& wanted)
{
    const auto& state = facts.enrolment.state;
    const bool ends_soon = state == "enrolled" && facts.enrolment.days_left < wanted.renew_days;
    const bool needed = state != "enrolled" || ends_soon || wanted.renew;
    if (needed && wanted.enrol)
        plan.steps.push_back({Act::enrol, state != "enrolled" ? "first certificate"
                                          : ends_soon         ? fmt::format("{} days left", facts.enrolment.days_left)
                                                              : "renewal"});
    else if (state != "enrolled")
        warn(plan, "not_enrolled", "the agent has no certificate and refuses every call",
             "run again with --ca-dir or --sign-command, or enrol it by hand: xcopy-agent enroll");
    else if (ends_soon)
        warn(plan, "certificate_expires",
             fmt::format("the agent's certificate ends in {} days", facts.enrolment.days_left),
             "run again with --ca-dir or --sign-command");
    if (!facts.enrolment.saved && !(needed && wanted.enrol)) // an enrolment saves by itself
        plan.steps.push_back({Act::save_enrolment});
}

} // namespace

std::string_view name(Act act)
{
    switch (act) {
    case Act::wait_for_clones:
        return "wait for clones";
    case Act::lower_acceptance:
        return "lower acceptance level";
    case Act::upload:
        return "copy VIB";
    case Act::install:
        return "install VIB";
    case Act::read_firewall:
        return "read firewall";
    case Act::open_ruleset:
        return "open ruleset";
    case Act::allow_all:
        return "allow all addresses";
    case Act::restrict:
        return "restrict ruleset";
    case Act::allow:
        return "allow network";
    case Act::disallow:
        return "disallow network";
    case Act::enrol:
        return "enrol";
    case Act::save_enrolment:
        return "save enrolment";
    case Act::start:
        return "start";
    case Act::selftest:
        return "selftest";
    case Act::health:
        return "health";
    case Act::stop:
        return "stop";
    case Act::reset_firewall:
        return "reset ruleset";
    case Act::remove_vib:
        return "remove VIB";
    case Act::remove_group:
        return "remove memory group";
    case Act::remove_files:
        return "remove files";
    case Act::set_acceptance:
        return "set acceptance level";
    case Act::save:
        return "save for next boot";
    }
    return "?";
}

bool changes_host(Act act)
{
    return act != Act::wait_for_clones && act != Act::selftest && act != Act::health;
}

bool Plan::refused() const
{
    return std::ranges::any_of(findings, [](const Problem& one) { return one.severity == Severity::error; });
}

bool Plan::changes() const
{
    return std::ranges::any_of(steps, [](const Step& one) { return changes_host(one.act); });
}

Plan plan_software(const HostFacts& facts, const Wanted& wanted)
{
    Plan plan;
    check_is_esxi(plan, facts);
    if (plan.refused())
        return plan;
    if (facts.installed == wanted.version) {
        check_clock(plan, facts);
        return plan;
    }
    if (facts.installed.empty() && wanted.only_upgrade) {
        refuse(plan, "not_installed", "there is no agent to upgrade", "vib-installer install puts it there");
        return plan;
    }
    if (!facts.installed.empty() && std::is_gt(compare_versions(facts.installed, wanted.version)) &&
        !wanted.allow_downgrade) {
        refuse(plan, "newer_installed", fmt::format("{} is installed, newer than {}", facts.installed, wanted.version),
               "use the newer VIB, or --allow-downgrade");
        return plan;
    }
    check_installable(plan, facts, wanted);
    if (plan.refused())
        return plan;
    // Whether ESXi replaces a VIB whose program runs is not certain, so nothing may run when it does.
    if (!facts.installed.empty() && wanted.clones == Clones::wait)
        plan.steps.push_back({Act::wait_for_clones});
    if (wanted.vib_acceptance == "community" && facts.acceptance != community_level)
        plan.steps.push_back({Act::lower_acceptance, fmt::format("{} to {}", facts.acceptance, community_level)});
    plan.steps.push_back({Act::upload, fmt::format("{} KiB", wanted.vib_bytes / 1024)});
    plan.steps.push_back({Act::install, facts.installed.empty()
                                            ? wanted.version
                                            : fmt::format("{} over {}", wanted.version, facts.installed)});
    return plan;
}

HostFacts after_software(HostFacts facts, const Wanted& wanted)
{
    if (facts.installed.empty())
        facts.enrolment = {.state = "not_enrolled"};
    facts.installed = wanted.version;
    facts.acceptance = community_level;
    facts.running = true; // a live installation runs its init script
    return facts;
}

Plan plan_settings(const HostFacts& facts, const Wanted& wanted)
{
    Plan plan;
    plan_firewall(plan, facts, wanted);
    plan_enrolment(plan, facts, wanted);
    if (!facts.running)
        plan.steps.push_back({Act::start});
    plan.steps.push_back({Act::selftest});
    if (wanted.prove)
        plan.steps.push_back({Act::health});
    else
        warn(plan, "health_not_asked", "whether the agent answers was not asked: no client certificate was given",
             "give --agent-ca-file, --agent-cert-file and --agent-key-file");
    return plan;
}

Plan plan_removal(const HostFacts& facts, const Wanted& wanted)
{
    Plan plan;
    check_is_esxi(plan, facts);
    if (plan.refused())
        return plan;
    if (!facts.installed.empty()) {
        plan.steps.push_back({Act::wait_for_clones}); // always: nobody would take them up any more
        plan.steps.push_back({Act::stop});
    }
    if (facts.ruleset && (!facts.ruleset->allowed_all || !facts.ruleset->allowed.empty()))
        plan.steps.push_back({Act::reset_firewall});
    if (!facts.installed.empty())
        plan.steps.push_back({Act::remove_vib, facts.installed});
    if (facts.ruleset)
        plan.steps.push_back({Act::read_firewall});
    if (facts.has_group)
        plan.steps.push_back({Act::remove_group});
    if (!facts.files.empty() || !facts.installed.empty())
        plan.steps.push_back({Act::remove_files});
    if (!wanted.acceptance_after_removal.empty() && wanted.acceptance_after_removal != facts.acceptance)
        plan.steps.push_back({Act::set_acceptance, wanted.acceptance_after_removal});
    if (plan.changes())
        plan.steps.push_back({Act::save});
    return plan;
}

std::string remedy_for(std::string_view said)
{
    struct Known {
        std::string_view text;
        const char* remedy;
    };
    static constexpr Known known[] = {
        {"AcceptanceConfigError",
         "the host accepts only signed VIBs: run again with --lower-acceptance-level. Under Secure Boot that is not "
         "possible: leave the host to the SSH way"},
        {"No space left on device",
         "free space on the host's RAM disks (esxcli system visorfs ramdisk list, /tmp first), or restart the host"},
        {"Device or resource busy",
         "the host does not replace a program that runs: wait until no clone runs (--clones wait) and run this again"},
        {"busy", "something still uses it: wait until no clone runs and run this again"},
        {"extensibility rules",
         "the VIB holds files that a community VIB may not have: use the VIB of an xcopy release as it is"},
        {"Calculated digest", "the VIB is damaged: fetch it again"},
        {"gunzip checksum",
         "this VIB was not built for this release of ESXi: use the VIB of an xcopy release as it is"},
        {"stageliveimage", "the host's image staging is stuck: restart the host and run this again"},
        {"Unknown command or namespace", "hostd has not finished starting: run this again in a minute"},
    };
    for (const auto& one : known)
        if (said.find(one.text) != std::string_view::npos)
            return one.remedy;
    return "see /var/log/esxupdate.log on the host";
}

} // namespace xcopy::installer
