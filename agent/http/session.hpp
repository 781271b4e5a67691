// One connection, from handshake to close. With a refusal every request is answered with it.
#pragma once

#include "agent/http/server.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace xcopy::http {

awaitable<void> run_session(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context,
                            std::optional<Error> refusal, const Limits& limits, const Handler& handler,
                            Activity& activity);

} // namespace xcopy::http
