// What the codes of IBM Storage Virtualize mean for us (facts 5 to 8). A decoded error has the reason "flashsystem_" + code.
#pragma once

#include "vendors/error_table.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/settle.hpp"

#include <optional>
#include <string>

namespace xcopy::flashsystem {

std::string command_code(std::string_view body); // "CMMVC6071E" wherever it stands in it; else empty

// As while the config node fails over: half a reply, or a refusal without a code.
bool is_no_answer(const rest::Reply& reply);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);

bool is_command_error(const Error& error); // the command itself was refused, with a code or as an unknown path
Afterwards afterwards(const Error& error); // a change was refused

} // namespace xcopy::flashsystem
