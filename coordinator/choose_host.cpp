#include "coordinator/choose_host.hpp"

#include "coordinator/hash.hpp"
#include "coordinator/host/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

namespace xcopy {

namespace {

std::string names(const std::vector<HostView>& hosts)
{
    std::string out;
    for (const auto& host : hosts)
        out += (out.empty() ? "" : ", ") + host.name;
    return out;
}

std::string unreachable_ones(const std::vector<HostView>& hosts)
{
    std::string out;
    for (const auto& host : hosts)
        if (host.unreachable)
            out += fmt::format("; {}", host.unreachable->message);
    return out;
}

// Of several reasons, the one that an administrator can mend on the host.
const Error& most_telling(const std::vector<HostView>& hosts)
{
    const auto about_key = std::ranges::find_if(
        hosts, [](const HostView& h) { return h.unreachable && is_about_the_key(h.unreachable->reason); });
    return *(about_key == hosts.end() ? hosts.front() : *about_key).unreachable;
}

Error unreachable(Error why)
{
    if (why.remedy.empty())
        why.remedy = "check with: xcopy-coordinator hosts";
    if (why.reason.empty())
        why.reason = "host_unreachable";
    return why;
}

Error not_seen(const std::vector<HostView>& hosts, const std::string& datastore)
{
    const bool some_answered = std::ranges::any_of(hosts, [](const HostView& h) { return !h.unreachable; });
    if (!some_answered && hosts.empty())
        return {Errc::unavailable, "there is no host to ask", "see what is given with: xcopy-coordinator hosts",
                "no_host"};
    if (!some_answered) {
        const auto& why = most_telling(hosts);
        return {Errc::unavailable, fmt::format("no host answered{}", unreachable_ones(hosts)), unreachable(why).remedy,
                is_about_the_key(why.reason) ? why.reason : "no_host"};
    }
    return {Errc::not_found,
            fmt::format("no reachable host has datastore '{}' mounted (asked {}){}", datastore, names(hosts),
                        unreachable_ones(hosts)),
            "check the name, or add the host that mounts it with --agent or --ssh-host", "datastore_not_seen"};
}

Result<HostChoice> the_wanted(const std::vector<HostView>& hosts, const std::string& wanted,
                              const std::string& datastore)
{
    const auto found = std::ranges::find(hosts, wanted, &HostView::name);
    if (found == hosts.end())
        return Error{Errc::not_found, fmt::format("host '{}' is not among those given ({})", wanted, names(hosts)),
                     "add it with --agent NAME=ADDRESS or --ssh-host NAME=ADDRESS", "unknown_host"};
    if (found->unreachable)
        return unreachable(*found->unreachable);
    if (!found->sees_source)
        return Error{Errc::not_found, fmt::format("host '{}' does not have datastore '{}' mounted", wanted, datastore),
                     "choose another --migration-host, or leave it out", "datastore_not_seen"};
    return HostChoice{static_cast<std::size_t>(found - hosts.begin()), "as asked"};
}

} // namespace

Result<HostChoice> choose_host(const std::vector<HostView>& hosts, const std::string& wanted, const std::string& job,
                               const std::string& datastore)
{
    const auto with_job = std::ranges::find_if(hosts, &HostView::has_job);
    if (with_job != hosts.end() && !wanted.empty() && with_job->name != wanted)
        return Error{Errc::conflict,
                     fmt::format("job {} is already on host '{}', not on '{}'", job, with_job->name, wanted),
                     "let it go on there, or cancel it with: xcopy-coordinator clones cancel", "job_elsewhere"};
    if (!wanted.empty())
        return the_wanted(hosts, wanted, datastore);
    if (with_job != hosts.end())
        return HostChoice{static_cast<std::size_t>(with_job - hosts.begin()), "this job is there already"};

    std::set<std::string> same_name;
    std::optional<std::size_t> best;
    const auto rank = [&](std::size_t i) {
        const auto& host = hosts[i];
        return std::tuple(host.drained_s > 0, host.errors > 0, host.load, stable_hash(job + host.name));
    };
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (hosts[i].unreachable || !hosts[i].sees_source)
            continue;
        same_name.insert(hosts[i].datastore_uuid);
        if (!best || rank(i) < rank(*best))
            best = i;
    }
    if (!best)
        return not_seen(hosts, datastore);
    if (same_name.size() > 1)
        return Error{Errc::conflict,
                     fmt::format("'{}' is {} different datastores on these hosts", datastore, same_name.size()),
                     "name it by UUID (/vmfs/volumes/UUID/…) or give --migration-host", "ambiguous_datastore"};
    const auto& host = hosts[*best];
    return HostChoice{*best,
                      fmt::format("{} with {} clones",
                                  host.errors > 0 ? "least loaded, although not healthy," : "least loaded", host.load)};
}

} // namespace xcopy
