#include "coordinator/patience.hpp"

#include <condition_variable>
#include <mutex>

namespace xcopy {

bool pause(const Call& call, std::chrono::milliseconds how_long)
{
    const auto end = std::chrono::steady_clock::now() + how_long;
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait_until(lock, call.stop, std::min(end, call.deadline), [] { return false; });
    return !call.stop.stop_requested() && std::chrono::steady_clock::now() < call.deadline;
}

bool is_contact_lost(const Error& error)
{
    return error.code == Errc::unavailable || (error.code == Errc::timed_out && error.reason == "no_answer") ||
           error.code == Errc::indeterminate;
}

} // namespace xcopy
