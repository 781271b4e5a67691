#include "coordinator/copy_disk.hpp"

#include "coordinator/array_copy.hpp"
#include "coordinator/copy_run.hpp"
#include "coordinator/examine_source.hpp"
#include "coordinator/find_host.hpp"
#include "coordinator/map_target.hpp"
#include "coordinator/on_host.hpp"
#include "coordinator/put_back.hpp"
#include "coordinator/source.hpp"
#include "coordinator/survey.hpp"
#include "coordinator/target.hpp"
#include "coordinator/verdict.hpp"

#include <future>

namespace xcopy {

namespace {

// What is refused here for a new copy goes on for one already begun: the host judged its source at the order, and a
// clone under way is watched to its end and put back.
Result<void> check_source(const Call& call, const CopyRun& run, ChosenHost& host, const Volume& target)
{
    auto good = examine_source(call, run.order, host, run.site.log);
    if (good)
        good = check_source_fits(host, target);
    if (good || (!run.is_continued() && !host.has_job))
        return good;
    run.site.log.warn("source looks bad, the copy was begun and goes on",
                      {{"job", run.order.job}, {"host", host.name}, {"why", good.error().message}});
    return {};
}

// The target must hold nothing that anybody uses: no datastore, no other clone, not the source.
Result<void> check_nobody_uses(const Call& call, const Volume& target, const Survey& hosts, const CopyOrder& order,
                               Log& log, const ChosenHost& chosen = {})
{
    if (auto free = check_target_is_free(target.naa, order.job, chosen, hosts); !free)
        return free;
    return check_device_is_free(call, target.naa, chosen, hosts, order, log);
}

} // namespace

CopyReport copy_disk(const Call& call, const CopyOrder& order, const Site& site)
{
    CopyRun run(call, order, site);

    // One coordinator works on a job. What an earlier run began is taken over; if its verdict is known, only putting
    // back is left.
    if (auto claimed = run.claim(); !claimed)
        return run.refuse(claimed.error());
    if (auto ended = run.end_earlier_run())
        return *ended;

    if (order.objection && !run.is_continued()) // what vCenter says of the disk
        return run.refuse(*order.objection);

    // Until step 5 everything only reads. The hosts are asked while the array looks for the volume.
    run.step("look up");
    const auto source = source_of(order);
    if (!source)
        return run.refuse(source.error());
    const auto reached = run.hosts();
    if (!reached)
        return run.refuse(reached.error());
    const auto age = order.xcopy == XcopyPolicy::require ? HealthAge::fresh : HealthAge::cached;
    auto asked = std::async(std::launch::async, [&] { return survey(call, *reached, order.limits, age); });

    // 1. Target: the array volume behind the handle. The driver refuses a handle of another array.
    const auto target = find_target(call, order, site.array);
    auto hosts = asked.get();
    warn_of_unreachable(hosts, order.job, site.log);
    if (!target)
        return run.refuse(target.error());

    if (auto good = check_against_vcenter(*target, order, run.is_continued()); !good)
        return run.refuse(good.error());

    // 2. Source, 3. method: a disk that is a volume itself (RDM, vVol) is copied inside the array where that can.
    const auto on_array = choose_array_method(call, run, *target);
    if (!on_array)
        return run.refuse(on_array.error());
    if (*on_array) {
        if (auto free = check_nobody_uses(call, *target, hosts, order, site.log); !free)
            return run.refuse(free.error());
        if (auto report = copy_on_array(call, run, **on_array, *target))
            return *report;
    }

    // 4. Host: one that has the source's datastore mounted; vmkfstools on it does the copy, and the array moves the data
    // where it can.
    auto host = find_host(call, run, *source, hosts);
    if (!host)
        return run.refuse(host.error());
    if (auto possible = check_xcopy_possible(*host); !possible) {
        if (order.xcopy == XcopyPolicy::require)
            return run.refuse(possible.error());
        site.log.warn("the host will copy, not the array", {{"job", order.job}, {"why", possible.error().message}});
    }
    site.log.info("host chosen", {{"job", order.job},
                                  {"host", host->name},
                                  {"why", host->why},
                                  {"transport", name(host->transport.kind)},
                                  {"why_transport", host->transport.why}});
    site.observer.way(way_over(*host));

    if (auto free = check_nobody_uses(call, *target, hosts, order, site.log, *host); !free)
        return run.refuse(free.error());
    if (auto good = check_source(call, run, *host, *target); !good)
        return run.refuse(good.error());
    if (auto clear = clear_the_way(call, run, *host); !clear)
        return run.refuse(clear.error());
    if (call.stop.stop_requested())
        return run.refuse({Errc::cancelled, "stopped before anything was changed"});

    // 5. Journal the intent, record the existing mappings, map under a LUN number that the host can see.
    run.step("map");
    if (auto begun = run.begin(*target, *host); !begun)
        return run.refuse(begun.error());
    if (auto mapped = map_target(call, run, *host); !mapped)
        return run.finish(mapped.error());

    // 6. Attach: the host sees a device of that very NAA and size.
    run.step("attach");
    if (auto attached = attach_target(call, run, *host); !attached)
        return run.finish(attached.error());

    // 7. Clone: start or adopt, watch to the end.
    run.step("clone");
    const auto cloned = run_clone(call, run, *host);
    if (!cloned)
        return run.finish(cloned.error());

    // 8. Verdict: exit status 0 of exactly what was ordered, and nothing else.
    if (auto proven = verdict(clone_request(run.record), *cloned); !proven)
        return run.finish(proven.error());
    if (auto allowed = check_policy(order.xcopy, cloned->xcopy); !allowed)
        return run.finish(allowed.error());

    // 9. Make the verdict durable, then detach, unmap only ours, re-create only what is missing. Every other finish()
    // above does the same.
    return run.finish({});
}

} // namespace xcopy
