// Asio is compiled once, here; everybody else sees declarations (BOOST_ASIO_SEPARATE_COMPILATION).
#include "agent/asio.hpp"

#include <boost/asio/impl/src.hpp>

namespace xcopy {

awaitable<void> sleep_for(milliseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace xcopy
