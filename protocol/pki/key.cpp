#include "protocol/pki/key.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace xcopy::pki {

Error openssl_error(std::string_view step)
{
    const unsigned long code = ::ERR_peek_last_error();
    const char* reason = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
    ::ERR_clear_error();
    return {Errc::failed, fmt::format("{}: {}", step, reason != nullptr ? reason : "OpenSSL gives no reason")};
}

Bio reading(std::string_view text)
{
    return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Bio collecting()
{
    return Bio(::BIO_new(::BIO_s_mem()));
}

std::string collected(BIO* bio)
{
    char* data = nullptr;
    const long size = ::BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

KeyText::~KeyText()
{
    ::OPENSSL_cleanse(text_.data(), text_.size());
}

Result<Key> new_key()
{
    Key key(EVP_EC_gen("P-256"));
    if (!key)
        return openssl_error("make a key");
    return key;
}

Result<KeyText> pem_of(const Key& key)
{
    const Bio out(::BIO_new(::BIO_s_secmem())); // wiped as well
    if (!out || ::PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return openssl_error("write the key");
    return KeyText(collected(out.get()));
}

Result<Key> key_from_pem(std::string_view pem)
{
    const Bio in = reading(pem);
    const auto no_password = [](char*, int, int, void*) { return -1; };
    Key key(in ? ::PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr) : nullptr);
    if (!key) {
        auto why = openssl_error("read the key");
        why.remedy = "it must be a PEM private key without a password";
        return why;
    }
    return key;
}

bool belongs_to(const X509* certificate, const Key& key)
{
    const EVP_PKEY* of_certificate = ::X509_get0_pubkey(certificate);
    return of_certificate != nullptr && ::EVP_PKEY_eq(of_certificate, key.get()) == 1;
}

} // namespace xcopy::pki
