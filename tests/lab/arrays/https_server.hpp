// An HTTPS server for simulated arrays: HTTP/1.1 with keep-alive, TLS 1.2 or newer, one thread per connection.
//
// Every request raises two events named "METHOD /path" at `where`: before the handler, and after it but before the
// answer leaves. What the events order (another status, a dropped connection) is done here, so no array needs to know.
#pragma once

#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/events.hpp"
#include "tests/lab/pki.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace lab {

class HttpsServer {
public:
    struct Config {
        std::string where; // of its events: "array:ontap-a"
        std::string address = "127.0.0.1";
        std::uint16_t port = 0; // 0: any that is free
        CertificateFiles certificate;
    };

    // Serves when this returns. The handler is called from many threads. Throws std::runtime_error when the address
    // cannot be had.
    HttpsServer(Config, Events&, Handler);
    ~HttpsServer(); // ends all connections and joins their threads; waits for handlers and events under way
    HttpsServer(const HttpsServer&) = delete;
    HttpsServer& operator=(const HttpsServer&) = delete;

    std::string url() const; // "https://127.0.0.1:40001"

    std::map<std::string, std::uint64_t> requests() const; // "GET /api/cluster" to how often, faulted ones included
    void forget_requests();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace lab
