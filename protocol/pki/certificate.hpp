// Certificates: chains from PEM, what one says, whether it holds.
#pragma once

#include "protocol/pki/key.hpp"
#include "protocol/pki/names.hpp"

#include <cstdint>

namespace xcopy::pki {

constexpr std::size_t max_pem_bytes = 64 * 1024;
constexpr std::size_t max_certificates = 16;

// All certificates of a text, in their order; what is not a certificate is skipped, as OpenSSL does.
// Errc::bad_request when there is none, or one is damaged, or the text or the list is too long.
Result<Certificates> certificates_from_pem(std::string_view pem);
Result<std::string> pem_of(const X509* certificate);

struct About {
    std::string subject; // common name
    std::string issuer;
    std::string serial; // hex
    Names names;
    std::int64_t not_before_s = 0; // Unix time
    std::int64_t not_after_s = 0;
    bool is_ca = false;
    bool self_issued = false;
};

About about(const X509* certificate);

enum class Purpose : std::uint8_t { server, client };

// Whether `leaf` may serve as such today: signatures up to one of `roots`, dates, key usage.
// Errc::denied with the certificate at fault.
Result<void> verify(X509* leaf, const Certificates& between, const Certificates& roots, Purpose purpose);

} // namespace xcopy::pki
