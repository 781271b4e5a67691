// Hosts and host sets. Here a host is in one set at most; on the array it may be in many.
#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>
#include <cctype>

namespace lab::primera3par {

using nlohmann::json;

namespace {

const char* const ports[] = {"0:1:2", "1:1:2"};

void check_name(const std::string& name, std::size_t longest)
{
    if (name.size() > longest)
        throw Refusal{400, 57, "name too long"};
    if (!is_array_name(name))
        throw Refusal{400, 69, "illegal character in the name"};
}

Response created(const std::string& location)
{
    auto response = json_response(201, nullptr);
    response.headers["Location"] = location;
    return response;
}

} // namespace

json Primera3par::host_record(const StoredHost& host) const
{
    json record = {{"FCPaths", json::array()},
                   {"iSCSIPaths", json::array()},
                   {"initiatorChapEnabled", false},
                   {"targetChapEnabled", false}};
    if (!host.id.empty())
        record.update({{"id", std::stoi(host.id)}, {"name", host.name}, {"persona", host.more.at("persona")}});
    for (const auto& initiator : host.initiators)
        for (const char* port : ports) {
            json path = {{is_iscsi(initiator) ? "name" : "wwn", as_array_writes(initiator)}, {"hostSpeed", 0}};
            if (switches_.on("repeated_paths"))
                path["portPos"] = port_position(port);
            record[is_iscsi(initiator) ? "iSCSIPaths" : "FCPaths"].push_back(path);
            if (!switches_.on("repeated_paths"))
                break;
        }
    return record;
}

Response Primera3par::hosts(const Request& request, const Path& path)
{
    const json fields = {{"name", "string!"},       {"persona", "number"},     {"FCWWNs", "strings"},
                         {"iSCSINames", "strings"}, {"forceTearDown", "bool"}, {"descriptors", "object"}};
    if (path.size() == 1 && request.method == "POST")
        return create_host(body_of(request, fields));
    if (path.size() == 1 && request.method == "GET") {
        json all = json::array();
        for (const auto& host : inventory_.hosts)
            all.push_back(host_record(host));
        if (switches_.on("stray_member"))
            all.push_back(host_record({.initiators = {"21000024ff41dcf7"}}));
        return listed(request, all, "host_query");
    }
    auto* host = path.size() == 2 ? inventory_.host_named(path[1]) : nullptr;
    if (!host)
        throw Refusal{path.size() == 2 ? 404 : 405, 17, "host does not exist"};
    if (request.method == "GET")
        return json_response(200, host_record(*host));
    if (request.method == "PUT")
        return change_host(*host, body_of(request, {{"pathOperation", "number"},
                                                    {"FCWWNs", "strings"},
                                                    {"iSCSINames", "strings"},
                                                    {"forcePathRemoval", "bool"},
                                                    {"persona", "number"}}));
    if (request.method != "DELETE")
        throw Refusal{405, 8, "unsupported method"};
    if (!host->group.empty())
        throw Refusal{409, 77, "host is a member of a set"};
    if (std::ranges::any_of(inventory_.maps, [&](const StoredMap& map) { return map.host == host->id; }))
        throw Refusal{409, 26, "host has exports"};
    std::erase_if(inventory_.hosts, [id = host->id](const StoredHost& one) { return one.id == id; });
    return json_response(200, nullptr);
}

std::vector<std::string> Primera3par::new_paths(const json& body)
{
    if (body.contains("FCWWNs") && body.contains("iSCSINames"))
        throw Refusal{400, 44, "FCWWNs and iSCSINames together"};
    std::vector<std::string> paths;
    for (const std::string& wwn : body.value("FCWWNs", std::vector<std::string>{})) {
        if (wwn.size() != 16)
            throw Refusal{400, 39, "a WWN has 16 digits"};
        if (!std::ranges::all_of(wwn, [](unsigned char c) { return std::isxdigit(c) != 0; }))
            throw Refusal{400, 69, "a WWN has hex digits only"};
        paths.push_back(wwn);
        std::ranges::transform(paths.back(), paths.back().begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    }
    for (const std::string& name : body.value("iSCSINames", std::vector<std::string>{}))
        paths.push_back(name);
    return paths;
}

Response Primera3par::create_host(const json& body)
{
    const auto name = body["name"].get<std::string>();
    check_name(name, 31);
    const int persona = body.value("persona", 2);
    if (persona < 1 || persona > 11)
        throw Refusal{400, 46, "no such persona"};
    const auto paths = new_paths(body);
    if (inventory_.host_named(name))
        throw Refusal{409, 16, "host exists"};
    if (std::ranges::any_of(paths, [&](const auto& path) { return inventory_.owner_of(path) != nullptr; }))
        throw Refusal{409, 73, "path exists"};
    inventory_.hosts.push_back(
        {.id = std::to_string(next_id_++), .name = name, .initiators = paths, .more = {{"persona", persona}}});
    return created("/api/v1/hosts/" + name);
}

Response Primera3par::change_host(StoredHost& host, const json& body)
{
    const auto paths = new_paths(body);
    if (body.contains("persona"))
        host.more["persona"] = body["persona"];
    if (body.contains("pathOperation") == paths.empty())
        throw Refusal{400, 78, "pathOperation goes with FCWWNs or iSCSINames"};
    for (const auto& path : paths) {
        if (body["pathOperation"] == 1 && inventory_.owner_of(path))
            throw Refusal{409, 73, "path exists"};
        if (body["pathOperation"] == 2 && inventory_.owner_of(path) != &host)
            throw Refusal{400, 80, "the host has no such path"};
    }
    for (const auto& path : paths) {
        std::erase(host.initiators, path);
        if (body["pathOperation"] == 1)
            host.initiators.push_back(path);
    }
    inventory_.publish();
    return json_response(200, nullptr);
}

json Primera3par::set_record(const StoredGroup& set) const
{
    json members = json::array();
    for (const auto& host : inventory_.hosts)
        if (host.group == set.id)
            members.push_back(host.name);
    return {{"id", std::stoi(set.id)}, {"name", set.name}, {"setmembers", members}};
}

Response Primera3par::host_sets(const Request& request, const Path& path)
{
    if (path.size() == 1 && request.method == "GET") {
        json all = json::array();
        for (const auto& set : inventory_.groups)
            all.push_back(set_record(set));
        return listed(request, all, "");
    }
    const auto add = [&](const std::string& set, const json& names) {
        for (const std::string name : names) {
            auto* host = inventory_.host_named(name);
            if (!host)
                throw Refusal{404, 17, "host does not exist"};
            if (host->group == set)
                throw Refusal{409, 104, "member is in the set already"};
            host->group = set;
        }
        inventory_.publish();
    };
    if (path.size() == 1 && request.method == "POST") {
        const auto body = body_of(request, {{"name", "string!"}, {"comment", "string"}, {"setmembers", "strings"}});
        check_name(body["name"], 27);
        if (inventory_.group_named(body["name"]))
            throw Refusal{400, 101, "set exists"};
        inventory_.groups.push_back({.id = std::to_string(next_id_++), .name = body["name"]});
        add(inventory_.groups.back().id, body.value("setmembers", json::array()));
        return created("/api/v1/hostsets/" + body["name"].get<std::string>());
    }
    auto* set = path.size() == 2 ? inventory_.group_named(path[1]) : nullptr;
    if (!set)
        throw Refusal{path.size() == 2 ? 404 : 405, 102, "set does not exist"};
    if (request.method == "GET")
        return json_response(200, set_record(*set));
    if (request.method != "PUT")
        throw Refusal{405, 8, "unsupported method"};
    const auto body = body_of(request, {{"action", "number!"}, {"setmembers", "strings!"}});
    if (body["action"] != 1)
        throw Refusal{400, 46, "this simulator adds members only"};
    add(set->id, body["setmembers"]);
    return json_response(200, nullptr);
}

} // namespace lab::primera3par
