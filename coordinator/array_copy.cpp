#include "coordinator/array_copy.hpp"

#include "coordinator/patience.hpp"
#include "coordinator/put_back.hpp"
#include "coordinator/verdict.hpp"

#include <fmt/format.h>

namespace xcopy {

namespace {

using Phase = ArrayCopyState::Phase;
using SteadyClock = std::chrono::steady_clock;

ArrayCopy copy_of(const CopyRecord& record)
{
    return {.id = record.job, .source = record.source_volume, .target = record.volume};
}

Error fate_unknown(const CopyRecord& record, const Error& last)
{
    return {Errc::indeterminate,
            fmt::format("{} {} was not heard for too long, so the copy's fate is unknown: {}", record.vendor,
                        record.array, last.message),
            "when the array answers again, run the same command again: it takes the copy up; or undo with sweep",
            std::string(fate_unknown_reason)};
}

// Values in, value out: what a look at the copy means. Nothing: it runs.
std::optional<Result<void>> judge(const ArrayCopyState& state, bool array_forgets_when_done)
{
    switch (state.phase) {
    case Phase::running:
        return std::nullopt;
    case Phase::done:
        return Result<void>();
    case Phase::failed:
        return Error{Errc::failed, fmt::format("the array's copy failed at {}%: {}", state.percent, state.message),
                     "mend what the array complains of, then run again: the copy starts afresh", "array_copy_failed"};
    case Phase::absent:
        if (array_forgets_when_done)
            return Result<void>();
        return Error{Errc::indeterminate, "the array's copy is gone and nobody saw it end",
                     "somebody took it away on the array; run again: the copy starts afresh", "array_copy_gone"};
    }
    return std::nullopt;
}

// The state right after; an error whose `refused` is true means that the array said no and nothing was begun.
Result<ArrayCopyState> start(const Call& call, CopyRun& run, VolumeCopier& copier, bool& refused)
{
    auto& record = run.record;
    const bool ordered_before = record.array_copy_ordered;
    record.array_copy_ordered = true;
    if (auto noted = run.note(); !noted)
        return noted.error();
    auto state = until_heard(call, run.order.limits, run.site.log, [&] { return copier.start(call, copy_of(record)); });
    if (state || call.stop.stop_requested())
        return state;
    if (is_contact_lost(state.error()))
        return fate_unknown(record, state.error());
    refused = !ordered_before;
    if (refused) {
        record.array_copy_ordered = false;
        if (auto noted = run.note(); !noted)
            return noted.error();
    }
    return state;
}

Result<void> watch(const Call& call, CopyRun& run, VolumeCopier& copier, ArrayCopyState state)
{
    const auto& limits = run.order.limits;
    const auto begun = SteadyClock::now();
    Backoff backoff(limits);
    for (;;) {
        run.site.observer.progress({.host = run.record.array,
                                    .percent = state.phase == Phase::done ? 100 : state.percent,
                                    .bytes = run.record.source_volume.size_bytes});
        if (auto ended = judge(state, copier.forgets_when_done()))
            return *ended;
        if (limits.clone.count() > 0 && SteadyClock::now() - begun >= limits.clone)
            return Error{Errc::timed_out, fmt::format("the array's copy took longer than {} s", limits.clone.count()),
                         "raise --clone-time-limit"};
        if (!pause(call, backoff.next()))
            return Error{Errc::cancelled, fmt::format("stopped while the array was copying, at {}%", state.percent)};
        auto looked = until_heard(call, limits, run.site.log, [&] { return copier.look(call, copy_of(run.record)); });
        if (!looked && call.stop.stop_requested())
            return Error{Errc::cancelled, "stopped while the array was copying"};
        if (!looked)
            return is_contact_lost(looked.error()) ? fate_unknown(run.record, looked.error()) : looked.error();
        state = std::move(*looked);
    }
}

} // namespace

std::string_view name(DiskBacking::Kind kind)
{
    return kind == DiskBacking::Kind::rdm ? "rdm" : "vvol";
}

Result<std::optional<ArrayMethod>> choose_array_method(const Call& call, const CopyRun& run, const Volume& target)
{
    const auto& order = run.order;
    auto* copier = run.site.array.volume_copier();
    if (run.is_continued()) {
        if (!run.record.is_on_array())
            return std::optional<ArrayMethod>();
        if (!copier)
            return Error{Errc::unsupported, "an earlier run began a copy inside the array, which this driver cannot do",
                         "use the version of the coordinator that began it"};
        return std::optional(ArrayMethod{copier, run.record.source_volume});
    }
    if (!order.backing)
        return std::optional<ArrayMethod>();
    const auto by_host = [&](std::string_view why) {
        run.site.log.warn("a host copies, not the array inside itself",
                          {{"job", order.job}, {"backing", name(order.backing->kind)}, {"why", why}});
        return std::optional<ArrayMethod>();
    };
    if (!order.array_copies.contains(order.backing->kind))
        return by_host("switched off");
    if (!copier || !copier->copies(order.backing->kind))
        return by_host(fmt::format("{} offers no such copy", order.vendor));
    auto source = copier->find_source(call, *order.backing);
    if (!source && source.error().code == Errc::not_found)
        return by_host(source.error().message);
    if (!source)
        return source.error().in("find the source's volume on the array");
    const auto possible = copier->check(call, {.id = order.job, .source = *source, .target = target});
    if (!possible && possible.error().code == Errc::unsupported)
        return by_host(possible.error().message + "; " + possible.error().remedy);
    if (!possible)
        return possible.error().in("check the copy inside the array");
    return std::optional(ArrayMethod{copier, std::move(*source)});
}

std::string method_name(const CopyOrder& order)
{
    return order.backing ? std::string(name(order.backing->kind)) : "array";
}

std::optional<CopyReport> copy_on_array(const Call& call, CopyRun& run, const ArrayMethod& method, const Volume& target)
{
    if (call.stop.stop_requested())
        return run.refuse({Errc::cancelled, "stopped before anything was changed"});
    run.step("copy inside the array");
    run.site.observer.way({.method = method_name(run.order)});
    if (auto begun = run.begin_on_array(target, method.source); !begun)
        return run.refuse(begun.error());
    bool refused = false;
    auto started = start(call, run, *method.copier, refused);
    if (!started && refused && started.error().code == Errc::unsupported) {
        run.site.log.warn("the array will not copy this inside itself, a host copies",
                          {{"job", run.order.job}, {"why", started.error().message}});
        run.forget();
        return std::nullopt;
    }
    if (!started)
        return run.finish(started.error());
    const auto begun = SteadyClock::now();
    const auto copied = watch(call, run, *method.copier, std::move(*started));
    if (copied)
        run.array_copy_ended(std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begun));
    return run.finish(copied);
}

