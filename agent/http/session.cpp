#include "agent/http/session.hpp"

#include "agent/log.hpp"
#include "protocol/number.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/version.hpp>

namespace xcopy::http {

namespace beast = boost::beast;
namespace wire = boost::beast::http;
using Stream = asio::ssl::stream<beast::tcp_stream>;
using boost::system::error_code;

namespace {

constexpr std::size_t first_read = 2048;
constexpr std::size_t most_drained = 256 * 1024;

// A client that sends nonsense is told so once a second, not once a packet.
class Throttle {
public:
    bool allow()
    {
        const auto now = steady_clock::now();
        if (now - window_ > seconds(1)) {
            window_ = now;
            used_ = 0;
        }
        return used_++ < 10;
    }

private:
    steady_clock::time_point window_{};
    int used_ = 0;
};

Throttle handshake_log;

Verb verb_of(wire::verb verb)
{
    switch (verb) {
    case wire::verb::get:
        return Verb::get;
    case wire::verb::put:
        return Verb::put;
    case wire::verb::post:
        return Verb::post;
    case wire::verb::delete_:
        return Verb::remove;
    default:
        return Verb::other;
    }
}

Error why_unreadable(error_code problem, const Limits& limits)
{
    if (problem == wire::error::body_limit)
        return {Errc::bad_request, "the body is longer than " + std::to_string(limits.body_bytes) + " bytes", "",
                "body_too_long"};
    if (problem == wire::error::header_limit || problem == wire::error::buffer_overflow)
        return {Errc::bad_request, "the header is longer than " + std::to_string(limits.header_bytes) + " bytes", "",
                "header_too_long"};
    return {Errc::bad_request, "this is not an HTTP/1.1 request: " + problem.message(), "", "bad_request"};
}

int status_of(const Error& error)
{
    if (error.reason == "body_too_long")
        return 413;
    if (error.reason == "header_too_long")
        return 431;
    return 400;
}

class Session {
public:
    Session(asio::ip::tcp::socket socket, asio::ssl::context& context, std::optional<Error> refusal,
            const Limits& limits, const Handler& handler, Activity& activity)
        : stream_(beast::tcp_stream(std::move(socket)), context), refusal_(std::move(refusal)), limits_(limits),
          handler_(handler), activity_(activity)
    {
        error_code unknown;
        const auto end = beast::get_lowest_layer(stream_).socket().remote_endpoint(unknown);
        peer_address_ = unknown ? "unknown" : end.address().to_string();
    }

    awaitable<void> run()
    {
        auto ready = co_await handshake();
        if (!ready)
            co_return;
        bool first = true;
        for (bool more = true; more; first = false)
            more = co_await exchange(first);
        co_await close();
    }

private:
    void within(milliseconds time) { beast::get_lowest_layer(stream_).expires_after(time); }

    awaitable<bool> handshake()
    {
        error_code problem;
        within(limits_.handshake);
        co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                         asio::redirect_error(asio::use_awaitable, problem));
        if (problem) {
            ++activity_.handshakes_failed;
            if (handshake_log.allow())
                log::warn("handshake failed", {{"peer", peer_address_}, {"reason", problem.message()}});
            co_return false;
        }
        peer_ = peer_of(stream_.native_handle());
        co_return true;
    }

