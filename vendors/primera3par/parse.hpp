// HPE 3PAR and its successors: the array's JSON and numbers to ours (facts/arrays/primera3par.md). Nothing here talks to an
// array. An ArrayHost's id is "host:esx-1" or "set:cluster".
#pragma once

#include "vendors/copying_driver.hpp"

namespace xcopy::primera3par {

bool is_wwn(std::string_view hex);
std::string hostname_of(const std::string& host_id); // in an export: "esx-1", "set:cluster"; empty: that id is none
Result<Volume> parse_volume(const rest::Json& record);
ArrayHost parse_host(const rest::Json& record);
std::vector<Mapping> mappings_in(const std::vector<rest::Json>& exports);
std::string template_in(const rest::Json& row); // the last part of its path; empty for an active path
bool is_copy(const rest::Json& task, const ArrayCopy& copy);
ArrayCopyRecord parse_task(const rest::Json& task);
std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
bool has_lapsed(const rest::Reply& reply);
bool key_in_use(const rest::Reply& reply);
Afterwards afterwards(const Error& error); // of a change

} // namespace xcopy::primera3par
