#include "vendors/text.hpp"

#include "protocol/number.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <locale>
#include <regex>

namespace xcopy {

namespace {

template <class Change> std::string changed(std::string_view text, Change change)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), [&](unsigned char c) { return static_cast<char>(change(c)); });
    return result;
}

// libstdc++ remembers each character in a table of the locale when it is first used (ctype::narrow), without a lock. So one
// thread fills the table before any expression is compiled.
std::regex compiled(const char* form, std::regex::flag_type flags = std::regex::ECMAScript)
{
    [[maybe_unused]] static const bool is_filled = [] {
        const auto& characters = std::use_facet<std::ctype<char>>(std::locale());
        for (int c = 1; c < 256; ++c)
            characters.narrow(static_cast<char>(c), '\0');
        return true;
    }();
    return std::regex(form, flags);
}

} // namespace

std::string lower(std::string_view text)
{
    return changed(text, [](unsigned char c) { return std::tolower(c); });
}

std::string upper(std::string_view text)
{
    return changed(text, [](unsigned char c) { return std::toupper(c); });
}

std::string capital_hex(std::string_view text)
{
    return is_hex(text) ? upper(text) : lower(text);
}

std::string hex_of(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const char one : bytes) {
        const auto byte = static_cast<unsigned char>(one);
        hex += {digits[byte / 16], digits[byte % 16]};
    }
    return hex;
}

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator)
{
    return fmt::format("{}", fmt::join(parts, separator));
}

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(separator, at), text.size());
        parts.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::pair<std::string, std::string> halves(std::string_view text, char separator)
{
    const auto end = std::min(text.find(separator), text.size());
    return {std::string(text.substr(0, end)), std::string(text.substr(std::min(end + 1, text.size())))};
}

std::optional<int> to_int(std::string_view digits)
{
    return is_digits(digits) && digits.size() <= 9 ? whole_number<int>(digits) : std::nullopt;
}

std::optional<int> hex_to_int(std::string_view digits)
{
    return is_hex(digits) && digits.size() <= 7 ? whole_number<int>(digits, 16) : std::nullopt;
}

bool is_listed(std::string_view word, std::string_view list)
{
    return std::ranges::count(split(list, ','), word) > 0;
}

bool is_hex(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool is_digits(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_uuid(std::string_view text)
{
    const auto parts = split(text, '-');
    constexpr std::size_t lengths[] = {8, 4, 4, 4, 12};
    return std::ranges::equal(parts, lengths, [](const std::string& part, std::size_t length) {
        return part.size() == length && is_hex(part);
    });
}

std::string as_uuid(std::string hex)
{
    if (hex.size() != 32 || !is_hex(hex))
        return {};
    for (const std::size_t dash : {20U, 16U, 12U, 8U})
        hex.insert(dash, "-");
    return hex;
}

bool is_plain_name(std::string_view text, std::size_t longest)
{
    const auto letter = [](unsigned char c) { return (std::isalnum(c) != 0 && c < 128) || c == '_'; };
    return !text.empty() && text.size() <= longest && letter(static_cast<unsigned char>(text.front())) &&
           std::ranges::all_of(text, [&](unsigned char c) { return letter(c) || c == '-' || c == '.'; });
}

std::optional<std::vector<std::string>> parts_of(std::string_view text, const char* form)
{
    std::match_results<std::string_view::const_iterator> found;
    if (text.size() > 500 || !std::regex_match(text.begin(), text.end(), found, compiled(form, std::regex::icase)))
        return std::nullopt;
    return std::vector<std::string>(std::next(found.begin()), found.end());
}

std::string first_match(std::string_view text, const char* form)
{
    std::match_results<std::string_view::const_iterator> found;
    return std::regex_search(text.begin(), text.end(), found, compiled(form)) ? found.str() : std::string();
}

std::vector<int> version_in(std::string_view text)
{
    std::vector<int> version;
    for (const auto& part : split(text, '.'))
        version.push_back(to_int(part).value_or(0));
    return version;
}

bool contains_ignoring_case(std::string_view text, std::string_view part)
{
    return lower(text).find(lower(part)) != std::string::npos;
}

} // namespace xcopy
