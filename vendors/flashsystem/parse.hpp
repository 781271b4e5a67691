// Rows, names and errors of IBM Storage Virtualize to our values and back. Nothing here talks to an array.
#pragma once

#include "vendors/copying_driver.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"
#include "vendors/settle.hpp"

namespace xcopy::flashsystem {

using Rows = std::vector<rest::Json>;

struct Handle {
    std::string system; // with topology; else empty
    std::string id;     // empty in the oldest form
    std::string uid;    // 32 upper-case hex digits
};
Result<Handle> parse_handle(std::string_view handle); // SVC:5;UID, SVC:SYSTEM:5;UID, SVC:UID

Rows rows_in(const rest::Json& reply); // a list, one object, or nothing at all
Result<Volume> parse_volume(const rest::Json& row);
std::vector<std::string> ports_of(const rest::Json& host); // of lshost/<id>, as port() spells them
std::string port(const Initiator& initiator);              // WWPN in upper case, IQN in lower case
bool is_wwpn(std::string_view port);

struct Target { // "host:14" or "hostcluster:3"
    bool cluster = false;
    std::string id;
    bool owns(const rest::Json& mapping) const; // a row of lsvdiskhostmap
};
std::optional<Target> parse_target(const ArrayHost& host);

bool is_at_rest(const ArrayCopyRecord& copy);
ArrayCopyRecord parse_copy(const rest::Json& row); // of lsfcmap

std::string command_code(std::string_view body); // "CMMVC6071E" wherever it stands in it; else empty
bool is_no_answer(const rest::Reply& reply);     // half of one, as while the config node fails over
std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
bool is_command_error(const Error& error); // the command was refused, or this code level does not know it
Afterwards afterwards(const Error& error); // of a change

} // namespace xcopy::flashsystem
