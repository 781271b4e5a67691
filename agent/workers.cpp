#include "agent/workers.hpp"

#include <cstddef>
#include <utility>

namespace xcopy {

Workers::Workers(asio::any_io_executor home, int threads)
    : home_(std::move(home)), pool_(static_cast<std::size_t>(threads))
{}

Workers::~Workers()
{
    shut_down();
}

void Workers::shut_down()
{
    stop_.request_stop();
    pool_.stop();
    pool_.join();
}

} // namespace xcopy
