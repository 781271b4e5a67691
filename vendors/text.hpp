// Small questions about text that every driver asks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy {

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string capital_hex(std::string_view text); // a WWPN in capitals; any other name in lower case
std::string hex_of(std::string_view bytes);     // two lower-case digits for each
std::string_view trim(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator); // "a,,b" gives three parts

// "host:esx-1" at the first separator: "host" and "esx-1"; the second is empty where there is none.
std::pair<std::string, std::string> halves(std::string_view text, char separator = ':');

std::optional<int> to_int(std::string_view digits);     // 9 digits at most and nothing else
std::optional<int> hex_to_int(std::string_view digits); // 7 digits at most and nothing else

bool is_listed(std::string_view word, std::string_view list); // a word of "16,18,29"

bool is_hex(std::string_view text);    // one digit or more
bool is_digits(std::string_view text); // one digit or more
bool is_uuid(std::string_view text);   // 8-4-4-4-12 hex digits
std::string as_uuid(std::string hex);  // 32 hex digits in that form; empty for anything else
// Letters, digits and '_'; after the first also '-' and '.': it cannot change the meaning of a path it becomes part of.
bool is_plain_name(std::string_view text, std::size_t longest);

// What the brackets of that regular expression hold, if it fits the whole text (500 characters at most, any case).
std::optional<std::vector<std::string>> parts_of(std::string_view text, const char* form);

std::string first_match(std::string_view text, const char* form); // the first part that fits it; empty where none does

std::vector<int> version_in(std::string_view text); // "2.26": {2, 26}, to be compared; a part that is no number is 0

bool contains_ignoring_case(std::string_view text, std::string_view part);

} // namespace xcopy
