// Waiting for something that may come back: pauses that grow, end at once on stop, and never outlast the deadline.
#pragma once

#include "coordinator/copy_order.hpp"

#include <chrono>

namespace xcopy {

// False when told to stop or when the deadline comes first.
bool pause(const Call& call, std::chrono::milliseconds how_long);

// The host was not heard; what it was asked for may or may not have happened.
bool is_contact_lost(const Error& error);

class Backoff {
public:
    explicit Backoff(const Limits& limits) : next_(limits.retry_first), longest_(limits.retry_longest) {}

    std::chrono::milliseconds next()
    {
        const auto now = next_;
        next_ = std::min(next_ * 2, longest_);
        return now;
    }

private:
    std::chrono::milliseconds next_;
    std::chrono::milliseconds longest_;
};

// For cleaning up: tries an idempotent act three times, whatever went wrong.
template <class Act> Result<void> persistently(const Call& call, const Limits& limits, const Act& act)
{
    constexpr int attempts = 3;
    Backoff backoff(limits);
    for (int attempt = 1;; ++attempt) {
        Result<void> done = act();
        if (done || attempt == attempts || done.error().code == Errc::denied || !pause(call, backoff.next()))
            return done;
    }
}

// Asks again while contact to the host is lost, for at most limits.agent_lost. For idempotent requests only.
template <class Ask> auto until_heard(const Call& call, const Limits& limits, Log& log, const Ask& ask)
{
    const auto give_up = std::chrono::steady_clock::now() + limits.agent_lost;
    Backoff backoff(limits);
    for (;;) {
        auto answer = ask();
        if (answer || !is_contact_lost(answer.error()) || std::chrono::steady_clock::now() >= give_up)
            return answer;
        log.warn("not heard, asking again", {{"job", call.job}, {"why", answer.error().message}});
        if (!pause(call, backoff.next()))
            return answer;
    }
}

} // namespace xcopy
