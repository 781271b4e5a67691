// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/powerstore/powerstore.hpp"

#include <fmt/format.h>

namespace lab::powerstore {

using nlohmann::json;

json PowerStore::control(const std::string& verb, const json& order)
{
    const auto volume = [&]() -> StoredVolume& {
        if (auto* found = inventory_.volume_with_naa(order.at("volume")))
            return *found;
        throw ControlRefused("no volume " + order["volume"].dump());
    };
    if (verb == "volume.create")
        return make_volume(order);
    if (verb == "volume.remove") {
        inventory_.remove_volume(volume().id);
        return json::object();
    }
    if (verb == "volume.set") { // "type", "state", "is_replication_destination"
        volume().more.update(order.at("values"));
        return json::object();
    }
    if (verb == "host.create")
        return {{"id", make_host(order).id}};
    if (verb == "map") {
        const auto name = order.at("host").get<std::string>();
        const auto* group = inventory_.group_named(name);
        if (!group && !inventory_.host_named(name))
            make_host({{"name", name}, {"initiators", order.value("initiators", json::array())}});
        std::optional<int> number;
        if (order.contains("number"))
            number = order["number"].get<int>();
        try {
            const auto& made =
                map(volume().id, group ? "" : inventory_.host_named(name)->id, group ? group->id : "", number);
            return {{"number", made.number}};
        } catch (const Refusal& refusal) {
            throw ControlRefused(refusal.message);
        }
    }
    if (verb == "unmap") {
        const auto name = order.at("host").get<std::string>();
        const auto* group = inventory_.group_named(name);
        const auto* host = inventory_.host_named(name);
        const auto id = volume().id;
        std::erase_if(inventory_.maps, [&](const StoredMap& map) {
            return map.volume == id && ((group && map.group == group->id) || (host && map.host == host->id));
        });
        inventory_.publish();
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    if (verb == "foreign_handle")
        return {
            {"volumeHandle", "9f840c56-96e6-4de9-b5a3-27e7c20eaa77/PSabcdef0123/scsi"},
            {"volumeAttributes", {{"Name", "csivol-1a2b3c4d5e"}, {"arrayID", "PSabcdef0123"}, {"Protocol", "scsi"}}}};
    if (verb == "secret")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
    if (verb == "sessions")
        return {{"opened", sessions_.opened()}, {"open", sessions_.open_now()}, {"tokens", sessions_.tokens()}};
    if (verb == "sessions.expire") {
        sessions_.expire();
        return json::object();
    }
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(volume_row(one));
        return {{"volumes", volumes}, {"hosts", inventory_.host_list()}, {"mappings", inventory_.mappings()}};
    }
    throw ControlRefused("a PowerStore does not know the verb " + verb);
}

json PowerStore::make_volume(const json& order)
{
    const auto name = order.at("name").get<std::string>();
    const auto id = next_uuid();
    const auto naa = order.value("naa", fmt::format("naa.68ccf098003ceb5e4577a20b{:08x}", uuids_));
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", made.size}, {"file", made.file.string()}, {"id", id}};
    if (order.value("kind", "pvc") == "pvc") {
        const json attributes = {{"Name", name}, {"arrayID", "PS4ebb8d4e8488"}, {"Protocol", "scsi"}};
        answer["handles"] = json::array();
        for (const auto& handle :
             {fmt::format("{}/PS4ebb8d4e8488/scsi", id), fmt::format("{0}/PS4ebb8d4e8488/scsi:{0}/PS0123abcdef", id),
              id, fmt::format("{}/10.0.0.7/scsi", id)})
            answer["handles"].push_back({{"volumeHandle", handle}, {"volumeAttributes", attributes}});
    }
    return answer;
}

StoredHost& PowerStore::make_host(const json& order)
{
    StoredHost host{.id = next_uuid(),
                    .name = order.at("name"),
                    .initiators = order.value("initiators", std::vector<std::string>{}),
                    .group = {}};
    if (order.contains("group")) {
        const auto name = order["group"].get<std::string>();
        if (!inventory_.group_named(name))
            inventory_.groups.push_back({.id = next_uuid(), .name = name});
        host.group = inventory_.group_named(name)->id;
    }
    inventory_.hosts.push_back(std::move(host));
    inventory_.publish();
    return inventory_.hosts.back();
}

} // namespace lab::powerstore
