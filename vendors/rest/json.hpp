// Reading what an array sends without ever throwing. nlohmann/json.hpp itself is included only where it is used.
#pragma once

#include "protocol/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::rest {

using Json = nlohmann::json;

constexpr int max_json_depth = 64;

// Errc::failed for what is not JSON or is nested deeper than any array does.
Result<Json> parse_json(std::string_view text);
// Json converts to nearly everything, Error included, so Result needs to be told which of the two it is given.
Result<Json> as_result(Json json);
std::string to_text(const Json& json); // bytes that are not UTF-8 become U+FFFD instead of an exception

// `path` is "space.size": names joined by dots. Null when any of them is missing.
const Json* find(const Json& json, std::string_view path);
std::string text_at(const Json& json, std::string_view path); // a number as its digits, true, false; else empty
std::string first_text_at(const Json& json, std::initializer_list<std::string_view> paths); // that is not empty
std::optional<std::int64_t> number_at(const Json& json, std::string_view path); // a number, or digits in a string
const Json& list_at(const Json& json, std::string_view path);                   // an empty list when there is none
std::vector<Json> records_at(const Json& json, std::string_view path);          // its elements; "": `json` is the list
std::vector<std::string> texts_at(const Json& json, std::string_view path);     // its elements that are strings
std::vector<std::string> names_at(const Json& json, std::string_view path);     // of ["a", {"name": "b"}]: a and b
bool is_true(const Json& json, std::string_view path);                          // true, or "true"

} // namespace xcopy::rest
