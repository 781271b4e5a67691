// One HTTP exchange. The real one is CurlTransport; tests script theirs.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"
#include "vendors/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy::rest {

enum class Method : std::uint8_t { get, post, put, patch, remove };

std::string_view name(Method method); // "GET" … "DELETE"

struct Header {
    std::string name;
    std::string value;
};

struct Request {
    Method method = Method::get;
    std::string url;
    std::vector<Header> headers{};
    std::string body{};
    std::size_t max_reply_bytes = std::size_t{4} * 1024 * 1024;
    bool hide_path = false; // the path holds a secret (a session key to be closed): no log may show it
    bool harmless = false;  // changes nothing although its method says otherwise: arrays that read by POST
};

bool changes_nothing(const Request&); // a GET, or harmless

struct Reply {
    int status = 0;
    std::vector<Header> headers{};
    std::string body{};

    std::optional<std::string_view> header(std::string_view name) const; // case-insensitive, the last one
    std::optional<std::chrono::seconds> retry_after() const;             // seconds or an HTTP date
};

// How the other side proves who it is, and how we do. Verification is always on unless skip_verification is set, which
// is the administrator's explicit choice and is warned about once per endpoint.
struct Tls {
    std::string ca_file{};          // PEM; empty: the system's trust store
    std::string ca_pem{};           // the same as text, for a CA that comes in a variable; goes before ca_file
    std::string client_cert_file{}; // PEM chain
    std::string client_key_file{};  // PEM
    std::string client_cert_pem{};  // these two as texts, which go before the files
    Secret client_key_pem{};
    std::string
        expected_uri_san{};   // when set, the server must show this URI SAN and its name or address is not compared
    std::string thumbprint{}; // SHA-256 of the server's own certificate, 64 lower-case digits: this one and no other,
                              // whoever issued it and whatever its name
    bool skip_verification = false;
    std::string skip_setting = "STORAGE_SKIP_SSL_VERIFICATION"; // where that was asked for; the warning names it
    bool tls13_only = false;
};

// Any answer, whatever its status, is a Reply. Errors:
//   cancelled      stop was asked for
//   timed_out      the deadline came; a request that changes something may have taken effect
//   unavailable    "connect_refused", "unresolved", "connect_timed_out"; "connection_lost": the request did not go out,
//                  or it changes nothing
//   indeterminate  "connection_lost": a request that changes something went out and its reply did not come whole;
//                  "reply_too_large" likewise
//   denied         "untrusted_certificate", "wrong_host", "wrong_thumbprint", "client_certificate_refused": the message
//                  names the one
//   unsupported    "tls_version": no version of TLS that both sides allow
//   failed         "tls_failed" (what answers does not speak TLS), "reply_too_large" (to what changes nothing), "bad_reply" (not HTTP)
//   bad_request    "bad_tls_file", "bad_url": our own configuration
// A POST or PATCH that is not harmless is never sent twice, not even when an idle connection turns out to be dead.
class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    virtual Result<Reply> send(const Call&, const Request&, const Tls&) = 0; // thread-safe
};

std::unique_ptr<Transport> curl_transport(); // keeps connections alive between calls

} // namespace xcopy::rest
