#include "coordinator/find_host.hpp"

#include "coordinator/patience.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

namespace xcopy {

Result<ChosenHost> find_host(const Call& call, const CopyRun& run, const SourceName& source, Survey& hosts)
{
    const auto& order = run.order;
    Backoff backoff(order.limits);
    for (bool told = false;; told = true) {
        auto host = choose_host(call, order, hosts, source, run.wanted_host());
        if (!host || host->health.drained_s == 0 || host->has_job || run.is_continued())
            return host;
        const auto why = fmt::format("host '{}' is drained and takes no orders for {} s more: its agent is about to be "
                                     "upgraded",
                                     host->name, host->health.drained_s);
        if (!told)
            run.site.log.warn("the copy waits for a host", {{"job", order.job}, {"why", why}});
        if (!pause(call, backoff.next()))
            return Error{call.stop.stop_requested() ? Errc::cancelled : Errc::busy, why,
                         "run it again when that is over, or give another --migration-host", routes::drained};
        hosts = survey(call, run.site.hosts, order.limits);
    }
}

} // namespace xcopy
