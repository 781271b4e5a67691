#include "tests/bench/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <chrono>
#include <cstdlib>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace bench {

struct TlsClient::State {
    SSL_CTX* context = nullptr;
    SSL* ssl = nullptr;
    int socket = -1;
};

TlsClient::TlsClient(const TlsIdentity& who) : state_(std::make_unique<State>())
{
    state_->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(state_->context, TLS1_3_VERSION);
    SSL_CTX_set_verify(state_->context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(state_->context, who.ca.c_str(), nullptr) != 1 ||
        SSL_CTX_use_certificate_chain_file(state_->context, who.certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(state_->context, who.key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("the certificates of the bench cannot be used");
}

TlsClient::~TlsClient()
{
    if (state_->ssl)
        SSL_free(state_->ssl);
    if (state_->socket >= 0)
        ::close(state_->socket);
    SSL_CTX_free(state_->context);
}

void TlsClient::connect(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
        state_->socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(state_->socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
            break;
        ::close(state_->socket);
        if (std::chrono::steady_clock::now() > patience)
            throw std::runtime_error("nobody listens on port " + std::to_string(port));
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // a server under valgrind takes its time to listen
    }
    const int on = 1;
    ::setsockopt(state_->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    state_->ssl = SSL_new(state_->context);
    SSL_set_fd(state_->ssl, state_->socket);
    if (SSL_connect(state_->ssl) != 1)
        throw std::runtime_error("no TLS handshake with port " + std::to_string(port));
}

void TlsClient::close()
{
    SSL_shutdown(state_->ssl);
    ::shutdown(state_->socket, SHUT_WR);
    char rest[4096];
    while (SSL_read(state_->ssl, rest, sizeof rest) > 0) {}
    ERR_clear_error();
    SSL_free(std::exchange(state_->ssl, nullptr));
    ::close(std::exchange(state_->socket, -1));
}

std::string TlsClient::exchange(const std::string& request)
{
    if (SSL_write(state_->ssl, request.data(), static_cast<int>(request.size())) <= 0)
        throw std::runtime_error("the server does not take a request");
    std::string reply;
    char part[16384];
    for (;;) {
        const int got = SSL_read(state_->ssl, part, sizeof part);
        if (got <= 0)
            throw std::runtime_error("the server closed before its reply was whole");
        reply.append(part, static_cast<std::size_t>(got));
        const auto end = reply.find("\r\n\r\n");
        const auto length = reply.find("Content-Length: ");
        if (end != std::string::npos && length != std::string::npos && length < end &&
            reply.size() >= end + 4 + std::strtoull(reply.c_str() + length + 16, nullptr, 10))
            return reply;
    }
}

} // namespace bench
