// One connection, from handshake to close.
#pragma once

#include "agent/http/server.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace xcopy::http {

awaitable<void> run_session(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context,
                            const Limits& limits, const Handler& handler, Activity& activity);

} // namespace xcopy::http
