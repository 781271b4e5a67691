#include "tests/vendors/fakes/tls_server.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace xcopy {

namespace {

void must(bool ok)
{
    if (!ok)
        throw std::runtime_error("openssl refused in a test's own server");
}

void write_pem(const std::string& path, const std::function<int(std::FILE*)>& write)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "we"), std::fclose);
    must(file != nullptr && write(file.get()) == 1);
}

std::shared_ptr<EVP_PKEY> new_key()
{
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

std::shared_ptr<X509> new_cert(const std::string& common_name, int serial, int valid_seconds, EVP_PKEY* key)
{
    std::shared_ptr<X509> cert(X509_new(), X509_free);
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), valid_seconds);
    X509_set_pubkey(cert.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    return cert;
}

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), X509_EXTENSION_free);
    must(extension != nullptr && X509_add_ext(cert, extension.get(), -1) == 1);
}

} // namespace

TestCa::TestCa(std::string name) : name_(std::move(name)), key_(new_key())
{
    std::string folder = (std::filesystem::temp_directory_path() / "xcopy-test-ca-XXXXXX").string();
    must(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    cert_ = new_cert(name_, 1, 3600, key_.get());
    X509_set_issuer_name(cert_.get(), X509_get_subject_name(cert_.get()));
    add_extension(cert_.get(), cert_.get(), NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(cert_.get(), key_.get(), EVP_sha256()) > 0);
    write_pem(file(), [this](std::FILE* out) { return PEM_write_X509(out, cert_.get()); });
}

TestCa::~TestCa()
{
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string TestCa::file() const
{
    return folder_ / "ca.pem";
}

KeyPair TestCa::issue(const std::string& common_name, const std::string& san, int valid_seconds) const
{
    const int serial = 2 + issued_++;
    const auto key = new_key();
    const auto cert = new_cert(common_name, serial, valid_seconds, key.get());
    X509_set_issuer_name(cert.get(), X509_get_subject_name(cert_.get()));
    add_extension(cert.get(), cert_.get(), NID_subject_alt_name, san);
    must(X509_sign(cert.get(), key_.get(), EVP_sha256()) > 0);
    const KeyPair files{folder_ / (std::to_string(serial) + ".pem"), folder_ / (std::to_string(serial) + ".key")};
    write_pem(files.cert_file, [&](std::FILE* out) { return PEM_write_X509(out, cert.get()); });
    write_pem(files.key_file, [&](std::FILE* out) {
        return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
}

TlsServer::TlsServer(const Options& options, Handler handler)
    : handler_(std::move(handler)), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free)
{
    (void)std::signal(SIGPIPE, SIG_IGN); // a client that leaves while we write
    must(SSL_CTX_use_certificate_chain_file(context_.get(), options.identity.cert_file.c_str()) == 1);
    must(SSL_CTX_use_PrivateKey_file(context_.get(), options.identity.key_file.c_str(), SSL_FILETYPE_PEM) == 1);
    if (options.max_tls_version != 0)
        SSL_CTX_set_max_proto_version(context_.get(), options.max_tls_version);
    if (!options.client_ca.empty()) {
        must(SSL_CTX_load_verify_file(context_.get(), options.client_ca.c_str()) == 1);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }

    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    must(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
         getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] {
        for (;;) {
            const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0)
                return;
            const int yes = 1; // without it Nagle and delayed ACK cost 40 ms per first reply
            setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            ++connections_;
            const std::lock_guard lock(mutex_);
            open_.push_back(connection);
            threads_.emplace_back([this, connection] { serve(connection); });
        }
    });
}

TlsServer::~TlsServer()
{
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
        const std::lock_guard lock(mutex_);
        for (int connection : open_)
            shutdown(connection, SHUT_RDWR);
    }
    threads_.clear();
    for (int connection : open_)
        close(connection);
}

std::string TlsServer::url(const std::string& host) const
{
    return "https://" + host + ":" + std::to_string(port_);
}

void TlsServer::serve(int socket)
{
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket);
    if (SSL_accept(ssl.get()) == 1) {
        for (;;) {
            std::string request;
            char byte = 0;
            while (!request.ends_with("\r\n\r\n") && SSL_read(ssl.get(), &byte, 1) == 1)
                request += byte;
            if (!request.ends_with("\r\n\r\n"))
                break;
            if (const auto at = request.find("Content-Length: "); at != std::string::npos)
                for (int left = std::atoi(request.c_str() + at + 16); left > 0; --left)
                    if (SSL_read(ssl.get(), &byte, 1) == 1)
                        request += byte;
            ++requests_;
            if (!handler_(ssl.get(), request))
                break;
        }
    }
    shutdown(socket, SHUT_RDWR); // closed by the destructor, so that its number is not used again meanwhile
}

void write_all(SSL* ssl, const std::string& text)
{
    (void)SSL_write(ssl, text.data(), static_cast<int>(text.size()));
}

bool reply_ok(SSL* ssl, const std::string& body)
{
    write_all(ssl,
              "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nX-Test: yes\r\n\r\n" + body);
    return true;
}

} // namespace xcopy
