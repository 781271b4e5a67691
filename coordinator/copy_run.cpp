#include "coordinator/copy_run.hpp"

#include "coordinator/array_copy.hpp"
#include "coordinator/put_back.hpp"
#include "coordinator/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::int64_t unix_ms()
{
    return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Host* find_host(const std::vector<std::unique_ptr<Host>>& hosts, const std::string& name)
{
    const auto found = std::ranges::find_if(hosts, [&](const auto& host) { return host->name() == name; });
    return found == hosts.end() ? nullptr : found->get();
}

} // namespace

CopyRun::CopyRun(const Call& call, const CopyOrder& the_order, const Site& the_site)
    : order(the_order), site(the_site), stop_(call.stop)
{
    report_.job = order.job;
    report_.source = order.source;
}

Result<void> CopyRun::claim()
{
    step("journal");
    auto page = site.journal.claim(order.job);
    if (!page)
        return page.error();
    auto found = (*page)->read();
    if (!found)
        return found.error();
    page_ = std::move(*page);
    report_.had_earlier_run = page_->had_holder();
    if (!*found)
        return {};
    record = **found;
    if (auto same = check_same_copy(record, order.vendor, order.array, order.source, order.migration_host); !same)
        return same;
    if (!has_something_to_undo(record)) {
        record = {};
        return {};
    }
    site.log.info("found what an earlier run of this job began", {{"job", order.job},
                                                                  {"host", record.host},
                                                                  {"transport", name(record.transport.kind)},
                                                                  {"outcome", name(record.outcome)}});
    return {};
}

Result<std::vector<Host*>> CopyRun::hosts() const
{
    std::vector<Host*> all;
    for (const auto& host : site.hosts) {
        auto by_whom = is_continued() && !record.is_on_array() && host->name() == record.host
                           ? host->through(record.transport)
                           : Result<Host*>(host.get());
        if (!by_whom)
            return by_whom.error();
        all.push_back(*by_whom);
    }
    return all;
}

std::optional<CopyReport> CopyRun::end_earlier_run()
{
    if (record.outcome == Outcome::unknown)
        return std::nullopt;
    host_ = find_host(site.hosts, record.host);
    if (!host_ && !record.is_on_array())
        return refuse(
            {Errc::not_found,
             fmt::format("job {} was begun on host '{}', which is not among those given", order.job, record.host),
             "add it with --agent NAME=ADDRESS or --ssh-host NAME=ADDRESS", "unknown_host"});
    if (!record.is_on_array()) {
        const auto begun = host_->through(record.transport);
        if (!begun)
            return refuse(begun.error());
        host_ = *begun;
    }
    step("put back");
    const Outcome earlier = record.outcome;
    clone_ended_ = true;
    report_.left_behind = put_back_all(earlier);
    if (earlier == Outcome::succeeded || !report_.left_behind.empty()) {
        if (earlier != Outcome::succeeded)
            report_.error =
                Error{Errc::failed, fmt::format("an earlier run {}: {}", name(earlier), record.outcome_message),
                      "mend what keeps it from being put back, then run again or sweep"};
        return report(earlier);
    }
    site.log.info("earlier run put back, starting afresh", {{"job", order.job}, {"outcome", name(earlier)}});
    record = {};
    return std::nullopt;
}

const std::string& CopyRun::wanted_host() const
{
    return record.host.empty() ? order.migration_host : record.host;
}

Result<void> CopyRun::begin(const Volume& volume, const ChosenHost& host)
{
    if (auto same = check_same_target(volume); !same)
        return same;
    if (!record.host_uuid.empty() && record.host_uuid != host.uuid)
        return Error{Errc::conflict,
                     fmt::format("job {} was begun on host '{}' with UUID {}, which now says it is {}", order.job,
                                 record.host, record.host_uuid, host.uuid),
                     "check the address given for it", "other_host"};
    if (!record.job.empty() && record.transport.kind != host.transport.kind)
        return other_transport(record.host, record.transport.kind, "it was asked in another way", "run it again");
    host_ = host.host;
    if (!record.job.empty())
        return {};
    start_record(volume);
    record.source_path = host.source_path;
    record.time_limit_s = order.limits.clone.count();
    record.orphan_ttl_s = order.limits.orphan.count();
    record.host = host.name;
    record.host_uuid = host.uuid;
    record.transport = host.transport;
    record.adapters = host.adapters;
    return note();
}

Result<void> CopyRun::begin_on_array(const Volume& volume, const Volume& source)
{
    if (auto same = check_same_target(volume); !same)
        return same;
    if (!record.job.empty())
        return {};
    start_record(volume);
    record.source_volume = source;
    return note();
}

