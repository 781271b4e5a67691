// A TLS 1.3 client with a certificate, as thin as can be: what it costs the server is all that is measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace bench {

struct TlsIdentity {
    std::filesystem::path ca;
    std::filesystem::path certificate;
    std::filesystem::path key;
};

class TlsClient {
public:
    explicit TlsClient(const TlsIdentity&);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    // Connects, retrying until the server listens; throws after 20 s.
    void connect(std::uint16_t port);
    void close(); // waits for the server's close, so its side of the handshake is over as well

    std::string exchange(const std::string& request); // one HTTP/1.1 request with a Content-Length reply

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace bench
