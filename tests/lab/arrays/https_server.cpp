#include "tests/lab/arrays/https_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <set>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>

namespace lab {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t largest_header = 64 * 1024;
constexpr std::size_t largest_body = 1024 * 1024;
constexpr std::size_t most_connections = 512;

asio::ssl::context tls_context(const CertificateFiles& certificate)
{
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.use_certificate_chain_file(certificate.cert_file.string());
    context.use_private_key_file(certificate.key_file.string(), asio::ssl::context::pem);
    if (SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION) != 1)
        throw std::runtime_error("TLS 1.2 is not to be had from this OpenSSL");
    return context;
}

Request plain(http::request<http::string_body>&& from)
{
    Request request = make_request(from.method_string(), from.target());
    for (const auto& field : from) {
        std::string name = field.name_string();
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        request.headers.emplace(std::move(name), field.value());
    }
    request.body = std::move(from.body());
    return request;
}

void replace(Response& response, const Fault& fault)
{
    if (fault.http_status != 0) {
        response = {.status = fault.http_status, .body = fault.http_body, .headers = {}};
    } else if (!fault.http_body.empty()) {
        response.body = fault.http_body; // the right status with a wrong body
    }
    if (!fault.retry_after.empty())
        response.headers["Retry-After"] = fault.retry_after;
}

// One answer, or nothing when the connection is to be dropped without one.
std::optional<Response> answer(const Request& request, const std::string& where, Events& events, const Handler& handler)
{
    const Event event{where, request.method + " " + request.path};
    if (auto fault = events.before(event)) {
        if (fault->drop_connection)
            return std::nullopt;
        if (fault->http_status != 0) {
            Response response;
            replace(response, *fault);
            return response;
        }
    }

    Response response;
    try {
        response = handler(request);
    } catch (const std::exception& error) {
        response = {.status = 500, .body = std::string("simulator: ") + error.what(), .headers = {}};
    }
    if (auto fault = events.after(event)) {
        if (fault->drop_connection)
            return std::nullopt;
        replace(response, *fault);
    }
    return response;
}

http::response<http::string_body> beast(Response&& from, unsigned version, bool keep_alive)
{
    http::response<http::string_body> response;
    response.version(version);
    response.result(static_cast<unsigned>(from.status));
    response.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : from.headers)
        response.set(name, value);
    response.body() = std::move(from.body);
    response.keep_alive(keep_alive);
    response.prepare_payload();
    return response;
}

} // namespace

class HttpsServer::Impl {
public:
    Impl(Config config, Events& events, Handler handler)
        : config_(std::move(config)), events_(events), handler_(std::move(handler)),
          tls_(tls_context(config_.certificate)), acceptor_(io_)
    {
        error_code error;
        const auto address = asio::ip::make_address(config_.address, error);
        const tcp::endpoint endpoint(address, config_.port);
        if (!error)
            acceptor_.open(endpoint.protocol(), error);
        if (!error)
            acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
        if (!error)
            acceptor_.bind(endpoint, error);
        if (!error)
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        if (error)
            throw std::runtime_error(config_.where + ": cannot listen on " + config_.address + " port " +
                                     std::to_string(config_.port) + ": " + error.message());
        local_ = acceptor_.local_endpoint();
        accepting_ = std::thread([this] { accept_all(); });
    }

    ~Impl()
    {
        stopping_ = true;
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR); // on Linux this wakes a blocked accept
        accepting_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int socket : sockets_)
                ::shutdown(socket, SHUT_RDWR);
        }
        for (auto& session : sessions_)
            session.thread.join();
    }

    std::string url() const
    {
        const auto address = local_.address();
        const auto host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
        return "https://" + host + ":" + std::to_string(local_.port());
    }

    std::map<std::string, std::uint64_t> requests() const
    {
        std::lock_guard lock(mutex_);
        return requests_;
    }

    void forget_requests()
    {
        std::lock_guard lock(mutex_);
        requests_.clear();
    }

private:
    struct Session {
        std::thread thread;
        std::atomic<bool> over = false;
    };

    void accept_all()
    {
        while (!stopping_) {
            error_code error;
            tcp::socket socket(io_);
            acceptor_.accept(socket, error);
            if (error || stopping_)
                continue;
            join_finished();
            if (sessions_.size() >= most_connections)
                continue; // closes it
            socket.set_option(tcp::no_delay(true), error);
            {
                std::lock_guard lock(mutex_);
                sockets_.insert(socket.native_handle());
            }
            Session& session = sessions_.emplace_back();
            session.thread = std::thread([this, &session, peer = std::move(socket)]() mutable {
                serve(std::move(peer));
                session.over = true;
            });
        }
    }

    void join_finished()
    {
        sessions_.remove_if([](Session& session) {
            if (!session.over)
                return false;
            session.thread.join();
            return true;
        });
    }

    void serve(tcp::socket&& peer)
    {
        const int socket = peer.native_handle();
        asio::ssl::stream<tcp::socket> stream(std::move(peer), tls_);
        error_code error;
        stream.handshake(asio::ssl::stream_base::server, error);
        if (!error)
            converse(stream);
        std::lock_guard lock(mutex_); // forgotten before it is closed: its number may be another's at once
        sockets_.erase(socket);
        stream.next_layer().close(error);
    }

    void converse(asio::ssl::stream<tcp::socket>& stream)
    {
        boost::beast::flat_buffer buffer;
        while (!stopping_) {
            http::request_parser<http::string_body> parser;
            parser.header_limit(largest_header);
            parser.body_limit(largest_body);
            error_code error;
            http::read(stream, buffer, parser, error);
            if (error)
                break;
            const bool keep_alive = parser.get().keep_alive();
            const unsigned version = parser.get().version();
            const Request request = plain(parser.release());
            {
                std::lock_guard lock(mutex_);
                ++requests_[request.method + " " + request.path];
            }
            auto response = answer(request, config_.where, events_, handler_);
            if (!response)
                return; // dropped: no answer and no TLS farewell either
            auto message = beast(std::move(*response), version, keep_alive);
            http::write(stream, message, error);
            if (error || !keep_alive)
                break;
        }
        error_code ignored;
        stream.next_layer().shutdown(tcp::socket::shutdown_receive, ignored); // the peer's farewell is not awaited
        stream.shutdown(ignored);
    }

    const Config config_;
    Events& events_;
    const Handler handler_;
    asio::io_context io_;
    asio::ssl::context tls_;
    tcp::acceptor acceptor_;
    tcp::endpoint local_;
    std::thread accepting_;
    std::atomic<bool> stopping_ = false;
    std::list<Session> sessions_; // the accepting thread's; the destructor's once that is joined

    mutable std::mutex mutex_;
    std::set<int> sockets_; // open ones, so that the destructor can end blocked reads
    std::map<std::string, std::uint64_t> requests_;
};

HttpsServer::HttpsServer(Config config, Events& events, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(config), events, std::move(handler)))
{}

HttpsServer::~HttpsServer() = default;

std::string HttpsServer::url() const
{
    return impl_->url();
}

std::map<std::string, std::uint64_t> HttpsServer::requests() const
{
    return impl_->requests();
}

void HttpsServer::forget_requests()
{
    impl_->forget_requests();
}

} // namespace lab
