#include "coordinator/map_target.hpp"

#include "coordinator/choose_lun.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

constexpr int most_attempts = 8; // each lost to somebody who took that number in between

Result<void> record_mappings(const Call& call, CopyRun& run, const ChosenHost& host)
{
    auto& record = run.record;
    if (record.mapping_intended) // an earlier run recorded them before it mapped; now ours may be among them
        return {};
    auto& array = run.site.array;
    auto array_host = array.ensure_host(call, identity(host));
    if (!array_host)
        return array_host.error().in(fmt::format("make host '{}' known to the array", host.name));
    auto before = array.mappings_of(call, record.volume);
    if (!before)
        return before.error().in(fmt::format("read the mappings of {}", record.volume.naa));
    for (const auto& warning : array_host->warnings)
        run.site.log.warn("host's object on the array", {{"job", record.job}, {"host", host.name}, {"what", warning}});
    record.array_host = std::move(*array_host);
    record.mappings_before = std::move(*before);
    return {};
}

std::optional<Mapping> mapping_before(const CopyRecord& record)
{
    return mapping_that_reaches(record.mappings_before, record.array_host);
}

// LUN numbers to try, one after the other.
class LunCandidates {
public:
    LunCandidates(CopyRun& run, const ChosenHost& host, LunNumbers& numbers)
        : run_(run), numbers_(numbers), limit_(lun_limit(host.health.disk_max_lun, numbers.highest()))
    {}

    Result<std::optional<int>> next(const Call& call)
    {
        const auto preferred = run_.order.lun ? run_.order.lun : run_.record.lun; // an earlier run's choice
        if (preferred && taken_.empty())
            return check(*preferred);
        if (run_.order.lun)
            return Error{Errc::busy,
                         fmt::format("LUN number {} is taken on host '{}'", *run_.order.lun, run_.record.host),
                         "give another --lun, or leave it out", "lun_taken"};
        if (!used_) {
            auto used = numbers_.used_by(call, run_.record.array_host);
            if (!used)
                return used.error().in("list the LUN numbers in use");
            used_ = std::move(*used);
        }
        used_->insert(taken_.begin(), taken_.end());
        auto chosen = choose_lun(run_.record.volume.naa, limit_, *used_);
        if (!chosen)
            return Error{Errc::unsupported,
                         fmt::format("host '{}' has no free LUN number below {}", run_.record.host, limit_),
                         "raise Disk.MaxLUN on it, or choose another --migration-host", "no_free_lun"};
        return chosen;
    }

    void taken(int lun) { taken_.insert(lun); }

private:
    Result<std::optional<int>> check(int lun) const
    {
        if (lun >= 0 && lun < limit_)
            return std::optional(lun);
        return Error{Errc::unsupported,
                     fmt::format("LUN number {} is not below {}, the limit of host '{}' (Disk.MaxLUN) and array "
                                 "(highest {})",
                                 lun, limit_, run_.record.host, numbers_.highest()),
                     "choose a lower --lun, or leave it out", "lun_above_max"};
    }

    CopyRun& run_;
    LunNumbers& numbers_;
    int limit_;
    std::set<int> taken_; // found out by trying
    std::optional<std::set<int>> used_;
};

Result<Mapping> map_under(const Call& call, CopyRun& run, std::optional<int> lun)
{
    run.record.lun = lun;
    run.record.mapping_intended = true;
    if (auto noted = run.note(); !noted)
        return noted.error();
    return run.site.array.map(call, run.record.volume, run.record.array_host, lun);
}

Result<Mapping> map_with_free_number(const Call& call, CopyRun& run, const ChosenHost& host, LunNumbers& numbers)
{
    LunCandidates candidates(run, host, numbers);
    for (int attempt = 1;; ++attempt) {
        auto lun = candidates.next(call);
        if (!lun)
            return lun.error();
        auto mapped = map_under(call, run, *lun);
        if (mapped || mapped.error().code != Errc::busy || attempt == most_attempts)
            return mapped;
        run.site.log.info("LUN number taken, choosing another", {{"job", run.order.job}, {"lun", **lun}});
        candidates.taken(**lun);
    }
}

// The volume reaches the host through another object of the array that holds the same initiator: not ours.
Result<void> note_foreign_mapping(CopyRun& run, const Mapping& found)
{
    auto& record = run.record;
    record.array_host = found.host;
    if (!mapping_before(record))
        record.mappings_before.push_back(found);
    return run.note();
}

} // namespace

Result<void> map_target(const Call& call, CopyRun& run, const ChosenHost& host)
{
    auto& record = run.record;
    if (auto recorded = record_mappings(call, run, host); !recorded)
        return recorded;
    if (const auto found = mapping_before(record)) {
        run.site.log.info("target already reaches the host, that mapping stays",
                          {{"job", record.job}, {"target", record.volume.naa}, {"host", host.name}});
        record.lun = found->lun;
        record.mapping_intended = true;
        if (auto noted = run.note(); !noted)
            return noted;
        return check_lun(record.lun, host.health.disk_max_lun, host.name);
    }

    auto* numbers = run.site.array.lun_numbers();
    auto mapped = numbers ? map_with_free_number(call, run, host, *numbers) : map_under(call, run, std::nullopt);
    if (!mapped)
        return mapped.error().in(fmt::format("map {} to '{}'", record.volume.naa, record.array_host.name));
    record.lun = mapped->lun;
    if (mapped->host.id != record.array_host.id)
        if (auto noted = note_foreign_mapping(run, *mapped); !noted)
            return noted;
    run.site.log.info("target mapped", {{"job", record.job},
                                        {"target", record.volume.naa},
                                        {"host", host.name},
                                        {"lun", record.lun ? std::to_string(*record.lun) : "unknown"}});
    return check_lun(record.lun, host.health.disk_max_lun, host.name);
}

} // namespace xcopy
