#include "tests/lab/arrays/ontap/pattern.hpp"

#include <charconv>
#include <optional>
#include <vector>

namespace lab::ontap {

namespace {

struct Letter {
    char value;
    bool literal; // was quoted
};
using Text = std::vector<Letter>;

Text unquoted(std::string_view pattern)
{
    Text text;
    char closing = '\0';
    for (const char letter : pattern) {
        if (closing == '\0' && (letter == '"' || letter == '{'))
            closing = letter == '"' ? '"' : '}';
        else if (closing != '\0' && letter == closing)
            closing = '\0';
        else
            text.push_back({letter, closing != '\0'});
    }
    return text;
}

bool special(const Letter& letter, char value)
{
    return !letter.literal && letter.value == value;
}

bool wildcard_match(const Text& pattern, std::size_t at, std::string_view value)
{
    // The last star takes one letter more each time the rest does not fit.
    std::size_t star = Text::size_type(-1), retry = 0, here = 0;
    while (here < value.size()) {
        if (at < pattern.size() && special(pattern[at], '*')) {
            star = ++at;
            retry = here;
        } else if (at < pattern.size() && pattern[at].value == value[here]) {
            ++at;
            ++here;
        } else if (star != Text::size_type(-1)) {
            at = star;
            here = ++retry;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && special(pattern[at], '*'))
        ++at;
    return at == pattern.size();
}

std::optional<double> number(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string plain(const Text& text, std::size_t from, std::size_t until)
{
    std::string result;
    for (auto i = from; i < until; ++i)
        result += text[i].value;
    return result;
}

// A comparison or range of numbers, if it is one.
std::optional<bool> number_match(const Text& text, std::string_view value)
{
    const auto actual = number(value);
    if (!actual || text.empty())
        return std::nullopt;
    if (special(text[0], '<') || special(text[0], '>')) {
        const bool with_equal = text.size() > 1 && special(text[1], '=');
        const auto limit = number(plain(text, with_equal ? 2 : 1, text.size()));
        if (!limit)
            return std::nullopt;
        if (with_equal && *actual == *limit)
            return true;
        return special(text[0], '<') ? *actual < *limit : *actual > *limit;
    }
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (special(text[i], '.') && special(text[i + 1], '.')) {
            const auto low = number(plain(text, 0, i)), high = number(plain(text, i + 2, text.size()));
            return low && high && *low <= *actual && *actual <= *high;
        }
    }
    return std::nullopt;
}

bool alternative_matches(const Text& text, const std::string& value)
{
    if (!text.empty() && special(text[0], '!'))
        return !wildcard_match(text, 1, value);
    if (auto verdict = number_match(text, value))
        return *verdict;
    return wildcard_match(text, 0, value);
}

} // namespace

bool matches(std::string_view pattern, const std::string& value)
{
    Text alternative;
    for (const auto& letter : unquoted(pattern)) {
        if (special(letter, '|') || special(letter, ',')) {
            if (alternative_matches(alternative, value))
                return true;
            alternative.clear();
        } else {
            alternative.push_back(letter);
        }
    }
    return alternative_matches(alternative, value);
}

} // namespace lab::ontap
