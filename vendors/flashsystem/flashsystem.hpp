// IBM Storage Virtualize: handles, rows and errors to our values (facts/arrays/flashsystem.md). Nothing here talks to an array.
#pragma once

#include "vendors/copying_driver.hpp"

namespace xcopy::flashsystem {

struct Handle {
    std::string system; // with topology; else empty
    std::string id;     // empty in the oldest form
    std::string uid;    // 32 upper-case hex digits
};
Result<Handle> parse_handle(std::string_view handle); // SVC:5;UID, SVC:SYSTEM:5;UID, SVC:UID

Result<Volume> parse_volume(const rest::Json& row);
Spellings ports_in(const std::vector<rest::Json>& rows); // of a host's nodes, lshostports, lsfabric
ArrayCopyRecord parse_copy(const rest::Json& row);       // of lsfcmap

bool is_no_answer(const rest::Reply& reply); // half of one, as while the config node fails over
std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
Afterwards afterwards(const Error& error); // of a change

} // namespace xcopy::flashsystem
