#include "tests/lab/pki.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace lab {

namespace {

template <auto Free> struct Freed {
    template <class T> void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;

void must(bool good, std::string_view step)
{
    if (good)
        return;
    char reason[256] = "";
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    throw std::runtime_error("lab certificates: " + std::string(step) + ": " + reason);
}

Key new_key()
{
    Key key(EVP_EC_gen("P-256"));
    must(key != nullptr, "make a key");
    return key;
}

void set_random_serial(X509& certificate)
{
    unsigned char bytes[16];
    must(RAND_bytes(bytes, sizeof bytes) == 1, "draw a serial number");
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40); // positive and always 16 octets
    std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
    must(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)), "set the serial number");
}

void set_time(ASN1_TIME* field, CertificateOrder::Time time)
{
    must(ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(time)) != nullptr, "set the validity");
}

void set_name(X509_NAME* name, const std::string& common_name)
{
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1,
         "set the name " + common_name);
}

void extend(X509& certificate, X509& issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    must(extension && X509_add_ext(&certificate, extension.get(), -1) == 1,
         "add the extension " + std::string(OBJ_nid2sn(nid)) + " " + value);
}

Certificate blank(EVP_PKEY& key, const std::string& name, CertificateOrder::Time from, CertificateOrder::Time until)
{
    Certificate certificate(X509_new());
    must(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1, "make a certificate");
    set_random_serial(*certificate);
    set_time(X509_getm_notBefore(certificate.get()), from);
    set_time(X509_getm_notAfter(certificate.get()), until);
    set_name(X509_get_subject_name(certificate.get()), name);
    must(X509_set_pubkey(certificate.get(), &key) == 1, "set the public key");
    return certificate;
}

std::string joined(const std::vector<std::string>& parts)
{
    std::string all;
    for (const auto& part : parts)
        all += (all.empty() ? "" : ",") + part;
    return all;
}

// Written beside the final name and renamed, so a reader that watches the file never sees half of it.
template <class Write> void write_pem(const std::filesystem::path& file, mode_t mode, Write write)
{
    const auto draft = file.string() + ".new";
    ::unlink(draft.c_str());
    const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    must(fd >= 0, "create " + draft);
    Bio bio(BIO_new_fd(fd, BIO_CLOSE));
    must(bio && write(bio.get()) == 1 && ::fchmod(fd, mode) == 0, "write " + draft);
    bio.reset();
    std::filesystem::rename(draft, file);
}

} // namespace

struct Pki::Authority {
    Key key;
    Certificate certificate;
    std::filesystem::path file;
};

Pki::Pki(std::filesystem::path directory) : directory_(std::move(directory))
{
    std::filesystem::create_directories(directory_);
}

Pki::~Pki() = default;

Pki::Authority& Pki::authority(const std::string& name)
{
    auto& slot = authorities_[name];
    if (slot)
        return *slot;

    // Decades wide, so that leaf certificates of any age are judged by their own dates.
    const auto now = std::chrono::system_clock::now();
    const auto decade = std::chrono::hours(24 * 3652);
    auto made = std::make_unique<Authority>();
    made->key = new_key();
    made->certificate = blank(*made->key, "xcopy lab authority " + name, now - decade, now + decade);
    X509& certificate = *made->certificate;
    must(X509_set_issuer_name(&certificate, X509_get_subject_name(&certificate)) == 1, "set the issuer");
    extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(certificate, certificate, NID_subject_key_identifier, "hash");
    extend(certificate, certificate, NID_authority_key_identifier, "keyid:always");
    must(X509_sign(&certificate, made->key.get(), EVP_sha256()) > 0, "sign the authority " + name);

    made->file = directory_ / (name + "-ca.crt");
    write_pem(made->file, 0644, [&](BIO* bio) { return PEM_write_bio_X509(bio, &certificate); });
    slot = std::move(made);
    return *slot;
}

std::filesystem::path Pki::ca_file(const std::string& ca)
{
    std::lock_guard lock(mutex_);
    return authority(ca).file;
}

CertificateFiles Pki::issue(const CertificateOrder& order)
{
    std::lock_guard lock(mutex_);
    Authority& by = authority(order.ca);
    const Key key = new_key();
    const Certificate made = blank(*key, order.name, order.not_before, order.not_after);
    X509& issuer = *by.certificate;
    must(X509_set_issuer_name(made.get(), X509_get_subject_name(&issuer)) == 1, "set the issuer");
    extend(*made, issuer, NID_basic_constraints, "critical,CA:FALSE");
    extend(*made, issuer, NID_key_usage, "critical,digitalSignature");
    extend(*made, issuer, NID_ext_key_usage, order.usage == CertificateUsage::server ? "serverAuth" : "clientAuth");
    extend(*made, issuer, NID_subject_key_identifier, "hash");
    extend(*made, issuer, NID_authority_key_identifier, "keyid:always");
    if (!order.sans.empty())
        extend(*made, issuer, NID_subject_alt_name, joined(order.sans));
    must(X509_sign(made.get(), by.key.get(), EVP_sha256()) > 0, "sign the certificate " + order.name);

    const CertificateFiles files{directory_ / (order.name + ".crt"), directory_ / (order.name + ".key")};
    write_pem(files.key_file, 0600, [&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    write_pem(files.cert_file, 0644, [&](BIO* bio) { return PEM_write_bio_X509(bio, made.get()); });
    return files;
}

} // namespace lab
