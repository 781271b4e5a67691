// Certificates: by an authority, or by the key itself.
#pragma once

#include "protocol/pki/certificate.hpp"

#include <chrono>

namespace xcopy::pki {

enum class Kind : std::uint8_t { authority, server, client };

struct Order {
    Kind kind = Kind::server;
    std::string common_name;
    Names names{};
    std::chrono::seconds back_dated{24 * 3600}; // host clocks drift
    std::chrono::seconds lasts{0};
};

struct Issuer {
    X509* certificate = nullptr;
    const Key* key = nullptr;
};

// A certificate for `key` (its public half is enough when there is an issuer). Without an issuer it signs itself. It never
// outlives its issuer.
Result<Certificate> issue(const Order& order, const Key& key, const Issuer* issuer);

} // namespace xcopy::pki
