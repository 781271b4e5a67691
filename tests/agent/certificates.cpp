#include "tests/agent/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <sys/stat.h>

namespace xcopy::test {

struct CertificateAuthority::Inside {
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
};

namespace {

void extend(X509* certificate, X509* issuer, int kind, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

X509* certificate_for(const std::string& name, EVP_PKEY* key, long from_s, long to_s)
{
    static long serial = 1;
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return certificate;
}

// In place of what was there, whole or not at all, as a careful administrator does it.
template <class Write> void write_pem(const std::filesystem::path& path, Write write)
{
    const auto next = path.string() + ".new";
    std::FILE* file = std::fopen(next.c_str(), "w");
    write(file);
    (void)std::fclose(file);
    ::chmod(next.c_str(), 0600);
    std::filesystem::rename(next, path);
}

} // namespace

CertificateAuthority::CertificateAuthority(std::filesystem::path folder)
    : folder_(std::move(folder)), inside_(new Inside)
{
    inside_->key = EVP_EC_gen("P-256");
    inside_->certificate = certificate_for("test CA", inside_->key, -7200, 3600L * 24 * 3650);
    X509_set_issuer_name(inside_->certificate, X509_get_subject_name(inside_->certificate));
    extend(inside_->certificate, inside_->certificate, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(inside_->certificate, inside_->key, EVP_sha256());
    write_pem(folder_ / "ca.crt", [&](std::FILE* file) { PEM_write_X509(file, inside_->certificate); });
}

CertificateAuthority::~CertificateAuthority()
{
    X509_free(inside_->certificate);
    EVP_PKEY_free(inside_->key);
    delete inside_;
}

void CertificateAuthority::issue(const Wanted& wanted) const
{
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = certificate_for(wanted.name, key, wanted.valid_from_s, wanted.valid_to_s);
    X509_set_issuer_name(certificate, X509_get_subject_name(inside_->certificate));
    std::string names;
    for (const auto& name : wanted.alternatives)
        names += (names.empty() ? "" : ",") + name;
    if (!names.empty())
        extend(certificate, inside_->certificate, NID_subject_alt_name, names);
    X509_sign(certificate, inside_->key, EVP_sha256());
    write_pem(folder_ / (wanted.name + ".key"),
              [&](std::FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    write_pem(folder_ / (wanted.name + ".crt"), [&](std::FILE* file) { PEM_write_X509(file, certificate); });
    X509_free(certificate);
    EVP_PKEY_free(key);
}

} // namespace xcopy::test
