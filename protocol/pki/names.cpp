#include "protocol/pki/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>

namespace xcopy::pki {

namespace {

std::string_view text_of(const ASN1_STRING* text)
{
    return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(::ASN1_STRING_length(text))};
}

// What a name with a zero byte or a line break would mean differs from reader to reader.
bool is_plain(std::string_view text)
{
    return !text.empty() && text.size() <= 253 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool add(GENERAL_NAMES* to, int kind, ASN1_STRING* value)
{
    GENERAL_NAME* name = value != nullptr ? ::GENERAL_NAME_new() : nullptr;
    if (name == nullptr) {
        ::ASN1_STRING_free(value);
        return false;
    }
    ::GENERAL_NAME_set0_value(name, kind, value);
    if (sk_GENERAL_NAME_push(to, name) > 0)
        return true;
    ::GENERAL_NAME_free(name);
    return false;
}

ASN1_STRING* string_of(int type, const void* data, std::size_t size)
{
    ASN1_STRING* made = ::ASN1_STRING_type_new(type);
    if (made != nullptr && ::ASN1_STRING_set(made, data, static_cast<int>(size)) == 1)
        return made;
    ::ASN1_STRING_free(made);
    return nullptr;
}

Result<void> add_text(GENERAL_NAMES* to, int kind, const std::string& text)
{
    if (!is_plain(text))
        return Error{Errc::bad_request, fmt::format("'{}' cannot be a name in a certificate", text.substr(0, 80))};
    if (!add(to, kind, string_of(V_ASN1_IA5STRING, text.data(), text.size())))
        return openssl_error("add the name " + text);
    return {};
}

Result<void> add_address(GENERAL_NAMES* to, const std::string& text)
{
    unsigned char bytes[16];
    const bool v6 = text.find(':') != std::string::npos;
    if (::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) != 1)
        return Error{Errc::bad_request, fmt::format("'{}' is not an IP address", text.substr(0, 80))};
    if (!add(to, GEN_IPADD, string_of(V_ASN1_OCTET_STRING, bytes, v6 ? 16 : 4)))
        return openssl_error("add the address " + text);
    return {};
}

} // namespace

Names names_from(const GENERAL_NAMES* names)
{
    Names found;
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names, i);
        if (entry->type == GEN_DNS || entry->type == GEN_URI) {
            const auto text = text_of(entry->type == GEN_DNS ? entry->d.dNSName : entry->d.uniformResourceIdentifier);
            if (is_plain(text))
                (entry->type == GEN_DNS ? found.dns : found.uris).emplace_back(text);
            else
                found.others = true;
        } else if (entry->type == GEN_IPADD) {
            const auto bytes = text_of(entry->d.iPAddress);
            char text[INET6_ADDRSTRLEN] = {};
            const bool known = bytes.size() == 4 || bytes.size() == 16;
            if (known &&
                ::inet_ntop(bytes.size() == 16 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text) != nullptr)
                found.addresses.emplace_back(text);
            else
                found.others = true;
        } else {
            found.others = true;
        }
    }
    return found;
}

Names names_of(const X509* certificate)
{
    const GeneralNames names(
        static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    return names_from(names.get());
}

std::string describe(const Names& names)
{
    std::string text;
    const auto add_all = [&](const char* kind, const std::vector<std::string>& all) {
        for (const auto& name : all)
            text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", kind, name);
    };
    add_all("DNS", names.dns);
    add_all("IP", names.addresses);
    add_all("URI", names.uris);
    if (names.others)
        text += text.empty() ? "names of another kind" : ", names of another kind";
    return text;
}

Result<GeneralNames> to_openssl(const Names& names)
{
    GeneralNames made(sk_GENERAL_NAME_new_null());
    if (!made)
        return openssl_error("make a list of names");
    Result<void> added;
    for (const auto& name : names.dns)
        if (added)
            added = add_text(made.get(), GEN_DNS, name);
    for (const auto& address : names.addresses)
        if (added)
            added = add_address(made.get(), address);
    for (const auto& uri : names.uris)
        if (added)
            added = add_text(made.get(), GEN_URI, uri);
    if (!added)
        return added.error();
    return made;
}

} // namespace xcopy::pki
