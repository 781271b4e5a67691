#include "agent/http/tls.hpp"

#include "agent/log.hpp"
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

} // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> make_context(const CertificateFiles& files)
{
    auto context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    ::SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    ::SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
    ::SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    ::SSL_CTX_set_num_tickets(native, 0);
    ::SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    if (::SSL_CTX_use_certificate_chain_file(native, files.certificate.c_str()) != 1)
        return tls_error("certificate " + files.certificate, "put the host's certificate (PEM, with its chain) there");
    if (::SSL_CTX_use_PrivateKey_file(native, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return tls_error("private key " + files.key, "put the key that belongs to " + files.certificate + " there");
    if (::SSL_CTX_check_private_key(native) != 1)
        return tls_error("private key " + files.key, "put the key that belongs to " + files.certificate + " there");
    if (::SSL_CTX_load_verify_locations(native, files.ca.c_str(), nullptr) != 1)
        return tls_error("CA " + files.ca, "put the CA that signs the clients' certificates there");
    return context;
}

Result<void> Certificates::load()
{
    seen_ = fingerprint();
    auto made = make_context(files_);
    if (!made)
        return made.error();
    context_ = *made;
    problem_.reset();
    return {};
}

void Certificates::reload_if_changed()
{
    const std::string now = fingerprint();
    if (now == seen_)
        return;
    seen_ = now;
    auto made = make_context(files_);
    if (!made) {
        problem_ = made.error();
        log::warn("new certificates not in service, the old ones stay", {{"reason", problem_->message}});
        return;
    }
    context_ = *made;
    problem_.reset();
    log::info("certificates reloaded", {{"certificate", files_.certificate}});
}

std::string Certificates::fingerprint() const
{
    std::string text;
    for (const auto& path : {files_.certificate, files_.key, files_.ca}) {
        struct stat info {};
        const int outcome = ::stat(path.c_str(), &info);
        text += fmt::format("{} {} {} {} {}\n", outcome, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                            info.st_mtim.tv_nsec);
    }
    return text;
}

std::optional<std::int64_t> Certificates::expires_ms() const
{
    const X509* certificate = context_ ? ::SSL_CTX_get0_certificate(context_->native_handle()) : nullptr;
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
    auto* names = static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    std::vector<std::string> uris;
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names, i);
        if (entry->type == GEN_URI)
            uris.emplace_back(
                reinterpret_cast<const char*>(::ASN1_STRING_get0_data(entry->d.uniformResourceIdentifier)),
                static_cast<std::size_t>(::ASN1_STRING_length(entry->d.uniformResourceIdentifier)));
    }
    ::GENERAL_NAMES_free(names);
    peer.role = role_among(uris);
    return peer;
}

} // namespace xcopy::http