std::vector<std::string> put_back_array_copy(const Call& cleanup, VolumeCopier* copier, JournalPage& page,
                                             CopyRecord& record, Outcome proposed, bool copy_ended,
                                             const Limits& limits, Log& log)
{
    const auto leave = [&](const Error& why) {
        log.error("left as it is", {{"job", record.job}, {"why", why.message}, {"remedy", "run again, or sweep"}});
        auto left = what_remains(record);
        left.push_back(why.message);
        return left;
    };
    if (!copier)
        return leave({Errc::unsupported, "this driver knows no copies inside the array"});

    if (record.outcome == Outcome::unknown) {
        if (record.array_copy_ordered && !copy_ended && proposed == Outcome::unknown)
            if (const auto now = copier->look(cleanup, copy_of(record)); now && now->phase == Phase::done) {
                proposed = Outcome::succeeded;
                copy_ended = true;
            }
        if (record.array_copy_ordered && !copy_ended) { // it may be writing: nothing is said before it is stopped
            auto ended = persistently(cleanup, limits, [&] { return copier->cancel(cleanup, copy_of(record)); });
            if (!ended)
                return leave(ended.error());
        }
        record.outcome = proposed == Outcome::unknown ? Outcome::failed : proposed;
        auto written = persistently(cleanup, limits, [&] { return page.write(record); });
        if (!written)
            return leave(written.error());
    }
    if (record.array_copy_ordered) {
        auto forgotten = persistently(cleanup, limits, [&] {
            return record.outcome == Outcome::succeeded ? copier->forget(cleanup, copy_of(record))
                                                        : copier->cancel(cleanup, copy_of(record));
        });
        if (!forgotten)
            return leave(forgotten.error());
    }
    if (auto removed = persistently(cleanup, limits, [&] { return page.remove(); }); !removed)
        return {removed.error().message};
    return {};
}

} // namespace xcopy
