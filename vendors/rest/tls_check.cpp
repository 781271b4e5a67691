#include "vendors/rest/tls_check.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string_view>

namespace xcopy::rest {

namespace {

// What a context's callbacks need; kept in the context, freed with it.
struct Check {
    PeerCheck peer;
    TlsOutcome* outcome;
};

void free_check(void*, void* check, CRYPTO_EX_DATA*, int, long, void*)
{
    delete static_cast<Check*>(check);
}

int check_index()
{
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_check);
    return index;
}

template <auto Free> struct Freed {
    template <class T> void operator()(T* object) const { Free(object); }
};

std::string text_of(const X509_NAME* name)
{
    const std::unique_ptr<BIO, Freed<BIO_free>> out(BIO_new(BIO_s_mem()));
    if (!out || name == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0)
        return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

bool shows_uri(X509* certificate, std::string_view wanted)
{
    const std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* san = sk_GENERAL_NAME_value(names.get(), i);
        if (san->type != GEN_URI)
            continue;
        const ASN1_IA5STRING* uri = san->d.uniformResourceIdentifier;
        if (wanted == std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                       static_cast<std::size_t>(ASN1_STRING_length(uri))))
            return true;
    }
    return false;
}

std::string thumbprint_of(const X509* certificate)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1)
        return {};
    std::string text;
    for (unsigned int i = 0; i < size; ++i)
        text += fmt::format("{:02x}", digest[i]);
    return text;
}

// `leaf` may be null: a server that shows no certificate has no thumbprint and is nobody's.
int refuse(X509_STORE_CTX* chain, const X509* leaf, TlsOutcome& outcome)
{
    outcome.refused_certificate = true;
    outcome.subject = leaf == nullptr ? "" : text_of(X509_get_subject_name(leaf));
    outcome.issuer = leaf == nullptr ? "" : text_of(X509_get_issuer_name(leaf));
    if (X509_STORE_CTX_get_error(chain) == X509_V_OK)
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

int verify_thumbprint(X509_STORE_CTX* chain, const Check& check)
{
    const X509* const leaf = X509_STORE_CTX_get0_cert(chain);
    const auto theirs = leaf == nullptr ? std::string() : thumbprint_of(leaf);
    if (!theirs.empty() && theirs == check.peer.thumbprint) {
        X509_STORE_CTX_set_error(chain, X509_V_OK);
        return 1;
    }
    check.outcome->wrong_thumbprint = true;
    check.outcome->thumbprint = theirs;
    check.outcome->why = "its SHA-256 thumbprint is " + theirs;
    return refuse(chain, leaf, *check.outcome);
}

int verify(X509_STORE_CTX* chain, void* argument)
{
    const auto& check = *static_cast<Check*>(argument);
    if (!check.peer.thumbprint.empty())
        return verify_thumbprint(chain, check);
    TlsOutcome& outcome = *check.outcome;
    const bool trusted = X509_verify_cert(chain) == 1;
    X509* const leaf = X509_STORE_CTX_get0_cert(chain);
    if (trusted && (check.peer.expected_uri_san.empty() || shows_uri(leaf, check.peer.expected_uri_san)))
        return 1;

    outcome.wrong_identity = trusted;
    refuse(chain, leaf, outcome);
    if (trusted) {
        outcome.why = "it does not show the URI " + check.peer.expected_uri_san;
        return 0;
    }
    outcome.why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
    X509* const culprit = X509_STORE_CTX_get_current_cert(chain); // may be a CA above the leaf
    if (culprit != nullptr && X509_cmp(culprit, leaf) != 0)
        outcome.why += " (at '" + text_of(X509_get_subject_name(culprit)) + "')";
    return 0;
}

void watch_alerts(const SSL* ssl, int where, int value)
{
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || (value >> 8) != SSL3_AL_FATAL)
        return;
    if (auto* check = static_cast<Check*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), check_index())))
        check->outcome->alert = value & 0xff;
}

} // namespace

bool install_tls_check(SSL_CTX* context, const PeerCheck& peer, TlsOutcome& outcome)
{
    auto check = std::make_unique<Check>(Check{peer, &outcome});
    if (SSL_CTX_set_ex_data(context, check_index(), check.get()) != 1)
        return false;
    Check* const held = check.release(); // the context's now
    if (peer.verify)
        SSL_CTX_set_cert_verify_callback(context, verify, held);
    SSL_CTX_set_info_callback(context, watch_alerts);
    return true;
}

bool refuses_client_certificate(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

std::string alert_text(int alert)
{
    return SSL_alert_desc_string_long(alert);
}

} // namespace xcopy::rest
