// Before an upgrade or a removal: no clone is begun, so that the running ones can be waited for.
#include "agent/jobs.hpp"
#include "agent/log.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

void Jobs::drain(seconds how_long, bool finish_queue)
{
    if (!drained_until_) // asked again and again it is one
        log::info("host drained", {{"running", fmt::to_string(running())}, {"queued", fmt::to_string(queued())}});
    drained_until_ = steady_clock::now() + how_long;
    queue_held_ = !finish_queue;
    pump();
}

void Jobs::end_drain(const char* why)
{
    if (!drained_until_)
        return;
    drained_until_.reset();
    queue_held_ = false;
    log::info("host takes orders again", {{"why", why}});
    pump();
}

seconds Jobs::drained_for() const
{
    if (!drained_until_)
        return seconds(0);
    return std::max(seconds(1), std::chrono::ceil<seconds>(*drained_until_ - steady_clock::now()));
}

std::optional<Error> Jobs::refused_while_drained() const
{
    if (!drained_until_)
        return std::nullopt;
    return Error{Errc::busy,
                 fmt::format("this host is drained and takes no orders for {} s more", drained_for().count()),
                 "its agent is about to be upgraded or removed: order the clone again then, or choose another host",
                 routes::drained};
}

} // namespace xcopy
