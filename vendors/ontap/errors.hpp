// What ONTAP's error codes mean for us (facts/arrays/ontap.md 6). A decoded error has the reason "ontap_" + code.
#pragma once

#include "vendors/error_table.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

#include <optional>

namespace xcopy::ontap {

constexpr std::string_view already_in_this_igroup = "ontap_1254207"; // the LUN
constexpr std::string_view number_taken = "ontap_number_taken";      // has no published code

// It has been done already, by another caller or by an earlier attempt of ours.
bool is_worth_reading_again(const Error& error);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

} // namespace xcopy::ontap
