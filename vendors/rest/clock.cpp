#include "vendors/rest/clock.hpp"

#include <condition_variable>
#include <mutex>

namespace xcopy::rest {

namespace {

class RealClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override { return std::chrono::steady_clock::now(); }

    Result<void> wait(const Call& call, std::chrono::milliseconds time) override
    {
        if (call.stop.stop_requested())
            return cancelled();
        const auto until = now() + time;
        if (until > call.deadline)
            return deadline_passed();
        std::mutex mutex;
        std::condition_variable_any never; // woken by the stop token or by the time, nothing else
        std::unique_lock lock(mutex);
        never.wait_until(lock, call.stop, until, [] { return false; });
        if (call.stop.stop_requested())
            return cancelled();
        return {};
    }
};

} // namespace

Clock& real_clock()
{
    static RealClock clock;
    return clock;
}

Error cancelled()
{
    return {Errc::cancelled, "stopped while waiting"};
}

Error deadline_passed()
{
    return {Errc::timed_out, "the time allowed for it is over"};
}

} // namespace xcopy::rest
