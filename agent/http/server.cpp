#include "agent/http/server.hpp"

#include "agent/http/session.hpp"
#include "agent/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

namespace xcopy::http {

using asio::ip::tcp;

struct Server::Listener {
    explicit Listener(const asio::any_io_executor& executor) : acceptor(executor) {}
    tcp::acceptor acceptor;
};

namespace {

boost::system::error_code open(tcp::acceptor& acceptor, const tcp::endpoint& at)
{
    boost::system::error_code problem;
    boost::system::error_code ignored;
    acceptor.open(at.protocol(), problem);
    if (problem)
        return problem;
    if (at.address().is_v6())
        acceptor.set_option(asio::ip::v6_only(false), ignored);
    acceptor.set_option(tcp::acceptor::reuse_address(true), ignored);
    acceptor.bind(at, problem);
    if (!problem)
        acceptor.listen(tcp::acceptor::max_listen_connections, problem);
    if (problem)
        acceptor.close(ignored);
    return problem;
}

} // namespace

Server::Server(Certificates& certificates, Limits limits, Handler handler)
    : certificates_(certificates), limits_(limits), handler_(std::move(handler))
{}

Server::~Server() = default;

Result<void> Server::listen(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port)
{
    boost::system::error_code problem;
    const auto ip = asio::ip::make_address(address, problem);
    if (problem)
        return Error{Errc::bad_request, fmt::format("'{}' is not an IP address", address)};
    listener_ = std::make_unique<Listener>(executor);
    problem = open(listener_->acceptor, {ip, port});
    const bool no_v6 =
        problem == asio::error::address_family_not_supported || problem == boost::system::errc::address_not_available;
    if (no_v6 && ip.is_v6() && ip.is_unspecified()) {
        log::warn("IPv6 is off, listening on IPv4", {{"reason", problem.message()}});
        problem = open(listener_->acceptor, {asio::ip::address_v4::any(), port});
    }
    if (problem)
        return Error{Errc::unavailable, fmt::format("listen on {} port {}: {}", address, port, problem.message()),
                     "is another agent running? `listen` in the configuration chooses address and port"};
    return {};
}

std::uint16_t Server::port() const
{
    return listener_->acceptor.local_endpoint().port();
}

awaitable<void> Server::serve()
{
    auto& acceptor = listener_->acceptor;
    for (;;) {
        boost::system::error_code problem;
        tcp::socket socket(acceptor.get_executor());
        co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, problem));
        if (problem) { // out of descriptors or memory: what runs goes on
            log::warn("connection not accepted", {{"reason", problem.message()}});
            co_await sleep_for(milliseconds(100));
            continue;
        }
        if (activity_.connections >= limits_.connections) {
            ++activity_.connections_refused; // closed at once, so the client learns it now
            continue;
        }
        asio::co_spawn(acceptor.get_executor(),
                       run_session(std::move(socket), certificates_.context(), certificates_.refusal(), limits_,
                                   handler_, activity_),
                       asio::detached);
    }
}

} // namespace xcopy::http
