#include "vendors/rest/curl_error.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <utility>

namespace xcopy::rest {

namespace {

// Where a PEM came from, never what is in it.
std::string place_of(const std::string& pem, const std::string& file)
{
    return pem.empty() ? file : "(given as text)";
}

Error untrusted(const std::string& peer, const Tls& tls, const TlsOutcome& outcome)
{
    const auto certificate =
        fmt::format("certificate '{}' issued by '{}'", one_line(outcome.subject), one_line(outcome.issuer));
    if (outcome.wrong_identity)
        return {Errc::denied, fmt::format("{}: {} is not who we expect: {}", peer, certificate, one_line(outcome.why)),
                "another machine answers at this address, or it was enrolled under another identity: check the address "
                "or enrol it again",
                "wrong_host"};
    if (outcome.wrong_thumbprint)
        return {Errc::denied, fmt::format("{}: {} is not the one that was pinned: {}", peer, certificate, outcome.why),
                "if the certificate was renewed, check the new one at the server itself and give its thumbprint",
                "wrong_thumbprint"};
    return {Errc::denied, fmt::format("{}: {} is not trusted: {}", peer, certificate, one_line(outcome.why)),
            !tls.ca_pem.empty()   ? "the CA certificate given must be that of the CA that issued it"
            : tls.ca_file.empty() ? "name a file with the issuing CA's certificate (for an array: STORAGE_CA_FILE, or "
                                    "STORAGE_CA with its text)"
                                  : fmt::format("{} must hold the certificate of the CA that issued it", tls.ca_file),
            "untrusted_certificate"};
}

Error lost(const std::string& peer, const Request& request, const Failure& failure, const std::string& why)
{
    if (failure.request_sent && !changes_nothing(request))
        return {Errc::indeterminate,
                fmt::format("{}: the connection broke before the reply to {} was complete: {}", peer,
                            name(request.method), why),
                "", "connection_lost"};
    return {Errc::unavailable, fmt::format("{}: the connection broke: {}", peer, why), "", "connection_lost"};
}

} // namespace

Error explain(const Request& request, const Tls& tls, const Failure& failure)
{
    const std::string peer = origin_of(request.url);
    const std::string why = one_line(failure.details.empty() ? curl_easy_strerror(failure.code) : failure.details);
    if (failure.reply_too_large) {
        return {changes_nothing(request) ? Errc::failed : Errc::indeterminate,
                fmt::format("{}: the reply is larger than {} bytes", peer, request.max_reply_bytes), "",
                "reply_too_large"};
    }
    const auto certificate = place_of(tls.client_cert_pem, tls.client_cert_file);
    if (failure.tls.refused_certificate)
        return untrusted(peer, tls, failure.tls);
    // With TLS 1.3 a refused client certificate shows only when the reply is read, so look at this before anything
    // else.
    if (refuses_client_certificate(failure.tls.alert) && !failure.reply_begun)
        return {Errc::denied,
                fmt::format("{}: our client certificate {} was refused: {}", peer,
                            certificate.empty() ? "(none)" : certificate, alert_text(failure.tls.alert)),
                "the certificate must be issued by the CA the other side trusts, and be valid now",
                "client_certificate_refused"};
    if (failure.tls.alert == SSL_AD_PROTOCOL_VERSION)
        return {Errc::unsupported,
                fmt::format("{}: no common TLS version; we ask for {}", peer, tls.tls13_only ? "1.3" : "1.2 or 1.3"),
                "", "tls_version"};

    switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return {Errc::unavailable, fmt::format("{}: {}", peer, why), "check the host name and the DNS", "unresolved"};
    case CURLE_COULDNT_CONNECT:
        return {Errc::unavailable, fmt::format("{}: {}", peer, why),
                "check address, port and firewall, and that the service runs", "connect_refused"};
    case CURLE_OPERATION_TIMEDOUT: // curl's limit for connecting; our deadline is watched outside
        return {Errc::unavailable, fmt::format("{}: no answer to the connection attempt", peer),
                "check address and firewall", "connect_timed_out"};
    case CURLE_PEER_FAILED_VERIFICATION:
        return {Errc::denied, fmt::format("{}: {}", peer, why),
                "use the name that is in the certificate, or have the certificate issued for this name", "wrong_host"};
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return {Errc::bad_request,
                fmt::format("{} (CA '{}', certificate '{}', key '{}')", why, place_of(tls.ca_pem, tls.ca_file),
                            certificate, place_of(tls.client_key_pem.reveal(), tls.client_key_file)),
                "the files must be readable PEM, and the key must belong to the certificate", "bad_tls_file"};
    case CURLE_SSL_CONNECT_ERROR:
        if (!failure.connected || failure.details.find("SYSCALL") != std::string::npos)
            return lost(peer, request, failure, why);
        return {Errc::failed, fmt::format("{}: TLS failed: {}", peer, why),
                "check that the port is the one that speaks https", "tls_failed"};
    case CURLE_UNSUPPORTED_PROTOCOL: // before the request: our URL; after it: a reply that is not HTTP/1
    case CURLE_URL_MALFORMAT:
        if (!failure.request_sent)
            return {Errc::bad_request, fmt::format("'{}' is not an https address", peer), "", "bad_url"};
        [[fallthrough]];
    case CURLE_WEIRD_SERVER_REPLY:
        if (changes_nothing(request))
            return {Errc::failed, fmt::format("{}: not an HTTP reply: {}", peer, why), "", "bad_reply"};
        return lost(peer, request, failure, why);
    default:
        return lost(peer, request, failure, why);
    }
}

} // namespace xcopy::rest
