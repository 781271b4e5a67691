// Something that happens again and again and that many coroutines may wait for. Used on the one reactor thread only.
#pragma once

#include "agent/asio.hpp"

#include <cstddef>
#include <list>
#include <memory>

namespace xcopy {

class Event {
public:
    void notify();
    awaitable<void> wait_until(steady_clock::time_point deadline); // returns at the next notify or at the deadline
    bool awaited() const { return !waiters_->empty(); }
    std::size_t count() const { return count_; } // of notifications so far

private:
    using Waiters = std::list<asio::steady_timer*>;
    std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>(); // a waiter may outlive the event it waited for
    std::size_t count_ = 0;
};

} // namespace xcopy
