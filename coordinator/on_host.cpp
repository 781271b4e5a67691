#include "coordinator/on_host.hpp"

#include "coordinator/patience.hpp"
#include "coordinator/put_back.hpp"
#include "coordinator/verdict.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

namespace xcopy {

namespace {

using SteadyClock = std::chrono::steady_clock;

Error fate_unknown(const CopyRun& run, const Error& last)
{
    return {Errc::indeterminate,
            fmt::format("host '{}' was not heard for {} s, so the clone's fate is unknown: {}", run.record.host,
                        std::chrono::duration_cast<std::chrono::seconds>(run.order.limits.agent_lost).count(),
                        last.message),
            "when its agent answers again, run the same command again: it adopts the clone; or undo with sweep",
            std::string(fate_unknown_reason)};
}

void tell(CopyRun& run, const CloneStatus& status)
{
    run.site.observer.progress({.host = run.record.host,
                                .percent = status.percent,
                                .bytes = run.record.volume.size_bytes,
                                .queue_position = status.queue_position,
                                .xcopy = status.xcopy.use});
}

// A host may have been drained since it was chosen; it takes the order when that is over.
Result<CloneStatus> order_clone(const Call& call, CopyRun& run, Host& host)
{
    Backoff backoff(run.order.limits);
    for (bool told = false;; told = true) {
        auto status = until_heard(call, run.order.limits, run.site.log,
                                  [&] { return host.start_clone(call, run.record.job, clone_request(run.record)); });
        if (status || status.error().reason != routes::drained)
            return status;
        if (!told)
            run.site.log.warn("host takes no orders, the clone waits",
                              {{"job", run.record.job}, {"host", run.record.host}, {"why", status.error().message}});
        if (!pause(call, backoff.next()))
            return status;
    }
}

Result<CloneStatus> start(const Call& call, CopyRun& run, Host& host)
{
    const bool ordered_before = run.record.clone_ordered;
    run.record.clone_ordered = true;
    if (auto noted = run.note(); !noted)
        return noted.error();
    auto status = order_clone(call, run, host);
    if (status || call.stop.stop_requested())
        return status;
    if (is_contact_lost(status.error()))
        return fate_unknown(run, status.error());
    if (!ordered_before) { // refused: there is nothing to cancel
        run.record.clone_ordered = false;
        if (auto noted = run.note(); !noted)
            return noted.error();
    }
    return status.error().in("order the clone");
}

Result<CloneStatus> watch(const Call& call, CopyRun& run, Host& host, CloneStatus status)
{
    const auto& limits = run.order.limits;
    auto heard = SteadyClock::now();
    Backoff backoff(limits);
    std::string lost; // why; empty: heard
    for (;;) {
        tell(run, status);
        if (is_final(status.state))
            return status;
        const auto asked = SteadyClock::now();
        auto next = host.watch_clone(call, run.record.job, status.revision, limits.watch);
        if (call.stop.stop_requested())
            return Error{Errc::cancelled, fmt::format("stopped at {}%", status.percent)};
        if (next) {
            heard = SteadyClock::now();
            backoff = Backoff(limits);
            if (!lost.empty())
                run.site.log.info("host heard again", {{"job", run.record.job}, {"host", run.record.host}});
            lost.clear();
            const bool no_news = next->revision <= status.revision;
            status = std::move(*next);
            if (no_news &&
                heard - asked < limits.retry_first) // an agent that does not hold the question must not make us spin
                pause(call, limits.retry_first);
            continue;
        }
        if (is_absent_there(next.error()))
            return next.error();
        if (SteadyClock::now() - heard >= limits.agent_lost)
            return fate_unknown(run, next.error());
        if (lost != next.error().message)
            run.site.log.warn("host not heard, the clone goes on there",
                              {{"job", run.record.job}, {"host", run.record.host}, {"why", next.error().message}});
        lost = next.error().message;
        pause(call, backoff.next());
    }
}

} // namespace

Result<void> clear_the_way(const Call& call, CopyRun& run, const ChosenHost& host)
{
    if (run.is_continued() || host.has_job)
        return {};
    if (auto forgotten = host.host->forget_clone(call, run.order.job); !forgotten)
        return forgotten.error().in("begin on the host");
    return {};
}

Result<void> attach_target(const Call& call, CopyRun& run, const ChosenHost& host)
{
    auto& record = run.record;
    const bool attached_before = record.attach_intended;
    record.attach_intended = true;
    if (auto noted = run.note(); !noted)
        return noted;
    const AttachRequest request{.job = record.job,
                                .expected_size = record.volume.size_bytes,
                                .adapters = host.adapters,
                                .wait_s = static_cast<int>(run.order.limits.attach.count()),
                                .lun = record.lun};
    auto device = until_heard(call, run.order.limits, run.site.log,
                              [&] { return host.host->attach(call, record.volume.naa, request); });
    if (!device && device.error().code == Errc::denied && !attached_before)
        record.attach_intended = false; // we may not, so nothing happened and there is nothing to detach
    if (!device)
        return device.error().in(fmt::format("attach {} on host '{}'", record.volume.naa, host.name));
    if (device->name != record.volume.naa || !same_size(record.volume.size_bytes, device->size_bytes))
        return Error{Errc::conflict,
                     fmt::format("host '{}' sees {} with {} bytes where the array says {} with {} bytes", host.name,
                                 device->name, device->size_bytes, record.volume.naa, record.volume.size_bytes),
                     "was the volume resized? rescan the host's storage adapters and run again", "device_differs"};
    if (run.order.xcopy == XcopyPolicy::require && device->vaai.clone == "unsupported")
        return Error{Errc::unsupported,
                     fmt::format("host '{}' cannot use XCOPY on {}, and --xcopy require was given", host.name,
                                 record.volume.naa),
                     fmt::format("see: esxcli storage core device vaai status get -d {}", record.volume.naa),
                     "vaai_unsupported"};
    return {};
}

Result<CloneStatus> run_clone(const Call& call, CopyRun& run, const ChosenHost& host)
{
    for (bool again = false;; again = true) {
        const bool adopted = run.record.clone_ordered && !again;
        auto status = start(call, run, *host.host);
        if (!status)
            return status;
        run.site.log.info(adopted ? "clone adopted" : "clone ordered", {{"job", run.record.job},
                                                                        {"host", host.name},
                                                                        {"source", run.record.source_path},
                                                                        {"target", run.record.volume.naa}});
        auto ended = watch(call, run, *host.host, std::move(*status));
        if (ended)
            run.clone_ended(*ended);
        if (ended || !is_absent_there(ended.error()))
            return ended;
        if (again) {
            run.clone_lost();
            return Error{Errc::failed, fmt::format("host '{}' lost the clone twice", host.name),
                         "did it reboot? see its agent's log", "clone_lost"};
        }
        run.site.log.warn("host lost the clone, starting over once", {{"job", run.record.job}, {"host", host.name}});
        // A reboot takes the attachment away as well.
        if (auto attached = attach_target(call, run, host); !attached)
            return attached.error();
    }
}

} // namespace xcopy
