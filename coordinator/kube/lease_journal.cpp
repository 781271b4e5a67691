#include "coordinator/kube/lease_journal.hpp"

#include "coordinator/kube/identity.hpp"
#include "coordinator/kube/lease_page.hpp"
#include "coordinator/kube/status.hpp"
#include "coordinator/patience.hpp"
#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace xcopy::kube {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds longest_wait{60}; // whatever duration somebody wrote into the Lease

Result<void> check_job(const std::string& job)
{
    if (auto checked = parse_job_id(job); !checked)
        return checked.error();
    const bool fits =
        std::ranges::none_of(job, [](unsigned char c) { return std::isupper(c) != 0; }) && !job.ends_with('-');
    if (!fits) // a Lease is named after it: a DNS-1123 subdomain
        return Error{Errc::bad_request, fmt::format("job '{}' cannot be the name of a Lease", job),
                     "use the UID of the claim in lower case", "bad_job"};
    return {};
}

Error claimed_by(const std::string& job, const Lease& lease)
{
    return {Errc::busy, fmt::format("another coordinator is working on job {}: {}", job, lease.holder),
            fmt::format("wait until it ends; it holds Lease {}", lease.name), "job_claimed"};
}

} // namespace

LeaseJournal::LeaseJournal(Leases leases, std::map<std::string, Owner> owners, Log& log, std::stop_token stop,
                           LeaseJournalRules rules)
    : leases_(std::move(leases)), owners_(std::move(owners)), log_(log), stop_(std::move(stop)), rules_(rules),
      me_(process_name())
{}

Result<std::unique_ptr<JournalPage>> LeaseJournal::claim(const std::string& job)
{
    if (auto good = check_job(job); !good)
        return good.error();
    const Call call{.stop = stop_, .job = job};
    auto lease = take(call, job);
    if (!lease)
        return lease.error();
    return std::unique_ptr<JournalPage>(std::make_unique<LeasePage>(leases_, std::move(*lease), job, log_, rules_));
}

Result<Lease> LeaseJournal::take(const Call& call, const std::string& job)
{
    const auto name = journal_prefix + job;
    const auto owner = owners_.find(job);
    for (int attempt = 0;; ++attempt) {
        const Call limited = call.within(rules_.patience);
        if (owner != owners_.end()) {
            const auto at = now();
            auto made = leases_.create(limited, {.name = name,
                                                 .owner = owner->second,
                                                 .labels = {{"app.kubernetes.io/managed-by", "xcopy-coordinator"}},
                                                 .holder = me_,
                                                 .duration = rules_.duration,
                                                 .acquired = at,
                                                 .renewed = at});
            if (made || made.error().reason != already_exists)
                return made;
        }
        auto found = leases_.get(limited, name);
        if (!found && found.error().reason == not_found && owner != owners_.end() && attempt < 100)
            continue; // its claim was deleted and made anew, or a garbage collector was at work
        if (!found)
            return found;
        if (!found->holder.empty()) {
            found = silent(call, job, *found);
            if (!found)
                return found;
        }
        auto taken = take_over(limited, std::move(*found));
        const bool was_faster =
            !taken && (taken.error().reason == changed_meanwhile || taken.error().reason == not_found);
        if (!was_faster || attempt >= 100)
            return taken;
    }
}

Result<Lease> LeaseJournal::take_over(const Call& call, Lease found)
{
    found.holder = me_;
    found.duration = rules_.duration;
    found.acquired = found.renewed = now();
    ++found.transitions;
    return leases_.update(call, found);
}

// A live holder is seen to renew within its Lease's duration. Only what happens while we look counts: clocks of two
// machines may differ by more than that.
Result<Lease> LeaseJournal::silent(const Call& call, const std::string& job, const Lease& held)
{
    const auto duration =
        std::clamp<milliseconds>(held.duration.value_or(rules_.duration), rules_.duration, longest_wait);
    const auto give_up = SteadyClock::now() + duration;
    log_.info("the job is held, looking whether its holder is alive",
              {{"job", job}, {"holder", held.holder}, {"lease", held.name}, {"up_to_s", duration.count() / 1000}});
    for (;;) {
        const auto rest = std::chrono::ceil<milliseconds>(give_up - SteadyClock::now());
        const bool is_over = rest.count() <= 0;
        if (!is_over && !pause(call, std::min<milliseconds>(rest, duration / 8)))
            return Error{Errc::cancelled, fmt::format("stopped while waiting for job {}", job)};
        auto seen = leases_.get(call.within(rules_.patience), held.name);
        if (!seen)
            return seen;
        if (seen->holder.empty())
            return seen;
        if (seen->holder != held.holder || seen->renewed != held.renewed)
            return claimed_by(job, *seen);
        if (is_over) {
            log_.warn("the job's holder is dead, taking it over", {{"job", job}, {"holder", held.holder}});
            return seen;
        }
    }
}

Result<std::vector<std::string>> LeaseJournal::jobs()
{
    auto leases = leases_.list(Call{.stop = stop_}.within(rules_.patience), fmt::format("{}=open", state_label));
    if (!leases)
        return leases.error();
    std::vector<std::string> found;
    for (const auto& lease : *leases)
        if (lease.name.starts_with(journal_prefix))
            found.push_back(lease.name.substr(std::string_view(journal_prefix).size()));
    std::ranges::sort(found);
    return found;
}

std::string LeaseJournal::where() const
{
    return fmt::format("Leases {}… in namespace {} ({})", journal_prefix, leases_.name_space(), leases_.server());
}

} // namespace xcopy::kube
