// A text that is a number from its first character to its last: no blanks, no plus, no "0x".
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace xcopy {

// Nothing where it is not, or is larger than Number holds.
template <class Number> std::optional<Number> whole_number(std::string_view text, int base = 10)
{
    Number value{};
    const auto* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, value, base);
    return problem == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

} // namespace xcopy
