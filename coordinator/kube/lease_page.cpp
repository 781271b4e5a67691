#include "coordinator/kube/lease_page.hpp"

#include "coordinator/kube/status.hpp"
#include "coordinator/patience.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::kube {

namespace {

constexpr std::chrono::seconds release_limit{5};
constexpr int most_conflicts = 5; // somebody else may label it, or begin to delete it, while we write
constexpr std::chrono::milliseconds first_wait{100};
constexpr std::chrono::milliseconds longest_wait{3000};

// A server that has just started refuses what it will allow when it has read the roles; we were allowed once.
bool may_pass(const Error& error)
{
    return error.code == Errc::denied || is_transient(error.code) || error.code == Errc::indeterminate ||
           error.code == Errc::timed_out;
}

} // namespace

LeasePage::LeasePage(Leases leases, Lease lease, std::string job, Log& log, LeaseJournalRules rules)
    : leases_(std::move(leases)), lease_(std::move(lease)), had_holder_(lease_.transitions > 0), me_(lease_.holder),
      job_(std::move(job)), log_(log), rules_(rules), renewal_([this](const std::stop_token& stop) { renew(stop); })
{}

LeasePage::~LeasePage()
{
    renewal_.request_stop();
    renewal_.join();
    if (lost_ || lease_.version.empty())
        return;
    Lease free = lease_;
    free.holder.clear();
    free.renewed = now();
    auto released = leases_.update(Call{.job = job_}.within(release_limit), free);
    const bool is_gone = !released && released.error().reason == not_found;
    if (!released && !is_gone)
        log_.debug("journal not released, it expires by itself", {{"job", job_}, {"why", released.error().message}});
}

Result<std::optional<CopyRecord>> LeasePage::read()
{
    const std::lock_guard lock(mutex_);
    const auto text = lease_.annotations.find(record_annotation);
    if (text == lease_.annotations.end())
        return std::optional<CopyRecord>();
    auto record = decode_record(text->second);
    if (!record)
        return Error{Errc::failed, fmt::format("journal Lease {}: {}", lease_.name, record.error().message),
                     fmt::format("it was damaged or written by a newer version; use that version, or look by hand what "
                                 "of its annotation {} is still mapped before removing it",
                                 record_annotation),
                     "journal_unreadable"};
    return std::optional(std::move(*record));
}

Result<void> LeasePage::write(const CopyRecord& record)
{
    auto text = encode(record);
    if (text.size() > longest_record)
        return Error{
            Errc::unsupported,
            fmt::format("the journal of job {} needs {} bytes, a Lease takes {}", job_, text.size(), longest_record),
            "the volume has too many mappings; run with --journal file", "journal_too_large"};
    const bool binds = has_something_to_undo(record);
    return change(Call{.job = job_}.within(rules_.patience), WhenGone::write_again, [&](Lease& lease) {
        lease.annotations[record_annotation] = text;
        lease.labels[state_label] = "open";
        if (binds)
            lease.finalizers.insert(journal_finalizer);
    });
}

Result<void> LeasePage::remove()
{
    return change(Call{.job = job_}.within(rules_.patience), WhenGone::leave, [](Lease& lease) {
        lease.annotations.erase(record_annotation);
        lease.labels.erase(state_label);
        lease.finalizers.erase(journal_finalizer);
    });
}

Error LeasePage::taken_by(const Lease& lease) const
{
    return {Errc::conflict,
            fmt::format("job {} was taken over by {}: this coordinator was not heard for {} s", job_,
                        lease.holder.empty() ? "another coordinator" : lease.holder, rules_.duration.count()),
            "let that one finish", "journal_taken_over"};
}

// Every write says which version it changes: one that somebody made meanwhile, and above all another holder, is seen.
template <class Change> Result<void> LeasePage::change(const Call& call, WhenGone when_gone, const Change& make)
{
    const std::lock_guard lock(mutex_);
    int conflicts = 0;
    for (auto wait = first_wait;; wait = std::min(wait * 2, longest_wait)) {
        if (lost_)
            return taken_by(lease_);
        if (lease_.version.empty() && when_gone == WhenGone::leave)
            return {};
        Lease wanted = lease_;
        make(wanted);
        wanted.renewed = now();
        auto said = put(call, std::move(wanted));
        const bool in_conflict = !said && (said.error().code == Errc::conflict || said.error().code == Errc::not_found);
        if (in_conflict && ++conflicts < most_conflicts) {
            said = keep_it(call, when_gone);
            if (said)
                continue;
        }
        // An API server that restarts is waited for: what is written here must not be forgotten.
        if (said || !may_pass(said.error()) || !pause(call, wait))
            return said;
    }
}

Result<void> LeasePage::put(const Call& call, Lease wanted)
{
    const bool anew = wanted.version.empty(); // it was deleted under us
    if (anew)
        wanted.document.clear();
    auto written = anew ? leases_.create(call, wanted) : leases_.update(call, wanted);
    if (!written)
        return written.error();
    // With its last finalizer gone, a Lease whose claim was deleted is gone too.
    const bool is_gone = written->is_being_deleted && written->finalizers.empty();
    lease_ = std::move(*written);
    if (is_gone)
        lease_.version.clear();
    return {};
}

Result<void> LeasePage::keep_it(const Call& call, WhenGone when_gone)
{
    auto seen = leases_.get(call, lease_.name);
    if (!seen && seen.error().reason == not_found) {
        if (when_gone == WhenGone::write_again)
            log_.warn("the journal was deleted, writing it again", {{"job", job_}, {"lease", lease_.name}});
        lease_.version.clear();
        return {};
    }
    if (!seen)
        return seen.error();
    lost_ = seen->holder != me_;
    lease_ = std::move(*seen);
    return lost_ ? Result<void>(taken_by(lease_)) : Result<void>();
}

void LeasePage::renew(const std::stop_token& stop)
{
    const Call call{.stop = stop, .job = job_};
    bool troubled = false;
    while (pause(call, std::chrono::milliseconds(rules_.duration) / 3)) {
        bool open = false;
        {
            const std::lock_guard lock(mutex_);
            if (lost_)
                return;
            open = lease_.annotations.contains(record_annotation);
        }
        auto renewed =
            change(call.within(rules_.duration), open ? WhenGone::write_again : WhenGone::leave, [](Lease&) {});
        if (!renewed && stop.stop_requested())
            return;
        if (!renewed && !troubled)
            log_.warn("journal not renewed, the copy goes on", {{"job", job_}, {"why", renewed.error().message}});
        troubled = !renewed;
    }
}

} // namespace xcopy::kube
