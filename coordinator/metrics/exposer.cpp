#include "coordinator/metrics/exposer.hpp"

#include "protocol/pki/issue.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace xcopy {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(15); // with a peer that is slow or silent in mid-request
constexpr auto idle = std::chrono::seconds(90);     // Forklift asks every 5 s on a kept connection
constexpr std::uint32_t most_header_bytes = 8192;

Result<void> use_own_certificate(asio::ssl::context& tls)
{
    auto key = pki::new_key();
    if (!key)
        return key.error();
    const auto certificate = pki::issue(
        {.kind = pki::Kind::server, .common_name = "xcopy-coordinator", .lasts = std::chrono::hours(24 * 365)}, *key,
        nullptr);
    if (!certificate)
        return certificate.error();
    if (SSL_CTX_use_certificate(tls.native_handle(), certificate->get()) != 1 ||
        SSL_CTX_use_PrivateKey(tls.native_handle(), key->get()) != 1)
        return Error{Errc::failed, "the certificate for /metrics cannot be used"};
    return {};
}

} // namespace

struct Exposer::Server {
    Server(const Rules& given, std::function<std::string()> words) : rules(given), text(std::move(words)) {}

    const Rules rules;
    const std::function<std::string()> text;
    asio::io_context io{1};
    asio::ssl::context tls{asio::ssl::context::tls_server};
    tcp::acceptor acceptor{io};
    int connections = 0; // used by the thread of io only

    std::mutex mutex;
    std::condition_variable_any answered_more;
    std::uint64_t asked = 0;
    std::uint64_t told = 0;     // answers put together
    std::uint64_t answered = 0; // the newest of them that went out whole

    std::jthread thread; // last: it ends first

    error_code listen();
    void accept();
};

namespace {

// One connection: handshake, then request after request. It lives as long as something of it is pending.
template <class Server> class Session : public std::enable_shared_from_this<Session<Server>> {
public:
    Session(Server& server, tcp::socket socket)
        : server_(server), stream_(std::move(socket), server.tls), timer_(server.io)
    {
        ++server_.connections;
    }
    ~Session() { --server_.connections; }

    void run()
    {
        wait(patience);
        stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](error_code problem) {
            if (!problem)
                self->read();
        });
    }

private:
    void wait(std::chrono::seconds limit) { beast::get_lowest_layer(stream_).expires_after(limit); }

    void read()
    {
        parser_.emplace();
        parser_->header_limit(most_header_bytes);
        parser_->body_limit(0);
        wait(idle);
        http::async_read(stream_, buffer_, *parser_,
                         [self = this->shared_from_this()](error_code problem, std::size_t) {
                             if (!problem)
                                 self->answer_in_time();
                         });
    }

    // Forklift gives up scraping for good when it is answered before it has seen the pod run.
    void answer_in_time()
    {
        is_scrape_ = parser_->get().method() == http::verb::get && parser_->get().target() == "/metrics";
        if (is_scrape_) {
            const std::lock_guard lock(server_.mutex);
            ++server_.asked;
        }
        if (Clock::now() >= server_.rules.answers_from)
            return answer();
        beast::get_lowest_layer(stream_).expires_never();
        timer_.expires_at(server_.rules.answers_from);
        timer_.async_wait([self = this->shared_from_this()](error_code problem) {
            if (!problem)
                self->answer();
        });
    }

    void answer()
    {
        if (is_scrape_) {
            const std::lock_guard lock(server_.mutex);
            number_ = ++server_.told;
        }
        reply_ = {};
        reply_.result(is_scrape_ ? http::status::ok : http::status::not_found);
        reply_.set(http::field::content_type, is_scrape_ ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain");
        reply_.body() = is_scrape_ ? server_.text() : "there is only /metrics\n";
        reply_.keep_alive(parser_->get().keep_alive());
        reply_.prepare_payload();
        wait(patience);
        http::async_write(stream_, reply_, [self = this->shared_from_this()](error_code problem, std::size_t) {
            if (problem)
                return;
            if (self->is_scrape_) {
                const std::lock_guard lock(self->server_.mutex);
                self->server_.answered = std::max(self->server_.answered, self->number_);
                self->server_.answered_more.notify_all();
            }
            if (self->reply_.keep_alive())
                self->read();
        });
    }

    Server& server_;
    beast::ssl_stream<beast::tcp_stream> stream_;
    asio::steady_timer timer_;
    beast::flat_buffer buffer_{most_header_bytes};
    std::optional<http::request_parser<http::empty_body>> parser_;
    http::response<http::string_body> reply_;
    bool is_scrape_ = false;
    std::uint64_t number_ = 0;
};

} // namespace

error_code Exposer::Server::listen()
{
    error_code problem;
    auto address = asio::ip::make_address(rules.address, problem);
    if (problem)
        return problem;
    acceptor.open(address.is_v6() ? tcp::v6() : tcp::v4(), problem);
    if (problem && address.is_v6() && address.is_unspecified()) {
        address = asio::ip::address_v4::any();
        acceptor.open(tcp::v4(), problem);
    }
    if (!problem)
        acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem && address.is_v6())
        acceptor.set_option(asio::ip::v6_only(false), problem);
    if (!problem)
        acceptor.bind({address, rules.port}, problem);
    if (!problem)
        acceptor.listen(asio::socket_base::max_listen_connections, problem);
    return problem;
}

void Exposer::Server::accept()
{
    acceptor.async_accept([this](error_code problem, tcp::socket socket) {
        if (problem == asio::error::operation_aborted)
            return;
        if (!problem && connections < rules.most_connections)
            std::make_shared<Session<Server>>(*this, std::move(socket))->run();
        accept(); // one too many is closed: its socket went out of scope
    });
}

Exposer::Exposer(std::unique_ptr<Server> server) : server_(std::move(server)) {}

Result<std::unique_ptr<Exposer>> Exposer::start(const Rules& rules, std::function<std::string()> text)
{
    auto server = std::make_unique<Server>(rules, std::move(text));
    server->tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    if (auto prepared = use_own_certificate(server->tls); !prepared)
        return Error(prepared.error()).in("prepare /metrics");
    if (const auto problem = server->listen())
        return Error{Errc::unavailable,
                     fmt::format("listen on port {} for /metrics: {}", rules.port, problem.message()),
                     "end the program that holds the port, or choose another with --metrics-listen"};
    server->accept();
    server->thread = std::jthread([&io = server->io] { io.run(); });
    return std::unique_ptr<Exposer>(new Exposer(std::move(server)));
}

Exposer::~Exposer()
{
    server_->io.stop();
}

std::uint16_t Exposer::port() const
{
    return server_->acceptor.local_endpoint().port();
}

std::uint64_t Exposer::asked() const
{
    const std::lock_guard lock(server_->mutex);
    return server_->asked;
}

bool Exposer::wait_for_scrape(const std::stop_token& stop, std::chrono::milliseconds at_most)
{
    std::unique_lock lock(server_->mutex);
    const auto before = server_->told;
    return server_->answered_more.wait_for(lock, stop, at_most, [&] { return server_->answered > before; });
}

} // namespace xcopy
