#include "vendors/vantara/parse.hpp"

#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace xcopy::vantara {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view oui = "60060e80";
constexpr int highest_group = 254;
constexpr std::uint64_t block = 512;

constexpr std::string_view run_again = "another program changes the array's configuration: run again";
constexpr std::string_view check_array = "check that the array's secret is that of the volume's array";

constexpr ErrorRow error_rows[] = {
    {"B958/015A", Errc::conflict, "the volume has a path to this host group already", "", exists},
    {"B958/0947", Errc::busy, "the LUN number is taken by another volume", "", "vantara_lun_taken"},
    {"2E11/2205", Errc::busy, "the resource group is locked", run_again, locked},
    {"2E11/2207", Errc::busy, "the resource group is locked", run_again, locked},
    {"KART40050-E", Errc::busy, "the resource group is locked", run_again, locked},
    {"KART40051-E", Errc::busy, "the resource group is locked", run_again, locked},
    {"KART40052-E", Errc::busy, "the resource group is locked", run_again, locked},
    {"EX_EACCES", Errc::busy, "the resource group is locked", run_again, locked},
    {"KART00003-E", Errc::busy, "the REST server is busy", run_again, locked},
    {"KART30013-E", Errc::not_found, "no such object", check_array, absent},
    {"EX_ENOOBJ", Errc::not_found, "no such object", check_array, absent},
    {"KART40038-E", Errc::bad_request, "the array does not support this parameter", "update its firmware"},
    {"2E30/600E", Errc::unsupported, "the pool cannot hold a Thin Image pair",
     "let a host copy it: DISABLE_RDM_METHOD=true"},
    {"B957/4184", Errc::unsupported, "the port holds as many WWNs as it can", "remove WWNs that are not used"},
    {"2E11/8303", Errc::denied, "the account may not use this resource group",
     "give it the volume's and the ports' resource groups"},
};

ArrayWords words_in(const Json& error)
{
    ArrayWords words{text_at(error, "messageId"), text_at(error, "message")};
    if (const auto first = text_at(error, "errorCode.SSB1"); !first.empty())
        words.code = fmt::format("{}/{}", first, text_at(error, "errorCode.SSB2"));
    for (std::string_view name : {"EX_EACCES", "EX_ENOOBJ"})
        if (words.message.find(name) != std::string::npos)
            words.code = name;
    return words;
}

std::optional<HostGroup> parse_group(std::string_view text)
{
    const auto parts = split(text, ',');
    HostGroup group{.port = parts.empty() ? "" : upper(trim(parts[0])), .number = -1};
    if (parts.size() == 2) {
        const auto number = trim(parts[1]);
        const auto end = std::from_chars(number.data(), number.data() + number.size(), group.number).ptr;
        if (end != number.data() + number.size())
            return std::nullopt;
    }
    const bool port = group.port.size() >= 4 && group.port.starts_with("CL") && is_plain_name(group.port, 8);
    if (!port || group.number < 0 || group.number > highest_group)
        return std::nullopt;
    return group;
}

} // namespace

std::string HostGroup::id() const
{
    return fmt::format("{},{}", port, number);
}

Result<std::vector<HostGroup>> parse_groups(std::string_view list)
{
    std::vector<HostGroup> groups;
    std::vector<std::string> bad;
    for (const auto& item : split(list, ':')) {
        const auto group = parse_group(item);
        if (group && std::ranges::count(groups, *group) == 0)
            groups.push_back(*group);
        else if (!group)
            bad.push_back("'" + item + "'");
    }
    if (!bad.empty())
        return Error{Errc::bad_request,
                     fmt::format("HOSTGROUP_ID_LIST: {} is not a port and a host group number (CL1-A,1:CL2-B,2)",
                                 fmt::join(bad, ", "))};
    return groups;
}

std::vector<HostGroup> groups_of(const ArrayHost& host)
{
    std::vector<HostGroup> groups;
    for (const auto& item : split(host.id, ';')) {
        const auto group = parse_group(item);
        if (!group)
            return {};
        groups.push_back(*group);
    }
    return groups;
}

std::string id_of(const std::vector<HostGroup>& groups)
{
    std::string id;
    for (const HostGroup& group : groups)
        id += (id.empty() ? "" : ";") + group.id();
    return id;
}

