// HTTP/1.1 over TLS 1.3: accepts, bounds, hands requests to one function and writes its replies.
#pragma once

#include "agent/asio.hpp"
#include "agent/http/message.hpp"
#include "agent/http/tls.hpp"
#include "protocol/routes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace xcopy::http {

struct Limits {
    std::size_t header_bytes = routes::max_request_header;
    std::size_t body_bytes = routes::max_request_body;
    int connections = 64;
    milliseconds handshake{10'000};
    milliseconds header{10'000};
    milliseconds body{10'000};
    milliseconds idle{75'000};
};

using Handler = std::function<awaitable<Reply>(Request)>;

struct Activity {
    int connections = 0; // now
    std::uint64_t connections_refused = 0;
    std::uint64_t handshakes_failed = 0;
};

class Server {
public:
    Server(Certificates&, Limits, Handler);
    ~Server();

    // Binds and listens. An IPv6 wildcard also serves IPv4; on a host whose IPv6 is switched off it is the IPv4
    // wildcard.
    Result<void> listen(const asio::any_io_executor&, const std::string& address, std::uint16_t port);
    std::uint16_t port() const;
    awaitable<void> serve(); // until the executor ends

    const Activity& activity() const { return activity_; }

private:
    struct Listener;
    Certificates& certificates_;
    Limits limits_;
    Handler handler_;
    Activity activity_;
    std::unique_ptr<Listener> listener_;
};

} // namespace xcopy::http
