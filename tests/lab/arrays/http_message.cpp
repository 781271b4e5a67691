#include "tests/lab/arrays/http_message.hpp"

#include <openssl/evp.h>

#include <charconv>

namespace lab {

namespace {

// A '+' in a query is a blank, as every form decoder reads it: a client has to write %2B.
std::string percent_decode(std::string_view text, bool plus_is_blank)
{
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
            plain += static_cast<char>(value);
            i += 2;
        } else {
            plain += plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
    }
    return plain;
}

} // namespace

std::optional<std::string> Request::header(const std::string& lower_case_name) const
{
    auto found = headers.find(lower_case_name);
    return found == headers.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> Request::parameter(const std::string& name) const
{
    auto found = query.find(name);
    return found == query.end() ? std::nullopt : std::optional(found->second);
}

Request make_request(std::string method, std::string_view target)
{
    Request request;
    request.method = std::move(method);
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    auto rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    while (!rest.empty()) {
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const auto equals = pair.find('=');
        if (!pair.empty())
            request.query.emplace(percent_decode(pair.substr(0, equals), true),
                                  equals == std::string_view::npos ? ""
                                                                   : percent_decode(pair.substr(equals + 1), true));
    }
    return request;
}

std::vector<std::string> path_segments(std::string_view path)
{
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto segment = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), segment.size() + 1));
        if (!segment.empty())
            segments.push_back(percent_decode(segment, false));
    }
    return segments;
}

std::string percent_encode(std::string_view text)
{
    constexpr char digits[] = "0123456789ABCDEF";
    std::string encoded;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
            std::string_view("-._~").find(letter) != std::string_view::npos)
            encoded += letter;
        else
            encoded.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return encoded;
}

std::optional<BasicLogin> basic_login(const Request& request)
{
    constexpr std::string_view scheme = "Basic ";
    const auto header = request.header("authorization");
    if (!header || !header->starts_with(scheme))
        return std::nullopt;

    auto base64 = header->substr(scheme.size());
    std::string plain(base64.size(), '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                        reinterpret_cast<const unsigned char*>(base64.data()), static_cast<int>(base64.size()));
    if (length < 0)
        return std::nullopt;
    plain.resize(static_cast<std::size_t>(length));
    while (base64.ends_with('=')) { // EVP_DecodeBlock writes a zero octet for each padding character
        base64.pop_back();
        plain.pop_back();
    }
    const auto colon = plain.find(':');
    if (colon == std::string::npos)
        return std::nullopt;
    return BasicLogin{plain.substr(0, colon), plain.substr(colon + 1)};
}

} // namespace lab
