// What ONTAP's error codes mean for us (facts/arrays/ontap.md 6).
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

#include <optional>
#include <string_view>

namespace xcopy::ontap {

// A decoded error has the reason "ontap_" + code; these are the ones the driver acts upon.
constexpr std::string_view already_in_this_igroup = "ontap_1254207"; // the LUN
constexpr std::string_view initiator_sees_lun_twice = "ontap_1254193";
constexpr std::string_view igroup_exists = "ontap_5374023";
constexpr std::string_view already_a_member = "ontap_5374035";
constexpr std::string_view igroup_missing = "ontap_5374852";
constexpr std::string_view map_missing = "ontap_5374922";
constexpr std::string_view lun_missing_or_elsewhere = "ontap_5374875";
constexpr std::string_view igroup_missing_or_elsewhere = "ontap_5374878";
constexpr std::string_view number_taken = "ontap_number_taken"; // has no published code

bool is(const Error& error, std::string_view reason);

// It has been done already by another caller or by an earlier attempt of ours, or it may have been done.
bool is_worth_reading_again(const Error& error);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

} // namespace xcopy::ontap
