// Exports: templates, and the active paths that follow from them.
#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>

namespace lab::primera3par {

using nlohmann::json;

namespace {

const char* const ports[] = {"0:1:2", "1:1:2"};
constexpr int highest_number = 16383;

} // namespace

std::string Primera3par::target_name(const StoredMap& map) const
{
    for (const auto& group : inventory_.groups)
        if (group.id == map.group)
            return "set:" + group.name;
    for (const auto& host : inventory_.hosts)
        if (host.id == map.host)
            return host.name;
    return "";
}

std::string Primera3par::key_of(const StoredMap& map) const
{
    const auto volume = std::ranges::find(inventory_.volumes, map.volume, &StoredVolume::id);
    const auto set = map.more.value("volume_set", "");
    const auto port = map.more.value("port", "");
    return (set.empty() ? volume->name : "set:" + set) + "," + std::to_string(map.number) + "," + target_name(map) +
           (port.empty() ? "" : "," + port);
}

json Primera3par::rows() const
{
    json all = json::array();
    json active = json::array();
    for (const auto& map : inventory_.maps) {
        const auto volume = std::ranges::find(inventory_.volumes, map.volume, &StoredVolume::id);
        const auto port = map.more.value("port", "");
        const auto set = map.more.value("volume_set", "");
        const auto record = volume_record(*volume);
        json row = {{"lun", map.number},
                    {"volumeName", set.empty() ? volume->name : "set:" + set},
                    {"hostname", target_name(map)},
                    {"type", map.group.empty() ? port.empty() ? 3 : 4 : 5},
                    {"volumeWWN", record["wwn"]},
                    {"multipathing", 1},
                    {"failedPathPol", 1},
                    {"failedPathInterval", 0},
                    {"active", false}};
        if (!set.empty())
            row.erase("volumeWWN");
        if (!port.empty())
            row["portPos"] = port_position(port);
        all.push_back(row);
        for (const auto* host : inventory_.hosts_of(map))
            for (const auto& initiator : host->initiators)
                for (const char* at : ports) {
                    if (!port.empty() && port != at)
                        continue;
                    row.update({{"volumeName", volume->name},
                                {"volumeWWN", record["wwn"]},
                                {"remoteName", as_array_writes(initiator)},
                                {"portPos", port_position(at)},
                                {"active", true}});
                    if (switches_.get<std::string>("set_rows") == "host")
                        row["hostname"] = host->name;
                    active.push_back(row);
                }
    }
    if (switches_.on("active_rows"))
        for (auto& row : active)
            all.push_back(std::move(row));
    return all;
}

Response Primera3par::vluns(const Request& request, const Path& path)
{
    if (path.size() == 1 && request.method == "GET")
        return listed(request, rows(), "vlun_query");
    if (path.size() == 1 && request.method == "POST")
        return create_vlun(body_of(request, {{"volumeName", "string!"},
                                             {"lun", "number"},
                                             {"hostname", "string"},
                                             {"autoLun", "bool"},
                                             {"maxAutoLun", "number"},
                                             {"portPos", "object"},
                                             {"noVcn", "bool"},
                                             {"overrideLowerPriority", "bool"}}));
    if (path.size() == 2 && request.method == "DELETE")
        return delete_vlun(path[1]);
    if (path.size() != 2 || request.method != "GET")
        throw Refusal{405, 8, "unsupported method"};
    for (const auto& row : rows())
        if (row["volumeName"].get<std::string>() + "," + row["lun"].dump() + "," + row["hostname"].get<std::string>() ==
            path[1])
            return json_response(200, row);
    throw Refusal{404, 19, "VLUN does not exist"};
}

std::set<int> Primera3par::used_by(const StoredMap& map) const
{
    std::set<int> used;
    for (const auto* host : inventory_.hosts_of(map))
        used.merge(inventory_.numbers_seen_by(*host));
    return used;
}

int Primera3par::free_number(const std::set<int>& used, int from) const
{
    while (used.contains(from))
        ++from;
    if (from > highest_number)
        throw Refusal{409, 98, "no LUN number is free"};
    return from;
}

Response Primera3par::create_vlun(const json& body)
{
    const auto rules = switches_.get<std::string>("lun_rules");
    const bool automatic = body.value("autoLun", false);
    if (!body.contains("hostname"))
        throw Refusal{400, 78, "hostname or portPos is needed"};
    if (!body.contains("lun") && (!automatic || rules == "needs_lun"))
        throw Refusal{400, 40, "lun is missing"};
    if (!automatic && rules == "needs_auto")
        throw Refusal{400, 12, "lun without autoLun"};
    StoredMap map{.number = body.value("lun", 0)};
    if (map.number > highest_number)
        throw Refusal{400, 28, "lun is too large"};
    const auto* volume = inventory_.volume_named(body["volumeName"]);
    if (!volume)
        throw Refusal{404, 23, "volume does not exist"};
    if (is_target(volume->id))
        throw Refusal{409, 97, "volume is the destination of a physical copy"};
    map.volume = volume->id;
    const auto name = body["hostname"].get<std::string>();
    if (name.starts_with("set:")) {
        const auto* set = inventory_.group_named(name.substr(4));
        if (!set)
            throw Refusal{404, 102, "set does not exist"};
        map.group = set->id;
    } else {
        const auto* host = inventory_.host_named(name);
        if (!host)
            throw Refusal{404, 17, "host does not exist"};
        map.host = host->id;
    }
    if (std::ranges::any_of(inventory_.maps, [&](const StoredMap& one) {
            return one.volume == map.volume && one.host == map.host && one.group == map.group;
        }))
        throw Refusal{409, switches_.get<int>("exported_again"), "VLUN exists"};
    const auto used = used_by(map);
    if (automatic && switches_.get<std::string>("auto_lun") == "ignores")
        map.number = free_number(used, 1);
    else if (used.contains(map.number))
        throw Refusal{409, 18, "LUN exists"};
    inventory_.maps.push_back(map);
    inventory_.publish();
    auto made = json_response(201, nullptr);
    if (switches_.on("location"))
        made.headers["Location"] = "/api/v1/vluns/" + key_of(map);
    return made;
}

Response Primera3par::delete_vlun(const std::string& key)
{
    if (std::ranges::count(key, ',') < 2)
        throw Refusal{400, 43, "volume,lun,host is expected"};
    const auto host = key.substr(key.find(',', key.find(',') + 1) + 1);
    const auto name = host.substr(0, host.find(','));
    if (!name.starts_with("set:") && !inventory_.host_named(name))
        throw Refusal{404, 17, "host does not exist"};
    if (std::erase_if(inventory_.maps, [&](const StoredMap& map) { return key_of(map) == key; }) == 0)
        throw Refusal{404, 19, "VLUN does not exist"};
    inventory_.publish();
    return json_response(200, nullptr);
}

} // namespace lab::primera3par
