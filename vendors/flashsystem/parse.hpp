// Rows and names of IBM Storage Virtualize to our values and back. Nothing here talks to an array.
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace xcopy::flashsystem {

using Rows = std::vector<rest::Json>;

struct Handle {
    std::string system; // with topology; else empty
    std::string id;     // empty in the oldest form
    std::string uid;    // 32 upper-case hex digits
};

Result<Handle> parse_handle(std::string_view handle);           // SVC:5;UID, SVC:SYSTEM:5;UID, SVC:UID
std::optional<std::string> uid_of_backing(std::string_view id); // naa.… or vml.… of a volume of this vendor

Rows rows_in(const rest::Json& reply); // a list, one object, or nothing at all
Result<Volume> parse_volume(const rest::Json& row);
std::vector<std::string> ports_of(const rest::Json& host); // of lshost/<id>, as port() spells them
std::string port(const Initiator& initiator);              // WWPN in upper case, IQN in lower case
bool is_wwpn(std::string_view port);

// "host:14" or "hostcluster:3".
struct Target {
    bool cluster = false;
    std::string id;
};
Result<Target> parse_target(const Volume& volume, const ArrayHost& host); // and checks the volume's id

ArrayCopyState state_of(const rest::Json& copy); // a row of lsfcmap

} // namespace xcopy::flashsystem
