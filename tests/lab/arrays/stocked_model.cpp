#include "tests/lab/arrays/stocked_model.hpp"

#include <algorithm>
#include <utility>

namespace lab {

using nlohmann::json;

StockedModel::StockedModel(const ModelConfig& config, Switches switches, const Inquiry& inquiry)
    : user_(config.user), password_(config.password), clock_(config.clock), switches_(std::move(switches)),
      inventory_(config.name, config.directory, config.fabric, inquiry.vendor, inquiry.model)
{}

json StockedModel::control(const std::string& verb, const json& order)
{
    let_time_pass();
    const auto volume = [&]() -> StoredVolume& {
        if (auto* found = inventory_.volume_with_naa(order.at("volume")))
            return *found;
        throw ControlRefused("no volume " + order["volume"].dump());
    };
    if (verb == "volume.create")
        return make_volume(order);
    if (verb == "volume.remove")
        remove_volume(volume().id);
    else if (verb == "volume.set")
        volume().more.update(order.at("values"));
    else if (verb == "host.create")
        make_host(order);
    else if (verb == "host.set") {
        auto* host = inventory_.host_named(order.at("host"));
        if (host == nullptr)
            throw ControlRefused("no host " + order["host"].dump());
        host->more.update(order.at("values"));
    } else if (verb == "map") {
        auto& mapped = volume();
        const auto host = host_for(order.at("host"), order.value("initiators", json::array()));
        const auto number = order.contains("number") ? std::optional(order["number"].get<int>()) : std::nullopt;
        return {{"number", map_to(mapped, host, number)}};
    } else if (verb == "unmap")
        unmap_from(volume(), order.at("host"));
    else if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    else if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    else if (verb == "foreign_handle")
        return foreign_handle();
    else if (verb == "secret")
        return secret();
    else if (verb == "sessions")
        return sessions();
    else if (verb == "sessions.expire")
        expire_sessions();
    else if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(record(one));
        json state = further_state();
        state.update({{"volumes", volumes}, {"hosts", inventory_.host_list()}, {"mappings", inventory_.mappings()}});
        return state;
    } else
        throw ControlRefused("this array does not know the verb " + verb);
    return json::object();
}

std::string StockedModel::host_for(const std::string& name, const json& initiators)
{
    if (inventory_.group_named(name) == nullptr && inventory_.host_named(name) == nullptr)
        make_host({{"name", name}, {"initiators", initiators}});
    return name;
}

void StockedModel::unmap_from(const StoredVolume& volume, const std::string& host)
{
    std::erase_if(inventory_.maps, [&](const StoredMap& map) {
        const auto* holder = inventory_.host(map.host);
        const auto* group = inventory_.group(map.group);
        return map.volume == volume.id && ((holder && holder->name == host) || (group && group->name == host));
    });
    inventory_.publish();
}

json StockedModel::sessions() const
{
    return {{"opened", 0}, {"open", 0}, {"tokens", json::array()}, {"signs_in", false}};
}

StoredHost& StockedModel::add_host(const json& order)
{
    StoredHost host{.id = new_id(),
                    .name = order.at("name"),
                    .initiators = order.value("initiators", std::vector<std::string>{}),
                    .group = {}};
    if (order.contains("group")) {
        const auto name = order["group"].get<std::string>();
        if (inventory_.group_named(name) == nullptr)
            inventory_.groups.push_back({.id = new_id(), .name = name});
        host.group = inventory_.group_named(name)->id;
    }
    inventory_.hosts.push_back(std::move(host));
    inventory_.publish();
    return inventory_.hosts.back();
}

json handle_json(const std::string& handle, const json& attributes)
{
    return {{"volumeHandle", handle}, {"volumeAttributes", attributes}};
}

json made_json(const StoredVolume& volume)
{
    return {{"naa", volume.naa},
            {"name", volume.name},
            {"size", volume.size},
            {"file", volume.file.string()},
            {"id", volume.id}};
}

} // namespace lab
