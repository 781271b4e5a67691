#include "coordinator/put_back.hpp"

#include "coordinator/patience.hpp"
#include "coordinator/undo.hpp"
#include "coordinator/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

Result<void> not_found_is_fine(Result<void> done)
{
    if (!done && done.error().code == Errc::not_found)
        return {};
    return done;
}

// The final status; nothing when the host knows no such clone.
Result<std::optional<CloneStatus>> end_clone(const Call& cleanup, Host& host, const CopyRecord& record,
                                             const Limits& limits, Log& log)
{
    const auto ended = until_heard(cleanup, limits, log, [&]() -> Result<CloneStatus> {
        auto now = host.watch_clone(cleanup, record.job, 0, std::chrono::seconds(0));
        if (!now || is_final(now->state))
            return now;
        log.info("cancelling the clone", {{"job", record.job}, {"host", record.host}, {"percent", now->percent}});
        return host.cancel_clone(cleanup, record.job);
    });
    if (!ended && is_absent_there(ended.error()))
        return std::optional<CloneStatus>();
    if (!ended)
        return ended.error();
    if (!is_final(ended->state))
        return Error{Errc::indeterminate, fmt::format("the clone is {} after it was cancelled", name(ended->state))};
    return std::optional(*ended);
}

Result<void> recreate_missing(const Call& cleanup, Array& array, const CopyRecord& record)
{
    auto now = array.mappings_of(cleanup, record.volume);
    if (!now)
        return now.error();
    for (const auto& before : record.mappings_before) {
        const bool there = std::ranges::any_of(*now, [&](const Mapping& m) { return m.host.id == before.host.id; });
        if (there)
            continue;
        if (auto mapped = array.map(cleanup, record.volume, before.host, before.lun); !mapped)
            return mapped.error().in(fmt::format("mapping to '{}'", before.host.name));
    }
    return {};
}

std::vector<std::string> undo_all(const Call& cleanup, Array& array, Host& host, const CopyRecord& record,
                                  const Limits& limits, Log& log)
{
    Undo undo(limits, log);
    const bool ours = mapping_is_ours(record);
    if (record.mapping_intended && !record.mappings_before.empty())
        undo.add(fmt::format("re-create the mappings found before on {}", record.volume.naa),
                 [&] { return recreate_missing(cleanup, array, record); });
    if (ours)
        undo.add(fmt::format("unmap {} from '{}'", record.volume.naa, record.array_host.name),
                 [&] { return not_found_is_fine(array.unmap(cleanup, record.volume, record.array_host)); });
    // A device that reached the host before us stays as it was found.
    if (record.attach_intended && ours)
        undo.add_gate(fmt::format("detach {} on host '{}'", record.volume.naa, record.host),
                      [&] { return host.detach(cleanup, record.volume.naa, record.job); });
    if (record.clone_ordered)
        undo.add(fmt::format("forget the clone on host '{}'", record.host),
                 [&] { return host.forget_clone(cleanup, record.job); });
    auto left = undo.run(cleanup);

    // ESXi drops the dead paths at any later rescan too, so a failure here leaves nothing that would need the journal.
    if (ours && record.attach_intended && left.empty()) {
        auto rescanned = host.rescan(cleanup, {.kind = RescanKind::remove, .adapters = record.adapters});
        if (!rescanned)
            log.warn("rescan for removed devices failed",
                     {{"job", record.job}, {"host", record.host}, {"why", rescanned.error().message}});
    }
    return left;
}

} // namespace

CloneRequest clone_request(const CopyRecord& record)
{
    return {.source = record.source_path,
            .target_naa = record.volume.naa,
            .target_size = record.volume.size_bytes,
            .time_limit_s = record.time_limit_s,
            .orphan_ttl_s = record.orphan_ttl_s};
}

std::vector<std::string> what_remains(const CopyRecord& record)
{
    std::vector<std::string> left;
    if (record.clone_ordered)
        left.push_back(fmt::format("clone {} on host '{}' (it may be running)", record.job, record.host));
    if (record.array_copy_ordered)
        left.push_back(fmt::format("copy of {} to {} inside {} {} (it may be running)", record.source_volume.name,
                                   record.volume.naa, record.vendor, record.array));
    if (record.attach_intended)
        left.push_back(fmt::format("device {} attached on host '{}'", record.volume.naa, record.host));
    if (mapping_is_ours(record))
        left.push_back(fmt::format("mapping of {} to '{}' on {} {}", record.volume.naa, record.array_host.name,
                                   record.vendor, record.array));
    return left;
}

std::vector<std::string> put_back(const Call& cleanup, Array& array, Host& host, JournalPage& page, CopyRecord& record,
                                  Outcome proposed, bool clone_ended, const Limits& limits, Log& log)
{
    const auto leave = [&](const Error& why) {
        log.error("left as it is", {{"job", record.job}, {"why", why.message}, {"remedy", "run again, or sweep"}});
        auto left = what_remains(record);
        left.push_back(why.message);
        return left;
    };

    if (record.outcome == Outcome::unknown) {
        if (record.clone_ordered && !clone_ended) {
            auto ended = end_clone(cleanup, host, record, limits, log);
            if (!ended) // a writer may be alive: nothing is taken away from under it
                return leave(ended.error());
            if (proposed == Outcome::unknown && *ended)
                proposed = verdict(clone_request(record), **ended) ? Outcome::succeeded : Outcome::failed;
        }
        record.outcome = proposed == Outcome::unknown ? Outcome::failed : proposed;
        auto written = persistently(cleanup, limits, [&] { return page.write(record); });
        if (!written) // the host must not forget what is written nowhere else
            return leave(written.error());
    }

    auto left = undo_all(cleanup, array, host, record, limits, log);
    if (!left.empty())
        return left;
    if (auto removed = persistently(cleanup, limits, [&] { return page.remove(); }); !removed)
        return {removed.error().message};
    return {};
}

} // namespace xcopy
