// HTTPS with a certificate made at start, for who scrapes `/metrics` without verifying it.
#pragma once

#include "protocol/error.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace xcopy {

class Exposer {
public:
    struct Rules {
        std::string address = "::";                           // falls back to 0.0.0.0 where there is no IPv6
        std::uint16_t port = 8443;                            // 0: any
        std::chrono::steady_clock::time_point answers_from{}; // requests that come earlier wait until then
        int most_connections = 64;
    };

    // `text` is asked for each answer, by a thread of the exposer. Errc::unavailable when the port cannot be had.
    static Result<std::unique_ptr<Exposer>> start(const Rules&, std::function<std::string()> text);
    ~Exposer();

    std::uint16_t port() const;

    std::uint64_t asked() const; // requests for /metrics so far, also those that wait for their answer

    // Until an answer that was put together after this call went out whole; true if there was one.
    bool wait_for_scrape(const std::stop_token&, std::chrono::milliseconds at_most);

private:
    struct Server;
    explicit Exposer(std::unique_ptr<Server>);
    std::unique_ptr<Server> server_;
};

} // namespace xcopy
