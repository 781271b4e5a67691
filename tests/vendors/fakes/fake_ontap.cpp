#include "tests/vendors/fakes/fake_ontap.hpp"

#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace xcopy::ontap {

using nlohmann::json;
using rest::Method;
using rest::Reply;

namespace {

std::string decoded(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            result += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::map<std::string, std::string> query_of(std::string_view url)
{
    std::map<std::string, std::string> query;
    auto at = url.find('?');
    while (at != std::string_view::npos) {
        const auto next = url.find('&', at + 1);
        const auto pair = url.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
        const auto equals = pair.find('=');
        query[decoded(pair.substr(0, equals))] = decoded(pair.substr(equals + 1));
        at = next;
    }
    return query;
}

Reply error(int status, const std::string& code, const std::string& message)
{
    return {status, {}, json{{"error", {{"message", message}, {"code", code}}}}.dump()};
}

bool matches(const std::string& pattern, const std::string& value)
{
    if (pattern.size() >= 2 && (pattern.front() == '"' || pattern.front() == '{'))
        return pattern.substr(1, pattern.size() - 2) == value;
    if (const auto star = pattern.find('*'); star != std::string::npos)
        return value.starts_with(pattern.substr(0, star)) && value.ends_with(pattern.substr(star + 1));
    return pattern == value;
}

std::string uuid_of(std::size_t kind, std::size_t number)
{
    return fmt::format("00000000-0000-0000-{:04x}-{:012x}", kind, number);
}

std::string at(const json& record, const std::string& path)
{
    std::string pointer = "/" + path;
    std::ranges::replace(pointer, '.', '/');
    const auto found = json::json_pointer(pointer);
    return record.contains(found) && record.at(found).is_string() ? record.at(found).get<std::string>() : "";
}

} // namespace

json& FakeOntap::add_lun(const std::string& name, const std::string& svm)
{
    const auto number = luns.size() + 1;
    luns.push_back({{"uuid", uuid_of(1, number)},
                    {"name", name},
                    {"svm", {{"name", svm}, {"uuid", svms[svm]}}},
                    {"serial_number", fmt::format("819TI$X1{:02}LA", number)},
                    {"class", "regular"},
                    {"space", {{"size", 21474836480}}},
                    {"status", {{"state", "online"}}}});
    return luns.back();
}

FakeOntap::Group& FakeOntap::add_group(const std::string& name, std::set<std::string> initiators,
                                       const std::string& svm)
{
    groups.push_back({uuid_of(2, groups.size() + 1), name, svm, "mixed", "vmware", std::move(initiators)});
    return groups.back();
}

Result<Reply> FakeOntap::send(const Call& call, const rest::Request& request, const rest::Tls&)
{
    if (call.stop.stop_requested())
        return Error{Errc::cancelled, "stopped"};
    requests.push_back(request);
    if (before)
        before(request);
    const auto planned = faults.find(requests.size());
    const Fault fault = planned == faults.end() ? Fault::none : planned->second;
    if (fault == Fault::unavailable)
        return Error{Errc::unavailable, "connection refused", "", "connect_refused"};
    if (fault == Fault::refused)
        return error(500, "99", "internal trouble");
    if (request.method != Method::get)
        ++changes;
    auto reply = answer(request);
    if (fault == Fault::lost_reply)
        return Error{request.method == Method::get ? Errc::unavailable : Errc::indeterminate, "reply lost", "",
                     "connection_lost"};
    if (fault == Fault::garbage)
        reply.body = "<html>";
    return reply;
}

Reply FakeOntap::answer(const rest::Request& request)
{
    const Reply seen{.headers = request.headers};
    if (seen.header("Authorization") != password_header)
        return error(401, "6691623", "User is not authorized.");
    const auto path = decoded(rest::path_of(request.url));
    const auto query = query_of(request.url);
    const auto body = json::parse(request.body, nullptr, false);
    const std::string igroups = "/api/protocols/san/igroups";
    const std::string lun_maps = "/api/protocols/san/lun-maps";

    std::vector<json> records;
    if (path == "/api/cluster")
        return {200,
                {},
                R"({"name":"c","version":{"full":"NetApp Release 9.15.1P4","generation":9,"major":15,"minor":1}})"};
    if (path == "/api/cluster/nodes")
        return error(403, "6", "not authorized for that command");
    if (path == "/api/svm/svms") {
        for (const auto& [name, uuid] : svms)
            records.push_back({{"uuid", uuid}, {"name", name}});
        return list(records, query, path);
    }
    if (path == "/api/storage/luns") {
        if (invisible_lookups > 0) {
            --invisible_lookups;
            return list({}, query, path);
        }
        records = luns;
        if (serial_only_by_uuid)
            for (json& lun : records)
                lun.erase("serial_number");
        return list(records, query, path);
    }
    if (path.starts_with("/api/storage/luns/")) {
        for (const json& lun : luns)
            if (path.ends_with(at(lun, "uuid")))
                return {200, {}, lun.dump()};
        return error(404, "4", "entry doesn't exist");
    }
    if (path == igroups && request.method == Method::get) {
        for (const Group& group : groups)
            records.push_back(group_record(group));
        return list(records, query, path);
    }
    if (path == igroups)
        return create_group(body);
    if (path.starts_with(igroups + "/")) {
        Group* group = group_by(path.substr(igroups.size() + 1, 36));
        if (group == nullptr)
            return request.method == Method::get ? error(404, "4", "entry doesn't exist")
                                                 : error(404, "5374852", "no igroup");
        return request.method == Method::get ? Reply{200, {}, group_record(*group).dump()}
                                             : add_initiator(*group, at(body, "name"));
    }
    if (path == lun_maps && request.method == Method::get) {
        for (const Map& map : maps)
            records.push_back(map_record(map));
        return list(records, query, path);
    }
    if (path == lun_maps)
        return create_map(body);
    if (path.starts_with(lun_maps + "/") && request.method == Method::remove) {
        const auto removed = std::erase_if(
            maps, [&](const Map& map) { return path == fmt::format("{}/{}/{}", lun_maps, map.lun, map.group); });
        return removed > 0 ? Reply{200, {}, "{}"} : error(404, "5374922", "map does not exist");
    }
    return error(404, "3", "API not found");
}

Reply FakeOntap::list(std::vector<json> records, const std::map<std::string, std::string>& query,
                      const std::string& path) const
{
    std::size_t start = 0;
    for (const auto& [key, value] : query) {
        if (key == "start")
            start = static_cast<std::size_t>(std::stoul(value));
        else if (key != "fields" && !(wildcards_everywhere && key != "svm.uuid"))
            std::erase_if(records, [&](const json& record) { return !matches(value, at(record, key)); });
    }
    json page{{"records", json::array()}};
    for (std::size_t i = start; i < std::min(records.size(), start + page_size); ++i)
        page["records"].push_back(records[i]);
    page["num_records"] = page["records"].size();
    if (start + page_size < records.size()) {
        auto rest = query;
        rest["start"] = std::to_string(start + page_size);
        page["_links"]["next"]["href"] = rest::with_query(path, rest::Query(rest.begin(), rest.end()));
    }
    return {200, {}, page.dump()};
}

Reply FakeOntap::create_group(const json& body)
{
    const auto svm = svm_name(at(body, "svm.uuid"));
    if (svm.empty())
        return error(404, "2621462", "SVM missing");
    for (const Group& group : groups)
        if (group.name == at(body, "name") && group.svm == svm)
            return error(409, "5374023", "igroup exists");
    Group& group = add_group(at(body, "name"), {}, svm);
    group.protocol = at(body, "protocol");
    group.os_type = at(body, "os_type");
    return {201, {}, json{{"num_records", 1}, {"records", {group_record(group)}}}.dump()};
}

Reply FakeOntap::add_initiator(Group& group, const std::string& name)
{
    const bool is_wwpn = name.size() == 23 && name[2] == ':';
    if (!is_wwpn && !name.starts_with("iqn."))
        return error(400, "5373993", "unknown initiator format");
    if (is_wwpn ? group.protocol == "iscsi" : group.protocol == "fcp")
        return error(400, is_wwpn ? "5374038" : "5374039", "wrong protocol");
    if (!group.initiators.insert(name).second)
        return error(409, "5374035", "initiator already in igroup");
    return {201, {}, "{}"};
}

Reply FakeOntap::create_map(const json& body)
{
    const auto lun = at(body, "lun.uuid");
    Group* group = group_by(at(body, "igroup.uuid"));
    if (std::ranges::none_of(luns, [&](const json& record) { return at(record, "uuid") == lun; }))
        return error(404, "1254201", "LUN does not exist");
    if (group == nullptr)
        return error(404, "5374878", "igroup missing");
    std::set<int> taken;
    for (const Map& map : maps) {
        if (map.lun == lun && map.group == group->uuid)
            return error(409, "1254207", "LUN already mapped to this group.");
        const Group* other = group_by(map.group);
        const bool same_initiator = std::ranges::any_of(
            group->initiators, [&](const auto& initiator) { return other->initiators.contains(initiator); });
        if (map.lun == lun && same_initiator)
            return error(409, "1254193", "initiator would see the LUN twice");
        if (other == group || same_initiator)
            taken.insert(map.number);
    }
    int number = 0;
    while (taken.contains(number))
        ++number;
    if (body.contains("logical_unit_number"))
        number = body["logical_unit_number"].get<int>();
    if (taken.contains(number))
        return error(400, "9999999", "LUN ID is already in use.");
    maps.push_back({lun, group->uuid, number});
    return {201, {}, json{{"num_records", 1}, {"records", {map_record(maps.back())}}}.dump()};
}

json FakeOntap::group_record(const Group& group) const
{
    json record{{"uuid", group.uuid},
                {"name", group.name},
                {"svm", {{"name", group.svm}, {"uuid", svms.at(group.svm)}}},
                {"protocol", group.protocol},
                {"os_type", group.os_type}};
    for (const auto& initiator : group.initiators)
        record["initiators"].push_back({{"name", initiator}});
    return record;
}

json FakeOntap::map_record(const Map& map) const
{
    const Group& group = *std::ranges::find(groups, map.group, &Group::uuid);
    json record{{"svm", {{"name", group.svm}, {"uuid", svms.at(group.svm)}}},
                {"lun", {{"uuid", map.lun}}},
                {"igroup", {{"uuid", group.uuid}, {"name", group.name}}},
                {"logical_unit_number", map.number}};
    if (maps_list_initiators)
        record["igroup"]["initiators"] = group.initiators; // names alone, as in ONTAP's lun-maps
    return record;
}

FakeOntap::Group* FakeOntap::group_by(const std::string& uuid)
{
    const auto found = std::ranges::find(groups, uuid, &Group::uuid);
    return found == groups.end() ? nullptr : &*found;
}

std::string FakeOntap::svm_name(const std::string& uuid) const
{
    for (const auto& [name, svm_uuid] : svms)
        if (svm_uuid == uuid)
            return name;
    return {};
}

} // namespace xcopy::ontap
