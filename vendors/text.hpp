// Small questions about text that every driver asks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator); // "a,,b" gives three parts

bool is_hex(std::string_view text);    // one digit or more
bool is_digits(std::string_view text); // one digit or more
bool is_uuid(std::string_view text);   // 8-4-4-4-12 hex digits
// Letters, digits and '_'; after the first also '-' and '.': it cannot change the meaning of a path it becomes part of.
bool is_plain_name(std::string_view text, std::size_t longest);
bool contains_ignoring_case(std::string_view text, std::string_view part);

} // namespace xcopy
