#include "agent/http/tls.hpp"

#include "agent/log.hpp"
#include "protocol/pki/issue.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>

namespace xcopy::http {

namespace {

Error tls_error(const std::string& what, const std::string& remedy)
{
    const unsigned long code = ::ERR_peek_last_error();
    const char* text = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
    ::ERR_clear_error();
    return {Errc::failed, fmt::format("{}: {}", what, text != nullptr ? text : "not usable"), remedy,
            "certificate_unusable"};
}

constexpr const char* how_to_enrol =
    "enrol the host: vib-installer does it; by hand, have what `xcopy-agent enroll` prints "
    "signed and give the answer to `xcopy-agent enroll --install`";

Result<void> must_hold_something(const std::string& path)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && info.st_size > 0)
        return {};
    return Error{Errc::unavailable, fmt::format("this host is not enrolled: {} is empty or missing", path),
                 how_to_enrol, routes::not_enrolled};
}

std::shared_ptr<boost::asio::ssl::context> bare_context()
{
    auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    ::SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    ::SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
    ::SSL_CTX_set_num_tickets(native, 0);
    ::SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

// A renewal replaces two files one after the other; whichever key belongs to the certificate is the one in service.
bool use_key(SSL_CTX* context, const std::string& file)
{
    return !file.empty() && ::SSL_CTX_use_PrivateKey_file(context, file.c_str(), SSL_FILETYPE_PEM) == 1 &&
           ::SSL_CTX_check_private_key(context) == 1;
}

} // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> make_context(const CertificateFiles& files)
{
    for (const auto* file : {&files.certificate, &files.key, &files.ca})
        if (auto there = must_hold_something(*file); !there)
            return there.error();
    auto context = bare_context();
    SSL_CTX* native = context->native_handle();
    ::SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    if (::SSL_CTX_use_certificate_chain_file(native, files.certificate.c_str()) != 1)
        return tls_error("certificate " + files.certificate, "put the host's certificate (PEM, with its chain) there");
    if (!use_key(native, files.next_key) && !use_key(native, files.key))
        return tls_error("private key " + files.key, "put the key that belongs to " + files.certificate + " there");
    if (::SSL_CTX_load_verify_locations(native, files.ca.c_str(), nullptr) != 1)
        return tls_error("CA " + files.ca, "put the CA that signs the clients' certificates there");
    ::ERR_clear_error(); // of a waiting key that belongs to no certificate yet
    return context;
}

Result<std::shared_ptr<boost::asio::ssl::context>> make_refusing_context()
{
    auto key = pki::new_key();
    if (!key)
        return key.error();
    auto certificate =
        pki::issue({.common_name = "xcopy-agent, not enrolled", .lasts = std::chrono::hours(24 * 365)}, *key, nullptr);
    if (!certificate)
        return certificate.error();
    auto context = bare_context();
    SSL_CTX* native = context->native_handle();
    if (::SSL_CTX_use_certificate(native, certificate->get()) != 1 || ::SSL_CTX_use_PrivateKey(native, key->get()) != 1)
        return tls_error("the certificate of a host that is not enrolled", "");
    return context;
}

Result<void> Certificates::load()
{
    seen_ = fingerprint();
    auto made = make_context(files_);
    if (made) {
        take(*made);
        return {};
    }
    auto refusing = make_refusing_context();
    if (!refusing)
        return refusing.error();
    context_ = *refusing;
    refuse_with(made.error());
    return made.error();
}

void Certificates::refuse_with(const Error& why)
{
    refusal_ = why;
    refusal_->code = Errc::unavailable;
}

void Certificates::take(const std::shared_ptr<boost::asio::ssl::context>& made)
{
    context_ = made;
    problem_.reset();
    refusal_.reset();
    told_of_expiry_ = 0;
    tell_of_expiry();
}

void Certificates::tell_of_expiry()
{
    constexpr std::time_t day_s = 24 * 3600;
    const std::time_t now = std::time(nullptr);
    if (now - told_of_expiry_ < day_s)
        return;
    told_of_expiry_ = now;
    const auto expires = expires_ms();
    if (!expires || *expires / 1000 - now >= 30 * day_s)
        return;
    log::warn("certificate expires", {{"days", fmt::to_string((*expires / 1000 - now) / day_s)},
                                      {"certificate", files_.certificate},
                                      {"remedy", how_to_enrol}});
}

void Certificates::reload_if_changed()
{
    tell_of_expiry();
    const std::string now = fingerprint();
    if (now == seen_)
        return;
    seen_ = now;
    auto made = make_context(files_);
    if (!made && refusal_) {
        refuse_with(made.error());
        log::warn("still not enrolled", {{"reason", refusal_->message}});
    } else if (!made) {
        problem_ = made.error();
        log::warn("new certificates not in service, the old ones stay",
                  {{"reason", problem_->message}, {"remedy", problem_->remedy}});
    } else {
        const bool first = refusal_.has_value();
        take(*made);
        log::info(first ? "agent is enrolled now" : "certificates reloaded", {{"certificate", files_.certificate}});
    }
}

std::string Certificates::fingerprint() const
{
    std::string text;
    for (const auto& path : {files_.certificate, files_.key, files_.ca, files_.next_key}) {
        struct stat info {};
        const int outcome = ::stat(path.c_str(), &info);
        text += fmt::format("{} {} {} {} {}\n", outcome, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                            info.st_mtim.tv_nsec);
    }
    return text;
}

std::optional<std::int64_t> Certificates::expires_ms() const
{
    const X509* certificate = context_ && !refusal_ ? ::SSL_CTX_get0_certificate(context_->native_handle()) : nullptr;
    int days = 0;
    int rest_s = 0;
    if (certificate == nullptr || ::ASN1_TIME_diff(&days, &rest_s, nullptr, ::X509_get0_notAfter(certificate)) != 1)
        return std::nullopt;
    return static_cast<std::int64_t>(std::time(nullptr)) * 1000 +
           (static_cast<std::int64_t>(days) * 86'400 + rest_s) * 1000;
}

bool Certificates::key_is_exposed() const
{
    struct stat info {};
    return ::stat(files_.key.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

std::optional<Role> role_among(const std::vector<std::string>& uris)
{
    const auto has = [&](const char* uri) { return std::find(uris.begin(), uris.end(), uri) != uris.end(); };
    if (has(routes::operator_role))
        return Role::operator_;
    if (has(routes::observer_role))
        return Role::observer;
    return std::nullopt;
}

Peer peer_of(SSL* connection)
{
    Peer peer;
    const X509* certificate = ::SSL_get0_peer_certificate(connection);
    if (certificate == nullptr)
        return peer;
    char subject[256] = {};
    ::X509_NAME_oneline(::X509_get_subject_name(certificate), subject, sizeof subject);
    peer.subject = subject;
    peer.role = role_among(pki::names_of(certificate).uris);
    return peer;
}

} // namespace xcopy::http
