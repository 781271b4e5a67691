// From an array's error codes to ours: a table per vendor, read here.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/transport.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace xcopy {

struct ErrorRow {
    // The array's own code, or several ("78,79"); or, with a blank in it, a part of its message, or several ("a b|c d").
    std::string_view code;
    Errc errc;
    std::string_view meaning; // in our words; may be empty
    std::string_view remedy;
    std::string_view reason = ""; // empty: "<vendor>_<code>"
};

// What an array said: `code` may be empty.
struct ArrayWords {
    std::string code;
    std::string message;
};

// The first row with that code; else the first whose phrase is part of the message (ignoring case); else the HTTP status
// decides. Message: the meaning, then the array's words, the HTTP status and the code. Reason: "<vendor>_<code>".
Error explain(std::span<const ErrorRow> rows, std::string_view vendor, const ArrayWords& words, int http_status);

bool is(const Error& error, std::string_view reason);
bool is_one_of(const Error& error, std::initializer_list<std::string_view> reasons);

} // namespace xcopy
