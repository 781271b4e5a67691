// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/infinibox/infinibox.hpp"

#include <fmt/format.h>

namespace lab::infinibox {

using nlohmann::json;

json InfiniBox::control(const std::string& verb, const json& order)
{
    const auto volume = [&]() -> StoredVolume& {
        if (auto* found = inventory_.volume_with_naa(order.at("volume")))
            return *found;
        throw ControlRefused("no volume " + order["volume"].dump());
    };
    const auto holder_of = [&](const StoredMap& map) { return map.group.empty() ? map.host : map.group; };

    if (verb == "volume.create")
        return make_volume(order);
    if (verb == "volume.remove") {
        inventory_.remove_volume(volume().id);
        return json::object();
    }
    if (verb == "volume.set") { // "type", "write_protected"
        volume().more.update(order.at("values"));
        return json::object();
    }
    if (verb == "host.create")
        return {{"id", make_host(order).id}};
    if (verb == "map") {
        const auto& mapped = volume();
        const auto name = order.at("host").get<std::string>();
        const auto* group = inventory_.group_named(name);
        if (!group && !inventory_.host_named(name))
            make_host({{"name", name}, {"initiators", order.value("initiators", json::array())}});
        json body = {{"volume_id", std::stoi(mapped.id)}};
        if (order.contains("number"))
            body["lun"] = order["number"];
        try {
            const auto row = map(group ? group->id : inventory_.host_named(name)->id, group != nullptr, body);
            return {{"number", row["lun"]}};
        } catch (const Refusal& refusal) {
            throw ControlRefused(refusal.message);
        }
    }
    if (verb == "unmap") {
        const auto& unmapped = volume();
        const auto name = order.at("host").get<std::string>();
        std::erase_if(inventory_.maps, [&](const StoredMap& map) {
            const auto* host = inventory_.host_named(name);
            const auto* group = inventory_.group_named(name);
            return map.volume == unmapped.id && holder_of(map) == (group ? group->id : host ? host->id : "none");
        });
        inventory_.publish();
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    if (verb == "foreign_handle") { // the same small number on another InfiniBox is another volume
        const auto id = inventory_.volumes.empty() ? "1" : inventory_.volumes.front().id;
        return {{"volumeHandle", id + "$$fc"}, {"volumeAttributes", {{"Name", "pvc-of-another-array"}, {"ID", id}}}};
    }
    if (verb == "secret")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
    if (verb == "sessions") // Basic with every request
        return {{"opened", 0}, {"open", 0}, {"tokens", json::array()}, {"signs_in", false}};
    if (verb == "sessions.expire")
        return json::object();
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(volume_row(one));
        return {{"volumes", volumes}, {"hosts", inventory_.host_list()}, {"mappings", inventory_.mappings()}};
    }
    throw ControlRefused("an InfiniBox does not know the verb " + verb);
}

json InfiniBox::make_volume(const json& order)
{
    const int id = order.value("id", next_id_);
    next_id_ = std::max(next_id_, id) + 1;
    const int system = order.value("system", 3005); // of a replicated pair it may be the other one's
    const auto kind = order.value("kind", "pvc");
    const auto name = order.at("name").get<std::string>();
    const auto naa = order.value("naa", fmt::format("naa.6742b0f00000{:04x}{:016x}", system, id));
    const auto& made = inventory_.add_volume({.id = std::to_string(id),
                                              .name = name,
                                              .naa = naa,
                                              .size = order.at("size"),
                                              .more = json::object(),
                                              .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", made.size}, {"file", made.file.string()}, {"id", made.id}};
    if (kind == "pvc") {
        const json attributes = {
            {"ID", made.id}, {"Name", name}, {"StoragePoolName", "pool1"}, {"storage_protocol", "fc"}};
        answer["handles"] = json::array();
        for (const char* protocol : {"fc", "iscsi", "auto"})
            answer["handles"].push_back(
                {{"volumeHandle", made.id + "$$" + protocol}, {"volumeAttributes", attributes}});
        answer["handles"].push_back({{"volumeHandle", made.id + "$$fc"}, {"volumeAttributes", json::object()}});
    }
    return answer;
}

StoredHost& InfiniBox::make_host(const json& order)
{
    StoredHost host{.id = std::to_string(next_id_++),
                    .name = order.at("name"),
                    .initiators = order.value("initiators", std::vector<std::string>{}),
                    .group = {}};
    if (order.contains("group")) {
        const auto name = order["group"].get<std::string>();
        if (!inventory_.group_named(name))
            inventory_.groups.push_back({.id = std::to_string(next_id_++), .name = name});
        host.group = inventory_.group_named(name)->id;
    }
    inventory_.hosts.push_back(std::move(host));
    inventory_.publish();
    return inventory_.hosts.back();
}

} // namespace lab::infinibox
