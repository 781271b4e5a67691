// What OpenSSL is told to check, and what it said when it refused: curl's own words do not name the certificate.
#pragma once

#include <string>

typedef struct ssl_ctx_st SSL_CTX;

namespace xcopy::rest {

struct TlsOutcome {
    bool refused_certificate = false; // we refused theirs …
    bool wrong_identity = false;      // … because it is trusted but does not show the expected URI SAN
    std::string subject;
    std::string issuer;
    std::string why;
    int alert = -1; // the fatal alert the other side sent us; -1: none
};

// Installs the checks. Both arguments must outlive every handshake made from `context`. An empty SAN: chain only, curl
// compares the host name. `verify` false: only the alerts are watched.
bool install_tls_check(SSL_CTX* context, const std::string& expected_uri_san, bool verify, TlsOutcome& outcome);

bool refuses_client_certificate(int alert);
std::string alert_text(int alert);

} // namespace xcopy::rest
