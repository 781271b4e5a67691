// From names, JSON and error numbers of the web services API to ours and back (facts/arrays/primera3par.md 4-7).
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

namespace xcopy::primera3par {

bool is_name(std::string_view text);             // of a volume, host or set: nothing that changes a path
std::string host_name(std::string_view uuid);    // of a host object of our own
std::string spelled(std::string_view initiator); // as the array spells it
std::string hostname_of(const ArrayHost& host);  // in an export: "esx-1", "set:cluster"; empty: the id is none
std::string id_in(const DiskBacking& backing);   // lower case WWN or dashed UUID; empty: not of this array
Result<Volume> parse_volume(const rest::Json& record);

// The named host that has most of the initiators (empty: none has any), and those that no host has.
struct Owner {
    std::string name;
    std::vector<std::string> free;
};
Owner owner_among(const std::vector<rest::Json>& hosts, const std::vector<std::string>& wanted);

// A row of /vluns: a template, or an active path that follows from one.
struct Row {
    std::string volume; // "set:x": all volumes of a set
    std::string wwn;
    std::string host; // an ArrayHost's id: "host:esx-1", "set:cluster"; "port:0:1:2" is everyone at that port
    std::string port;
    std::string initiator; // of an active path
    int lun = -1;
    int type = 0; // 2 port, 3 host, 4 host and port, 5 host set
    bool active = false;
};
Row parse_row(const rest::Json& record);
std::vector<Mapping> mappings_in(const std::vector<Row>& rows);

bool is_copy(const rest::Json& task, const ArrayCopy& copy);
ArrayCopyState state_of(const rest::Json& task);

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
bool has_lapsed(const rest::Reply& reply);
bool key_in_use(const rest::Reply& reply);

} // namespace xcopy::primera3par
