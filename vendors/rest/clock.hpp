// Time as the REST client sees it, so that tests of retries and polling do not wait.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"

#include <chrono>

namespace xcopy::rest {

class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    virtual std::chrono::steady_clock::time_point now() const = 0;

    // Waits that long. Errc::cancelled as soon as the call is stopped; Errc::timed_out at once when its deadline would
    // come first, for then the wait cannot help any more.
    virtual Result<void> wait(const Call&, std::chrono::milliseconds) = 0;
};

Clock& real_clock();

Error cancelled();
Error deadline_passed();

} // namespace xcopy::rest
