// What OpenSSL is told to check, and what it said when it refused: curl's own words do not name the certificate.
#pragma once

#include <string>

typedef struct ssl_ctx_st SSL_CTX;

namespace xcopy::rest {

// Who the other side must be. With a thumbprint nothing but the certificate itself counts; with a URI SAN its chain must
// be trusted and the SAN be there; with neither its chain, and curl compares the host name.
struct PeerCheck {
    std::string expected_uri_san{};
    std::string thumbprint{}; // SHA-256 of the certificate, 64 lower-case digits
    bool verify = true;       // false: only the alerts are watched
};

struct TlsOutcome {
    bool refused_certificate = false; // we refused theirs …
    bool wrong_identity = false;      // … because it is trusted but does not show the expected URI SAN
    bool wrong_thumbprint = false;    // … because it is not the one that was pinned
    std::string thumbprint;           // of theirs, where it was refused
    std::string subject;
    std::string issuer;
    std::string why;
    int alert = -1; // the fatal alert the other side sent us; -1: none
};

// Installs the checks, before any byte of ours is sent. `outcome` must outlive every handshake made from `context`.
bool install_tls_check(SSL_CTX* context, const PeerCheck& peer, TlsOutcome& outcome);

bool refuses_client_certificate(int alert);
std::string alert_text(int alert);

} // namespace xcopy::rest
