#include "coordinator/preflight.hpp"

#include "coordinator/examine_source.hpp"
#include "coordinator/source.hpp"
#include "coordinator/survey.hpp"
#include "coordinator/table.hpp"
#include "coordinator/target.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>

namespace xcopy {

namespace {

class Checks {
public:
    void pass(std::string what, std::string message) { add(std::move(what), CheckState::pass, std::move(message), {}); }
    void warn(std::string what, const Error& why) { add(std::move(what), CheckState::warn, why.message, why.remedy); }
    void fail(std::string what, const Error& why) { add(std::move(what), CheckState::fail, why.message, why.remedy); }
    void add(std::string what, CheckState state, std::string message, std::string remedy)
    {
        all_.push_back({std::move(what), state, std::move(message), std::move(remedy)});
    }

    std::vector<Check> take() { return std::move(all_); }

private:
    std::vector<Check> all_;
};

void check_hosts(Checks& checks, const Survey& survey)
{
    for (const auto& seen : survey) {
        const auto transport = seen.host->transport();
        const bool by_ssh = transport.kind == HostTransport::Kind::ssh;
        const std::string what = (by_ssh ? "SSH " : "agent ") + seen.host->name();
        if (seen.unreachable)
            checks.warn(what, *seen.unreachable);
        else if (seen.health.drained_s > 0)
            checks.warn(what, {Errc::busy, fmt::format("drained, takes no orders for {} s more", seen.health.drained_s),
                               "a copy waits for it, or uses another host", routes::drained});
        else if (by_ssh)
            checks.pass(what, fmt::format("{} {}, script {}, {} of {} clones running; {}", seen.health.product,
                                          seen.health.version, seen.health.agent_version, seen.health.running,
                                          seen.health.max_running, transport.why));
        else
            checks.pass(what, fmt::format("{} {}, agent {}, {} of {} clones running", seen.health.product,
                                          seen.health.version, seen.health.agent_version, seen.health.running,
                                          seen.health.max_running));
    }
}

// What a host complains of does not keep a copy from being made; what does, has a check of its own.
void check_problems(Checks& checks, const Survey& survey)
{
    for (const auto& seen : survey)
        for (const auto& problem : seen.health.problems) {
            const auto subject = problem.subject.empty() ? "" : " (" + problem.subject + ")";
            checks.add("host " + seen.host->name(),
                       problem.severity == Severity::info ? CheckState::pass : CheckState::warn,
                       problem.message + subject, problem.remedy);
        }
}

void check_journal(Checks& checks, const CopyOrder& order, Journal& journal)
{
    auto page = journal.claim(order.job);
    if (!page)
        return checks.fail("journal", page.error());
    auto record = (*page)->read();
    if (!record)
        return checks.fail("journal", record.error());
    if (!*record)
        return checks.pass("journal", journal.where() + " knows nothing of this job yet");
    auto same = check_same_copy(**record, order.vendor, order.array, order.source, order.migration_host);
    if (!same)
        return checks.fail("journal", same.error());
    checks.warn("journal", {Errc::conflict,
                            fmt::format("an earlier run on host '{}', through {}, is not put back", (*record)->host,
                                        told((*record)->transport.kind)),
                            "populate finishes it, sweep undoes it"});
}

void check_source_file(Checks& checks, const Call& call, const CopyOrder& order, ChosenHost& host, Log& log)
{
    if (auto examined = examine_source(call, order, host, log); !examined)
        return checks.fail("source file", examined.error());
    if (!host.source)
        return checks.warn("source file",
                           {Errc::unsupported,
                            fmt::format("the agent on host '{}' is too old to be asked about it", host.name),
                            "update xcopy-agent there; until then a bad source is found after the mapping was made"});
    checks.pass("source file", fmt::format("{}, kind '{}', {}", host.source->path, host.source->create_type,
                                           bytes_text(host.source->size_bytes)));
}

void check_size_of_source(Checks& checks, const ChosenHost& host, const Volume& target)
{
    if (!host.source)
        return;
    if (auto fits = check_source_fits(host, target); fits)
        checks.pass("source fits", fmt::format("{} bytes onto {} bytes", host.source->size_bytes, target.size_bytes));
    else
        checks.fail("source fits", fits.error());
}

// A host that would serve if it had its script, and populate will bring that: nothing but what it would say is missing.
bool awaits_script(const CopyOrder& order, const Survey& survey)
{
    const auto& wanted = order.migration_host.empty() ? order.vm_host : order.migration_host;
    return std::ranges::any_of(survey, [&](const SurveyedHost& seen) {
        return seen.unreachable && seen.unreachable->reason == script_awaited_reason &&
               (wanted.empty() || wanted == seen.host->name());
    });
}

void check_mappings(Checks& checks, const Call& call, Array& array, const Volume& target)
{
    if (auto mappings = array.mappings_of(call, target); mappings)
        checks.pass("mappings", fmt::format("{} now; they stay as they are", mappings->size()));
    else
        checks.fail("mappings", mappings.error());
}

// NAA names say which vendor made both LUNs; two vendors' arrays cannot XCOPY to each other.
void check_same_vendor(Checks& checks, const Volume& volume, const ChosenHost& host)
{
    constexpr std::size_t through_oui = 11; // "naa.6" and six digits
    if (!host.source_device)
        return checks.warn("array-side copy", {Errc::unsupported,
                                               fmt::format("datastore '{}' ({}) is on no device of an array",
                                                           host.datastore.name, host.datastore.type),
                                               "the host will copy the data itself"});
    if (host.source_device->name.substr(0, through_oui) != volume.naa.substr(0, through_oui))
        return checks.warn("array-side copy", {Errc::unsupported,
                                               fmt::format("source {} and target {} are of different vendors' arrays",
                                                           host.source_device->name, volume.naa),
                                               "the host will copy the data itself"});
    checks.pass("array-side copy",
                fmt::format("source {} and target {} are of one vendor", host.source_device->name, volume.naa));
}

} // namespace

std::string_view name(CheckState state)
{
    switch (state) {
    case CheckState::pass:
        return "pass";
    case CheckState::warn:
        return "warn";
    case CheckState::fail:
        return "fail";
    }
    return "fail";
}

std::vector<Check> preflight(const Call& call, const CopyOrder& order, const Site& site)
{
    Checks checks;
    check_journal(checks, order, site.journal);
    auto asked =
        std::async(std::launch::async, [&] { return survey(call, site.hosts, order.limits, HealthAge::fresh); });

    if (auto info = site.array.info(call); info)
        checks.pass("array", fmt::format("{} {} {} at {}", info->vendor, info->product, info->version, order.array));
    else
        checks.fail("array", info.error());
    if (order.objection)
        checks.fail("disk in vCenter", *order.objection);
    auto target = find_target(call, order, site.array);
    if (target)
        if (auto good = check_against_vcenter(*target, order, false); !good)
            checks.fail("target in vCenter", good.error());
    if (target)
        checks.pass("target", fmt::format("{} = {}, {}", target->name, target->naa, bytes_text(target->size_bytes)));
    else
        checks.fail("target", target.error());

    const auto hosts = asked.get();
    check_hosts(checks, hosts);
    auto source = source_of(order);
    auto host =
        source ? choose_host(call, order, hosts, *source, order.migration_host) : Result<ChosenHost>(source.error());
    check_problems(checks, hosts);
    if (!host && source && awaits_script(order, hosts)) {
        checks.warn("source", {Errc::unavailable, "not looked at: it takes the host's script",
                               "run preflight again when populate has put the script there, or put it there by hand"});
        if (target)
            check_mappings(checks, call, site.array, *target);
        return checks.take();
    }
    if (!host) {
        checks.fail("source", host.error());
        return checks.take();
    }
    checks.pass("source",
                fmt::format("datastore '{}' ({}), {}", host->datastore.name, host->datastore.type, host->source_path));
    checks.pass("host", fmt::format("{} ({})", host->name, host->why));

    check_source_file(checks, call, order, *host, site.log);

    if (auto possible = check_xcopy_possible(*host); possible)
        checks.pass("XCOPY on the host", "switched on");
    else if (order.xcopy == XcopyPolicy::require)
        checks.fail("XCOPY on the host", possible.error());
    else
        checks.warn("XCOPY on the host", possible.error());
    if (!target)
        return checks.take();

    auto free = check_target_is_free(target->naa, order.job, *host, hosts);
    if (free)
        free = check_device_is_free(call, target->naa, *host, hosts, order, site.log);
    if (free)
        checks.pass("target is free", "no host that answered uses it");
    else
        checks.fail("target is free", free.error());
    check_size_of_source(checks, *host, *target);
    check_same_vendor(checks, *target, *host);
    check_mappings(checks, call, site.array, *target);
    return checks.take();
}

} // namespace xcopy
