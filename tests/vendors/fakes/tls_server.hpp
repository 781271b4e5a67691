// A small HTTPS server of the test's own, and the certificates for it.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace xcopy {

struct KeyPair {
    std::string cert_file;
    std::string key_file;
};

// A CA whose files live as long as it does.
class TestCa {
public:
    explicit TestCa(std::string name);
    ~TestCa();
    TestCa(const TestCa&) = delete;
    TestCa& operator=(const TestCa&) = delete;

    // `san` as openssl.cnf spells it: "IP:127.0.0.1" or "DNS:name,URI:xcopy://host/1".
    KeyPair issue(const std::string& common_name, const std::string& san, int valid_seconds = 3600) const;
    std::string file() const;

private:
    std::filesystem::path folder_;
    std::string name_;
    std::shared_ptr<EVP_PKEY> key_;
    std::shared_ptr<X509> cert_;
    mutable int issued_ = 0;
};

class TlsServer {
public:
    // Answers one request; false: the connection is cut without a farewell.
    using Handler = std::function<bool(SSL*, const std::string& request)>;

    struct Options {
        KeyPair identity;
        std::string client_ca{}; // when set, a client certificate of this CA is required
        int max_tls_version = 0;
    };

    TlsServer(const Options& options, Handler handler);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    std::string url(const std::string& host = "127.0.0.1") const;
    int connections() const { return connections_; }
    int requests() const { return requests_; }

private:
    void serve(int socket);

    Handler handler_;
    std::shared_ptr<SSL_CTX> context_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<int> requests_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::jthread> threads_;
    std::jthread acceptor_;
};

void write_all(SSL* ssl, const std::string& text);
bool reply_ok(SSL* ssl, const std::string& body); // keeps the connection

} // namespace xcopy
