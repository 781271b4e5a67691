#include "protocol/pki/issue.hpp"

#include "protocol/pki/request.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <ctime>

namespace xcopy::pki {

namespace {

using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Bits = std::unique_ptr<ASN1_BIT_STRING, Freed<ASN1_BIT_STRING_free>>;
using Octets = std::unique_ptr<ASN1_OCTET_STRING, Freed<ASN1_OCTET_STRING_free>>;

bool set_serial(X509* certificate)
{
    unsigned char bytes[16];
    if (::RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40); // positive and always 16 octets
    const Number number(::BN_bin2bn(bytes, sizeof bytes, nullptr));
    return number && ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate)) != nullptr;
}

bool extend(X509* certificate, int kind, void* value, bool critical)
{
    return value != nullptr && ::X509_add1_ext_i2d(certificate, kind, value, critical ? 1 : 0, 0) == 1;
}

bool add_constraints(X509* certificate, bool authority)
{
    const std::unique_ptr<BASIC_CONSTRAINTS, Freed<BASIC_CONSTRAINTS_free>> constraints(::BASIC_CONSTRAINTS_new());
    if (!constraints)
        return false;
    constraints->ca = authority ? 0xff : 0;
    if (authority) {
        constraints->pathlen = ::ASN1_INTEGER_new();
        if (constraints->pathlen == nullptr || ::ASN1_INTEGER_set(constraints->pathlen, 0) != 1)
            return false;
    }
    return extend(certificate, NID_basic_constraints, constraints.get(), true);
}

bool add_usage(X509* certificate, Kind kind)
{
    constexpr int digital_signature = 0; // bit numbers of RFC 5280, 4.2.1.3
    constexpr int sign_certificates = 5;
    constexpr int sign_revocations = 6;
    const Bits bits(::ASN1_BIT_STRING_new());
    const bool set = kind == Kind::authority
                         ? bits && ::ASN1_BIT_STRING_set_bit(bits.get(), sign_certificates, 1) == 1 &&
                               ::ASN1_BIT_STRING_set_bit(bits.get(), sign_revocations, 1) == 1
                         : bits && ::ASN1_BIT_STRING_set_bit(bits.get(), digital_signature, 1) == 1;
    if (!set || !extend(certificate, NID_key_usage, bits.get(), true))
        return false;
    if (kind == Kind::authority)
        return true;
    const std::unique_ptr<EXTENDED_KEY_USAGE, Freed<EXTENDED_KEY_USAGE_free>> purposes(::EXTENDED_KEY_USAGE_new());
    ASN1_OBJECT* purpose = ::OBJ_nid2obj(kind == Kind::server ? NID_server_auth : NID_client_auth); // OpenSSL keeps it
    return purposes && sk_ASN1_OBJECT_push(purposes.get(), purpose) > 0 &&
           extend(certificate, NID_ext_key_usage, purposes.get(), false);
}

Octets key_digest(const X509* certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    Octets id(::ASN1_OCTET_STRING_new());
    if (!id || ::X509_pubkey_digest(certificate, ::EVP_sha1(), digest, &size) != 1 ||
        ::ASN1_OCTET_STRING_set(id.get(), digest, static_cast<int>(size)) != 1)
        return nullptr;
    return id;
}

bool add_key_ids(X509* certificate, const X509* issuer)
{
    const Octets own = key_digest(certificate);
    const std::unique_ptr<AUTHORITY_KEYID, Freed<AUTHORITY_KEYID_free>> of_issuer(::AUTHORITY_KEYID_new());
    if (!own || !of_issuer)
        return false;
    of_issuer->keyid = key_digest(issuer).release();
    return of_issuer->keyid != nullptr && extend(certificate, NID_subject_key_identifier, own.get(), false) &&
           extend(certificate, NID_authority_key_identifier, of_issuer.get(), false);
}

Result<void> add_names(X509* certificate, const Names& names)
{
    if (names.empty())
        return {};
    auto list = to_openssl(names);
    if (!list)
        return list.error();
    if (!extend(certificate, NID_subject_alt_name, list->get(), false))
        return openssl_error("add the names");
    return {};
}

} // namespace

Result<Certificate> issue(const Order& order, const Key& key, const Issuer* issuer)
{
    Certificate made(::X509_new());
    X509* certificate = made.get();
    const std::time_t now = std::time(nullptr);
    std::time_t until = now + static_cast<std::time_t>(order.lasts.count());
    if (issuer != nullptr)
        until = std::min<std::time_t>(until, static_cast<std::time_t>(about(issuer->certificate).not_after_s));
    if (until <= now)
        return Error{Errc::denied, "the certificate authority itself has expired", "renew it first",
                     "authority_expired"};
    if (!made || ::X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
        ::ASN1_TIME_set(::X509_getm_notBefore(certificate), now - static_cast<std::time_t>(order.back_dated.count())) ==
            nullptr ||
        ::ASN1_TIME_set(::X509_getm_notAfter(certificate), until) == nullptr ||
        ::X509_set_pubkey(certificate, key.get()) != 1)
        return openssl_error("make a certificate");
    if (auto named = set_common_name(::X509_get_subject_name(certificate), order.common_name); !named)
        return named.error();
    const X509* signer = issuer != nullptr ? issuer->certificate : certificate;
    if (::X509_set_issuer_name(certificate, ::X509_get_subject_name(signer)) != 1 ||
        !add_constraints(certificate, order.kind == Kind::authority) || !add_usage(certificate, order.kind) ||
        !add_key_ids(certificate, signer))
        return openssl_error("make a certificate");
    if (auto added = add_names(certificate, order.names); !added)
        return added.error();
    if (::X509_sign(certificate, issuer != nullptr ? issuer->key->get() : key.get(), ::EVP_sha256()) <= 0)
        return openssl_error("sign the certificate");
    return made;
}

} // namespace xcopy::pki
