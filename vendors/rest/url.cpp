#include "vendors/rest/url.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace xcopy::rest {

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string result;
    for (char character : text) {
        const auto c = static_cast<unsigned char>(character);
        if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
            result += character;
        } else {
            result += '%';
            result += hex[c >> 4];
            result += hex[c & 15];
        }
    }
    return result;
}

std::string below(std::string_view path, std::string_view id)
{
    return std::string(path) + '/' + percent_encode(id);
}

std::string with_query(std::string_view path, const Query& query)
{
    std::string result(path);
    char separator = path.find('?') == std::string_view::npos ? '?' : '&';
    for (const auto& [key, value] : query) {
        result += separator + percent_encode(key) + '=' + percent_encode(value);
        separator = '&';
    }
    return result;
}

std::string origin_of(std::string_view url)
{
    const auto scheme = url.find("://");
    const auto host = scheme == std::string_view::npos ? 0 : scheme + 3;
    return std::string(url.substr(0, url.find_first_of("/?#", host)));
}

std::string path_of(std::string_view url)
{
    const auto path = url.substr(origin_of(url).size());
    return std::string(path.substr(0, path.find_first_of("?#")));
}

std::string redact(std::string text, std::span<const Secret> secrets)
{
    for (const Secret& secret : secrets) {
        const std::string& value = secret.reveal();
        if (value.size() < 4)
            continue;
        for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + 3))
            text.replace(at, value.size(), "***");
    }
    return text;
}

std::string base64(std::string_view bytes)
{
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string result;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](std::size_t at) -> std::uint32_t {
            return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
        };
        const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        result += digits[group >> 18 & 63];
        result += digits[group >> 12 & 63];
        result += i + 1 < bytes.size() ? digits[group >> 6 & 63] : '=';
        result += i + 2 < bytes.size() ? digits[group & 63] : '=';
    }
    return result;
}

std::optional<std::string> from_base64(std::string_view text)
{
    std::string result;
    std::uint32_t bits = 0;
    int digits = 0; // of the group of four
    int padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        std::uint32_t value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = static_cast<std::uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            value = static_cast<std::uint32_t>(c - '0') + 52;
        else if (c == '+' || c == '/')
            value = c == '+' ? 62 : 63;
        else if (c == '=' && digits >= 2)
            ++padding;
        else
            return std::nullopt;
        if (padding > 0 && c != '=')
            return std::nullopt;
        bits = (bits << 6) | value;
        if (++digits < 4)
            continue;
        for (int byte = 2; byte >= padding; --byte)
            result += static_cast<char>((bits >> (8 * byte)) & 0xff);
        bits = 0;
        digits = 0;
    }
    return digits == 0 ? std::optional(result) : std::nullopt;
}

std::string one_line(std::string_view text, std::size_t longest)
{
    std::string result(text.substr(0, longest));
    std::ranges::replace_if(
        result, [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
    if (text.size() > longest)
        result += "…";
    return result;
}

} // namespace xcopy::rest
