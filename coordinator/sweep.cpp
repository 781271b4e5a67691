#include "coordinator/sweep.hpp"

#include "coordinator/array_copy.hpp"
#include "coordinator/put_back.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

std::string explain(const Error& error)
{
    return error.remedy.empty() ? error.message : error.message + "; " + error.remedy;
}

// The host the job was begun on, and proof that it is still that one.
Result<Host*> host_of(const Call& call, const CopyRecord& record, const Limits& limits, const Site& site)
{
    const auto found = std::ranges::find_if(site.hosts, [&](const auto& host) { return host->name() == record.host; });
    if (found == site.hosts.end())
        return Error{Errc::not_found, fmt::format("host '{}' is not among those given", record.host),
                     "add it with --agent NAME=ADDRESS or --ssh-host NAME=ADDRESS"};
    const auto host = (*found)->through(record.transport);
    if (!host)
        return host.error();
    auto health = (*host)->health(call.within(limits.look_up), HealthAge::cached);
    if (!health)
        return health.error();
    if (!record.host_uuid.empty() && health->host_uuid != record.host_uuid)
        return Error{Errc::conflict,
                     fmt::format("host '{}' had UUID {} and now says it is {}", record.host, record.host_uuid,
                                 health->host_uuid),
                     "check the address given for it"};
    return *host;
}

Swept sweep_one(const Call& call, const std::string& job, const std::string& vendor, const std::string& array_name,
                const Limits& limits, const Site& site)
{
    Swept swept{.job = job, .target_naa = {}, .host = {}, .left_behind = {}, .why_not = {}};
    auto page = site.journal.claim(job);
    if (!page) {
        swept.why_not = explain(page.error());
        return swept;
    }
    auto found = (*page)->read();
    if (!found || !*found) {
        swept.why_not = found ? "its record is gone by now" : explain(found.error());
        return swept;
    }
    CopyRecord record = std::move(**found);
    swept.target_naa = record.volume.naa;
    swept.host = record.host;
    swept.outcome = record.outcome;
    const auto not_done = [&](std::string why) {
        swept.why_not = std::move(why);
        swept.left_behind = what_remains(record);
        return swept;
    };

    if (!has_something_to_undo(record)) {
        if (auto removed = (*page)->remove(); !removed)
            return not_done(explain(removed.error()));
        return swept;
    }
    if (record.vendor != vendor || record.array != array_name)
        return not_done(fmt::format("it was begun with {} {}; give that array's secrets", record.vendor, record.array));
    Call cleanup = call.within(limits.clean_up);
    cleanup.job = job;
    if (record.is_on_array()) {
        swept.left_behind = put_back_array_copy(cleanup, site.array.volume_copier(), **page, record, Outcome::unknown,
                                                false, limits, site.log);
        swept.outcome = record.outcome;
        return swept;
    }
    auto host = host_of(call, record, limits, site);
    if (!host)
        return not_done(explain(host.error()));
    swept.left_behind =
        put_back(cleanup, site.array, **host, **page, record, Outcome::unknown, false, limits, site.log);
    swept.outcome = record.outcome;
    return swept;
}

} // namespace

std::vector<Swept> sweep(const Call& call, const std::string& vendor, const std::string& array_name,
                         const std::string& only_job, const Limits& limits, const Site& site)
{
    auto jobs = site.journal.jobs();
    if (!jobs) {
        Swept failed;
        failed.job = only_job;
        failed.why_not = explain(jobs.error());
        return {failed};
    }
    std::vector<Swept> all;
    for (const auto& job : *jobs)
        if ((only_job.empty() || job == only_job) && !call.stop.stop_requested())
            all.push_back(sweep_one(call, job, vendor, array_name, limits, site));
    return all;
}

} // namespace xcopy