Result<Place> place_of(const VolumeHandle& handle)
{
    std::vector<std::string> parts;
    for (std::string_view rest = handle.handle; parts.size() < 5;) {
        const auto end = parts.size() == 4 ? std::string_view::npos : rest.find("--");
        parts.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos)
            break;
        rest.remove_prefix(end + 2);
    }
    if (parts.size() != 5 || parts[0] != "01" || !is_digits(parts[2]) || !is_digits(parts[3]) || parts[3].size() > 5)
        return Error{
            Errc::bad_request,
            fmt::format("'{}' is not a volume handle of Hitachi (01--fc--<storage id>--<LDEV>--<name>)", handle.handle),
            "the PersistentVolume must have been made by hspc.csi.hitachi.com"};
    if (parts[1] != "fc" && parts[1] != "iscsi")
        return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", handle.handle, parts[1]),
                     "use a StorageClass with connectionType fc or iscsi"};
    return Place{parts[2], std::to_string(std::stoi(parts[3])), parts[4]};
}

Result<Volume> parse_ldev(const Json& ldev)
{
    Volume volume{.id = text_at(ldev, "ldevId"), .name = text_at(ldev, "label")};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("LDEV {} ({}): {}", volume.id, volume.name, why), std::string(remedy)};
    };
    if (text_at(ldev, "emulationType") == "NOT DEFINED") // answered with 200
        return refuse(Errc::not_found, "it is not defined", check_array);
    if (const auto status = text_at(ldev, "status"); status != "NML")
        return refuse(Errc::unavailable, fmt::format("its status is {}", status), "bring it to the status NML");
    for (const Json& attribute : rest::list_at(ldev, "attributes"))
        if (attribute == "CMD" || attribute == "POOL" || attribute == "SYSD" || attribute == "QRD")
            return refuse(Errc::unsupported, "it belongs to the array itself", "check the volume handle");
    const auto naa = lower(text_at(ldev, "naaId"));
    if (naa.empty())
        return refuse(Errc::unsupported, "this firmware does not say its NAA", "update the array's firmware");
    if (naa.size() != 32 || !is_hex(naa) || !naa.starts_with(oui))
        return refuse(Errc::failed, fmt::format("its NAA '{}' is not one of Hitachi", naa), "");
    volume.naa = "naa." + naa;
    const auto blocks = rest::number_at(ldev, "blockCapacity").value_or(0);
    if (blocks <= 0)
        return refuse(Errc::failed, "the array gave no size", "");
    volume.size_bytes = static_cast<std::uint64_t>(blocks) * block;
    return volume;
}

std::optional<int> lun_in(const Json& ldev, const HostGroup& group)
{
    for (const Json& path : rest::list_at(ldev, "ports"))
        if (text_at(path, "portId") == group.port && rest::number_at(path, "hostGroupNumber") == group.number)
            return static_cast<int>(rest::number_at(path, "lun").value_or(-1));
    return std::nullopt;
}

std::vector<Mapping> parse_paths(const Json& ldev)
{
    std::map<std::string, std::vector<HostGroup>> by_name;
    for (const Json& path : rest::list_at(ldev, "ports")) {
        const HostGroup group{text_at(path, "portId"),
                              static_cast<int>(rest::number_at(path, "hostGroupNumber").value_or(-1))};
        by_name[text_at(path, "hostGroupName")].push_back(group);
    }
    std::vector<Mapping> mappings;
    for (auto& [name, groups] : by_name) {
        std::ranges::sort(groups);
        Mapping mapping{.host = {id_of(groups), name, {}}, .lun = lun_in(ldev, groups.front())};
        for (const HostGroup& group : groups)
            mapping.host.initiator_ids.push_back(group.id());
        mappings.push_back(std::move(mapping));
    }
    return mappings;
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400 || reply.status == 401 || json == nullptr || text_at(*json, "message").empty())
        return std::nullopt;
    return explain(error_rows, "vantara", words_in(*json), reply.status);
}

Error job_error(const Json& job)
{
    const Json* error = rest::find(job, "error");
    if (error == nullptr)
        return {Errc::failed, fmt::format("the array's job ended as {}", text_at(job, "state")),
                "look at the job on the array"};
    return explain(error_rows, "vantara", words_in(*error), 500);
}

} // namespace xcopy::vantara
