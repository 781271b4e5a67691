#include "vendors/rest/throttle.hpp"

#include "vendors/rest/clock.hpp"

namespace xcopy::rest {

Result<Throttle::Permit> Throttle::enter(const Call& call)
{
    std::unique_lock lock(mutex_);
    const auto has_place = [this] { return free_ > 0; };
    if (call.deadline == std::chrono::steady_clock::time_point::max())
        freed_.wait(lock, call.stop, has_place);
    else
        freed_.wait_until(lock, call.stop, call.deadline, has_place);
    if (call.stop.stop_requested())
        return cancelled();
    if (!has_place())
        return deadline_passed();
    --free_;
    return Permit(this);
}

void Throttle::Leave::operator()(Throttle* throttle) const
{
    {
        const std::lock_guard lock(throttle->mutex_);
        ++throttle->free_;
    }
    throttle->freed_.notify_one();
}

} // namespace xcopy::rest
