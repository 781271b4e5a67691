#include "agent/event.hpp"

#include <boost/asio/redirect_error.hpp>

namespace xcopy {

void Event::notify()
{
    ++count_;
    for (auto* timer : *waiters_)
        timer->cancel();
}

awaitable<void> Event::wait_until(steady_clock::time_point deadline)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
    const auto waiters = waiters_;
    const auto place = waiters->insert(waiters->end(), &timer);
    boost::system::error_code woken_or_not;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken_or_not));
    waiters->erase(place);
}

} // namespace xcopy
