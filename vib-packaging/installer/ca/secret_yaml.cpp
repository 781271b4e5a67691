#include "vib-packaging/installer/ca/secret_yaml.hpp"

#include "protocol/pki/handles.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::ca {

namespace {

bool is_label(std::string_view text, std::size_t longest, bool dots)
{
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= longest && alphanumeric(text.front()) && alphanumeric(text.back()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || (dots && c == '.'); });
}

std::string base64(std::string_view text)
{
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size =
        ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

} // namespace

Result<std::string> secret_yaml(const SecretOrder& order, std::string_view certificate, std::string_view key,
                                std::string_view authority)
{
    if (!is_label(order.name, 253, true))
        return Error{Errc::bad_request, fmt::format("'{}' cannot be a Secret's name", order.name.substr(0, 80))};
    if (!order.name_space.empty() && !is_label(order.name_space, 63, false))
        return Error{Errc::bad_request, fmt::format("'{}' cannot be a namespace", order.name_space.substr(0, 80))};
    return fmt::format("apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{}\"\n{}  labels:\n"
                       "    app.kubernetes.io/name: xcopy\ntype: kubernetes.io/tls\ndata:\n"
                       "  tls.crt: {}\n  tls.key: {}\n  ca.crt: {}\n",
                       order.name,
                       order.name_space.empty() ? "" : fmt::format("  namespace: \"{}\"\n", order.name_space),
                       base64(certificate), base64(key), base64(authority));
}

} // namespace xcopy::ca
