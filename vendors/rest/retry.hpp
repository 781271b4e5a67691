// When a request is worth repeating, and after how long. Values in, value out: nothing sleeps here.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/transport.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <set>

namespace xcopy::rest {

struct Retry {
    int attempts = 5;           // in all
    std::set<int> on{429, 503}; // the array says "not now", so nothing was done and any request may be repeated
    std::function<bool(const Reply&)> also{}; // the array says the same in another way
    std::chrono::milliseconds first{500};
    std::chrono::milliseconds longest{8000};
    std::chrono::milliseconds longest_retry_after{60000}; // an array may ask for more patience than we would offer
    double growth = 2;
    // A reply that is none (half of one, an empty refusal), as while an array fails over. What changes nothing is
    // repeated after it, and so is a sign-in.
    std::function<bool(const Reply&)> no_answer{};
};

// POST and PATCH are not repeated when nobody knows whether they took effect.
bool is_idempotent(Method method);
bool may_be_repeated(const Request& request); // idempotent, or a POST that is harmless

// The wait before attempt number `attempt` + 1 (the first is number 1); nothing: give up.
std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, const Reply& reply);
std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, Method method, const Error& error);
std::optional<std::chrono::milliseconds> next_delay(const Retry& rules, int attempt, const Request& request,
                                                    const Result<Reply>& outcome);

} // namespace xcopy::rest