    // One request and its reply; false when the connection is to end.
    awaitable<bool> exchange(bool first)
    {
        error_code problem;
        if (buffer_.size() == 0) { // a kept connection may rest; a request that has begun may not
            within(first ? limits_.header : limits_.idle);
            const auto got = co_await stream_.async_read_some(buffer_.prepare(first_read),
                                                              asio::redirect_error(asio::use_awaitable, problem));
            if (problem)
                co_return false;
            buffer_.commit(got);
        }
        wire::request_parser<wire::string_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
        parser.body_limit(limits_.body_bytes);
        within(limits_.header);
        co_await wire::async_read_header(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, problem));
        if (!problem && !parser.is_done()) {
            within(limits_.body);
            if (beast::iequals(parser.get()[wire::field::expect], "100-continue"))
                co_await tell_to_continue(problem);
            if (!problem)
                co_await wire::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, problem));
        }
        if (problem) {
            if (problem.category() != wire::make_error_code(wire::error::bad_method).category() ||
                problem == wire::error::end_of_stream || problem == wire::error::partial_message)
                co_return false; // gone, or too slow
            const Error error = why_unreadable(problem, limits_);
            Reply reply = refuse(error);
            reply.status = status_of(error);
            co_await send(reply, false, 11);
            co_return false;
        }
        auto message = parser.release();
        const bool keep = message.keep_alive() && !refusal_; // the next connection may find us enrolled
        const unsigned version = message.version();
        Reply reply = co_await answer(message);
        const bool sent = co_await send(reply, keep, version);
        co_return sent&& keep;
    }

    awaitable<void> tell_to_continue(error_code& problem)
    {
        wire::response<wire::empty_body> go_on{wire::status::continue_, 11};
        co_await wire::async_write(stream_, go_on, asio::redirect_error(asio::use_awaitable, problem));
    }

    awaitable<Reply> answer(wire::request<wire::string_body>& message)
    {
        if (refusal_)
            co_return refuse(*refusal_);
        if (!peer_.role) {
            log::warn("client has no role",
                      {{"peer", peer_address_}, {"subject", peer_.subject}, {"target", std::string(message.target())}});
            co_return refuse({Errc::denied, "the client certificate carries no role for this agent",
                              "use a certificate with the URI SAN xcopy://role/operator or xcopy://role/observer",
                              "no_role"});
        }
        Request request;
        request.verb = verb_of(message.method());
        request.target = std::string(message.target());
        request.body = std::move(message.body());
        request.peer = peer_address_;
        request.client = peer_.subject;
        request.role = *peer_.role;
        if (const auto ms = whole_number<std::int64_t>(message["X-Xcopy-Clock"]); ms)
            request.client_clock_ms = *ms;
        if (request.role != Role::operator_ && request.verb != Verb::get) {
            log::warn("client may only look",
                      {{"peer", peer_address_}, {"subject", peer_.subject}, {"target", request.target}});
            co_return refuse({Errc::denied, "the client certificate's role may only read",
                              "use a certificate with the URI SAN xcopy://role/operator", "observer_only"});
        }
        beast::get_lowest_layer(stream_).expires_never(); // a watch lasts as long as its client asked
        auto reply = co_await handler_(std::move(request));
        co_return reply;
    }

    awaitable<bool> send(const Reply& reply, bool keep, unsigned version)
    {
        wire::response<wire::string_body> message{static_cast<wire::status>(reply.status), version};
        message.set(wire::field::content_type, reply.content_type);
        if (!reply.allow.empty())
            message.set(wire::field::allow, reply.allow);
        message.keep_alive(keep);
        message.body() = reply.body;
        message.prepare_payload();
        error_code problem;
        within(limits_.body);
        co_await wire::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, problem));
        co_return !problem;
    }

    // What the client still sends is read and dropped for a moment: closing on unread data would tear the connection
    // down before our last reply is read.
    awaitable<void> close()
    {
        error_code problem;
        within(seconds(2));
        co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, problem));
        auto& socket = beast::get_lowest_layer(stream_);
        error_code ignored;
        socket.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        char dropped[2048];
        problem = {};
        for (std::size_t total = 0; !problem && total < most_drained;)
            total += co_await socket.async_read_some(asio::buffer(dropped),
                                                     asio::redirect_error(asio::use_awaitable, problem));
    }

    Stream stream_;
    std::optional<Error> refusal_;
    const Limits& limits_;
    const Handler& handler_;
    Activity& activity_;
    beast::flat_buffer buffer_;
    std::string peer_address_;
    Peer peer_;
};

} // namespace

awaitable<void> run_session(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context,
                            std::optional<Error> refusal, const Limits& limits, const Handler& handler,
                            Activity& activity)
{
    ++activity.connections;
    try {
        Session session(std::move(socket), *context, std::move(refusal), limits, handler, activity);
        co_await session.run();
    } catch (const std::exception& problem) {
        log::error("connection ended by a bug", {{"what", problem.what()}});
    }
    --activity.connections;
}

} // namespace xcopy::http