Result<void> CopyRun::check_same_target(const Volume& volume) const
{
    if (record.job.empty() || record.volume.naa == volume.naa)
        return {};
    return Error{Errc::conflict,
                 fmt::format("job {} was begun with target {} and is now asked for with {}", order.job,
                             record.volume.naa, volume.naa),
                 "run it again as it was begun, or undo it with: xcopy-coordinator sweep", "other_copy"};
}

void CopyRun::start_record(const Volume& volume)
{
    record.job = order.job;
    record.begun_ms = unix_ms();
    record.vendor = order.vendor;
    record.array = order.array;
    record.volume = volume;
    record.source = order.source;
}

void CopyRun::forget()
{
    record = {};
}

Result<void> CopyRun::note()
{
    record.changed_ms = unix_ms();
    if (auto written = page_->write(record); !written)
        return written.error().in("write the journal");
    return {};
}

void CopyRun::step(std::string_view name)
{
    const auto now = Clock::now();
    if (!report_.steps.empty())
        report_.steps.back().ms += duration_cast<milliseconds>(now - step_begun_).count();
    report_.steps.push_back({std::string(name), 0});
    step_begun_ = now;
}

CopyReport CopyRun::refuse(const Error& why)
{
    report_.error = why;
    const bool is_unheard = why.code == Errc::unavailable || why.code == Errc::timed_out;
    if (is_unheard && is_continued() && !record.is_on_array())
        report_.error->message +=
            fmt::format("; the job was begun through {} and goes on through nothing else", told(record.transport.kind));
    report_.left_behind = page_ ? what_remains(record) : std::vector<std::string>{}; // else it is not ours to tell
    return report(why.code == Errc::cancelled ? Outcome::cancelled : Outcome::refused);
}

void CopyRun::clone_ended(const CloneStatus& status)
{
    clone_ended_ = true;
    record.xcopy = status.xcopy;
    if (status.started_ms > 0 && status.ended_ms >= status.started_ms)
        record.copy_ms = status.ended_ms - status.started_ms;
}

void CopyRun::array_copy_ended(milliseconds took)
{
    clone_ended_ = true;
    record.xcopy.use = XcopyUse::full;
    record.copy_ms = took.count();
}

std::vector<std::string> CopyRun::put_back_all(Outcome outcome)
{
    if (record.is_on_array())
        return put_back_array_copy(cleanup(), site.array.volume_copier(), *page_, record, outcome, clone_ended_,
                                   order.limits, site.log);
    return put_back(cleanup(), site.array, *host_, *page_, record, outcome, clone_ended_, order.limits, site.log);
}

// What runs is taken up by the next run of the job; what only was prepared is put back.
bool CopyRun::is_left_running(const Result<void>& copied) const
{
    const bool runs = (record.clone_ordered || record.array_copy_ordered) && !clone_ended_;
    return !copied && runs && stop_.stop_requested() && site.may_leave && site.may_leave();
}

CopyReport CopyRun::finish(const Result<void>& copied)
{
    if (is_left_running(copied))
        return leave_running(copied.error());
    step("put back");
    const Outcome outcome = copied ? Outcome::succeeded : outcome_of(copied.error());
    if (!copied) {
        report_.error = copied.error();
        record.outcome_message = copied.error().message;
    }
    report_.target_touched = record.clone_ordered || record.array_copy_ordered;

    const bool fate_unknown = !copied && is_fate_unknown(copied.error());
    report_.left_behind = fate_unknown ? what_remains(record) : put_back_all(outcome);
    return report(outcome);
}

CopyReport CopyRun::leave_running(const Error& why)
{
    report_.error =
        Error{Errc::indeterminate, why.message + "; the copy goes on for the next run to take up",
              "run the same command again; or end it with: xcopy-coordinator sweep", std::string(left_running_reason)};
    report_.target_touched = true;
    report_.left_behind = what_remains(record);
    return report(Outcome::indeterminate);
}

Call CopyRun::cleanup() const
{
    return Call{.stop = {}, .job = order.job}.within(order.limits.clean_up);
}

CopyReport CopyRun::report(Outcome outcome)
{
    const auto now = Clock::now();
    report_.steps.back().ms += duration_cast<milliseconds>(now - step_begun_).count();
    report_.wall_ms = duration_cast<milliseconds>(now - begun_).count();
    report_.outcome = outcome;
    report_.target_naa = record.volume.naa;
    report_.bytes = record.volume.size_bytes;
    report_.host = record.host;
    const auto transport =
        record.job.empty() && !site.hosts.empty() ? site.hosts.front()->transport() : record.transport;
    report_.method = record.is_on_array() ? method_name(order) : std::string(name(transport.kind));
    if (!record.is_on_array())
        report_.why_method = transport.why;
    report_.xcopy = record.xcopy;
    report_.copy_ms = record.copy_ms;
    return report_;
}

} // namespace xcopy
