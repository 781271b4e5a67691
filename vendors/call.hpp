// What every call that may take time carries: how long it may take, how it is told to stop, and for which job it works.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <string>

namespace xcopy {

struct Call {
    std::stop_token stop{};
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    std::string job{}; // for the log; empty where no copy is concerned

    // The same call with an earlier deadline: `limit` from now, never later than this one's.
    Call within(std::chrono::milliseconds limit) const
    {
        Call shorter = *this;
        shorter.deadline = std::min(deadline, std::chrono::steady_clock::now() + limit);
        return shorter;
    }
};

} // namespace xcopy
