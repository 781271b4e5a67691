#include "protocol/pki/certificate.hpp"

#include "protocol/pki/request.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace xcopy::pki {

namespace {

using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using Borrowed = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * all) { sk_X509_free(all); })>;

std::int64_t unix_s(const ASN1_TIME* time)
{
    std::tm broken_down{};
    return ::ASN1_TIME_to_tm(time, &broken_down) == 1 ? static_cast<std::int64_t>(::timegm(&broken_down)) : 0;
}

} // namespace

Result<Certificates> certificates_from_pem(std::string_view pem)
{
    if (pem.size() > max_pem_bytes)
        return Error{Errc::bad_request, fmt::format("the text is longer than {} bytes", max_pem_bytes)};
    const Bio in = reading(pem);
    Certificates found;
    ::ERR_clear_error();
    while (Certificate next{in ? ::PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr}) {
        if (found.size() == max_certificates)
            return Error{Errc::bad_request, fmt::format("there are more than {} certificates", max_certificates)};
        found.push_back(std::move(next));
    }
    const bool at_end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (found.empty() && at_end) {
        ::ERR_clear_error();
        return Error{Errc::bad_request, "there is no PEM certificate in the text"};
    }
    if (!at_end) {
        auto why = openssl_error(fmt::format("read certificate {}", found.size() + 1));
        why.code = Errc::bad_request;
        return why;
    }
    ::ERR_clear_error();
    return found;
}

Result<std::string> pem_of(const X509* certificate)
{
    const Bio out = collecting();
    if (!out || ::PEM_write_bio_X509(out.get(), certificate) != 1)
        return openssl_error("write the certificate");
    return collected(out.get());
}

About about(const X509* certificate)
{
    About a;
    const X509_NAME* subject = ::X509_get_subject_name(certificate);
    const X509_NAME* issuer = ::X509_get_issuer_name(certificate);
    a.subject = common_name_of(subject);
    a.issuer = common_name_of(issuer);
    const ASN1_INTEGER* serial = ::X509_get0_serialNumber(certificate);
    for (int i = 0; i < serial->length; ++i)
        a.serial += fmt::format("{:02x}", serial->data[i]);
    a.names = names_of(certificate);
    a.not_before_s = unix_s(::X509_get0_notBefore(certificate));
    a.not_after_s = unix_s(::X509_get0_notAfter(certificate));
    a.is_ca = ::X509_check_ca(const_cast<X509*>(certificate)) == 1; // only caches what it found
    a.self_issued = ::X509_NAME_cmp(subject, issuer) == 0;
    return a;
}

Result<void> verify(X509* leaf, const Certificates& between, const Certificates& roots, Purpose purpose)
{
    const Store store(::X509_STORE_new());
    const StoreContext context(::X509_STORE_CTX_new());
    const Borrowed chain(sk_X509_new_null());
    bool made = store && context && chain;
    for (const auto& root : roots)
        made = made && ::X509_STORE_add_cert(store.get(), root.get()) == 1;
    for (const auto& one : between)
        made = made && sk_X509_push(chain.get(), one.get()) > 0;
    made = made && ::X509_STORE_CTX_init(context.get(), store.get(), leaf, chain.get()) == 1 &&
           ::X509_STORE_CTX_set_purpose(context.get(), purpose == Purpose::server ? X509_PURPOSE_SSL_SERVER
                                                                                  : X509_PURPOSE_SSL_CLIENT) == 1;
    if (!made)
        return openssl_error("prepare to verify the certificate");
    if (::X509_verify_cert(context.get()) == 1)
        return {};
    const int problem = ::X509_STORE_CTX_get_error(context.get());
    const X509* at_fault = ::X509_STORE_CTX_get_current_cert(context.get());
    ::ERR_clear_error();
    Error refused{Errc::denied,
                  fmt::format("certificate '{}' does not hold: {}",
                              about(at_fault != nullptr ? at_fault : leaf).subject,
                              ::X509_verify_cert_error_string(problem)),
                  "", "certificate_not_valid"};
    if (problem == X509_V_ERR_CERT_NOT_YET_VALID || problem == X509_V_ERR_CERT_HAS_EXPIRED)
        refused.remedy = "compare the clocks: a certificate is judged by the clock of the machine it is checked on";
    else if (problem == X509_V_ERR_INVALID_PURPOSE)
        refused.remedy = purpose == Purpose::server ? "have it issued for a server (extended key usage serverAuth)"
                                                    : "have it issued for a client (extended key usage clientAuth)";
    else
        refused.remedy = "give the CA that issued it, and every certificate between the two";
    return refused;
}

} // namespace xcopy::pki
