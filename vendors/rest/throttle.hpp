// At most so many at once. With a limit of one it is a mutex whose wait obeys stop and deadline.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace xcopy::rest {

class Throttle {
public:
    explicit Throttle(int limit) : free_(limit) {}

    struct Leave {
        void operator()(Throttle* throttle) const;
    };
    using Permit = std::unique_ptr<Throttle, Leave>; // gone: the place is free again

    Result<Permit> enter(const Call& call);

private:
    std::mutex mutex_;
    std::condition_variable_any freed_;
    int free_;
};

} // namespace xcopy::rest
