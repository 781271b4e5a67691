// Hitachi VSP: handles, settings, JSON to our values and back (facts/arrays/vantara.md). Nothing here talks to an array.
#pragma once

#include "vendors/array.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/transport.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::vantara {

// A host group of one port: "CL1-A,1".
struct HostGroup {
    std::string port;
    int number = 0;

    std::string id() const;
    auto operator<=>(const HostGroup&) const = default;
};

// HOSTGROUP_ID_LIST: "CL1-A,1:CL2-B,2". Errc::bad_request naming every malformed item.
Result<std::vector<HostGroup>> parse_groups(std::string_view list);

// The groups of an ArrayHost: "CL1-A,1;CL2-B,2". Empty where the id is none.
std::vector<HostGroup> groups_of(const ArrayHost& host);
std::string id_of(const std::vector<HostGroup>& groups);

// "01--fc--900000041003--258--spc-1a2b3c4d5e".
struct Place {
    std::string storage;
    std::string ldev;
    std::string nickname;
};
Result<Place> place_of(const VolumeHandle& handle);

Result<Volume> parse_ldev(const rest::Json& ldev);

// The paths of an LDEV, one mapping for the groups of one name: those of one host, on several ports.
std::vector<Mapping> parse_paths(const rest::Json& ldev);
std::optional<int> lun_in(const rest::Json& ldev, const HostGroup& group);

constexpr std::string_view exists = "vantara_B958/015A";
constexpr std::string_view absent = "vantara_absent";
constexpr std::string_view locked = "vantara_locked";

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
Error job_error(const rest::Json& job); // of a job that is over and did not succeed

} // namespace xcopy::vantara
