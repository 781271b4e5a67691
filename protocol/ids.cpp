#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Quotes at most 80 characters of what a client sent, without control characters.
std::string quoted(std::string_view text)
{
    std::string out;
    for (char c : text.substr(0, 80))
        out += (c >= ' ' && c != 127) ? c : '?';
    return text.size() > 80 ? out + "…" : out;
}

} // namespace

Result<std::string> parse_job_id(std::string_view text)
{
    const bool length_ok = !text.empty() && text.size() <= 64;
    const bool letters_ok =
        std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
    if (!length_ok || !letters_ok || text.front() == '-')
        return Error{Errc::bad_request,
                     fmt::format("job id '{}' is not 1 to 64 letters, digits and dashes", quoted(text)),
                     "use the UID of the PersistentVolumeClaim", "bad_job_id"};
    return std::string(text);
}

Result<std::string> parse_device_name(std::string_view text)
{
    std::string lower(text.substr(0, 64));
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const std::string_view digits = lower.size() > 4 ? std::string_view(lower).substr(4) : std::string_view();
    const bool prefix_ok = lower.starts_with("naa.") || lower.starts_with("eui.");
    const bool length_ok = text.size() == lower.size() && (digits.size() == 16 || digits.size() == 32);
    if (!prefix_ok || !length_ok || !std::all_of(digits.begin(), digits.end(), is_hex))
        return Error{Errc::bad_request,
                     fmt::format("device '{}' is not naa. or eui. followed by 16 or 32 hex digits", quoted(text)), "",
                     "bad_device_name"};
    return lower;
}

} // namespace xcopy
