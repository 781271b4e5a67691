#include "protocol/pki/request.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace xcopy::pki {

namespace {

constexpr std::size_t longest_pem = 64 * 1024;
constexpr std::size_t longest_common_name = 64; // ub-common-name of RFC 5280

using Extensions = std::unique_ptr<STACK_OF(X509_EXTENSION), decltype([](STACK_OF(X509_EXTENSION) * all) {
                                       sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
                                   })>;

Result<void> add_names(X509_REQ* request, const Names& names)
{
    auto list = to_openssl(names);
    if (!list)
        return list.error();
    const Extensions extensions(sk_X509_EXTENSION_new_null());
    X509_EXTENSION* extension = ::X509V3_EXT_i2d(NID_subject_alt_name, 0, list->get());
    if (!extensions || extension == nullptr || sk_X509_EXTENSION_push(extensions.get(), extension) <= 0) {
        ::X509_EXTENSION_free(extension);
        return openssl_error("add the names");
    }
    if (::X509_REQ_add_extensions(request, extensions.get()) != 1)
        return openssl_error("add the names");
    return {};
}

} // namespace

Result<void> set_common_name(X509_NAME* name, const std::string& text)
{
    const auto length = static_cast<int>(std::min(text.size(), longest_common_name));
    if (::X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(text.data()), length, -1, 0) != 1)
        return openssl_error("set the name " + text);
    return {};
}

std::string common_name_of(const X509_NAME* name)
{
    const int at = ::X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        return {};
    unsigned char* text = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&text, ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at)));
    if (size < 0)
        return {};
    std::string common_name(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    ::OPENSSL_free(text);
    return common_name;
}

Result<std::string> request_pem(const Key& key, const Wish& wish)
{
    const Request request(::X509_REQ_new());
    if (!request || ::X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        ::X509_REQ_set_pubkey(request.get(), key.get()) != 1)
        return openssl_error("make a certificate request");
    if (auto named = set_common_name(::X509_REQ_get_subject_name(request.get()), wish.common_name); !named)
        return named.error();
    if (auto added = add_names(request.get(), wish.names); !added)
        return added.error();
    if (::X509_REQ_sign(request.get(), key.get(), ::EVP_sha256()) <= 0)
        return openssl_error("sign the certificate request");
    const Bio out = collecting();
    if (!out || ::PEM_write_bio_X509_REQ(out.get(), request.get()) != 1)
        return openssl_error("write the certificate request");
    return collected(out.get());
}

Result<ReadRequest> read_request(std::string_view pem)
{
    const auto refused = [](std::string why) {
        ::ERR_clear_error();
        return Error{Errc::bad_request, std::move(why), "take the text that `xcopy-agent enroll` prints, whole",
                     "bad_certificate_request"};
    };
    if (pem.size() > longest_pem)
        return refused("the certificate request is longer than 64 KiB");
    const Bio in = reading(pem);
    const Request request(in ? ::PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!request)
        return refused("this is not a PEM certificate request");
    ReadRequest read;
    read.key.reset(::X509_REQ_get_pubkey(request.get()));
    if (!read.key || ::X509_REQ_verify(request.get(), read.key.get()) != 1)
        return refused("the certificate request was not signed by the key it holds");
    read.wish.common_name = common_name_of(::X509_REQ_get_subject_name(request.get()));
    const Extensions extensions(::X509_REQ_get_extensions(request.get()));
    if (extensions) {
        const GeneralNames names(
            static_cast<GENERAL_NAMES*>(::X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
        read.wish.names = names_from(names.get());
    }
    return read;
}

} // namespace xcopy::pki
