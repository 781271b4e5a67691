// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/powerflex/powerflex.hpp"

#include <fmt/format.h>

namespace lab::powerflex {

using nlohmann::json;

namespace {

constexpr const char* system_id = "1250de83018c2d0f";
constexpr std::uint64_t granularity = std::uint64_t{8} << 30; // of volumes on the first generation

} // namespace

json PowerFlex::control(const std::string& verb, const json& order)
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
    if (verb == "host.create")
        return {{"id", make_host(order).id}};
    if (verb == "host.set") { // "approved", "os", "named"
        auto* host = inventory_.host_named(order.at("host"));
        if (!host)
            throw ControlRefused("no such SDC");
        host->more.update(order.at("values"));
        return json::object();
    }
    if (verb == "map") {
        const auto name = order.at("host").get<std::string>();
        if (!inventory_.host_named(name)) {
            const auto initiators = order.value("initiators", std::vector<std::string>{});
            if (const auto* owner = initiators.empty() ? nullptr : inventory_.owner_of(initiators.front())) {
                map(volume().id, owner->id); // an SDC is one host, however it is called
                return {{"number", 0}};
            }
            make_host(
                {{"name", name}, {"initiators", initiators}, {"os", name.starts_with("worker") ? "Linux" : "Esx"}});
        }
        map(volume().id, inventory_.host_named(name)->id);
        return {{"number", 0}};
    }
    if (verb == "unmap") {
        const auto* host = inventory_.host_named(order.at("host"));
        if (host)
            unmap(volume().id, host->id);
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    if (verb == "foreign_handle")
        return {{"volumeHandle", "aaaade83018c2d0f-3bd1f78800000019"},
                {"volumeAttributes", {{"Name", "k8s-1a2b3c4d5e"}, {"StorageSystem", "aaaade83018c2d0f"}}}};
    if (verb == "secret")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}, {"POWERFLEX_SYSTEM_ID", system_id}};
    if (verb == "sessions")
        return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
    if (verb == "sessions.expire") {
        sessions_.clear();
        return json::object();
    }
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(volume_record(one));
        return {{"volumes", volumes}, {"hosts", inventory_.host_list()}, {"mappings", inventory_.mappings()}};
    }
    throw ControlRefused("a PowerFlex does not know the verb " + verb);
}

json PowerFlex::make_volume(const json& order)
{
    const auto name = order.at("name").get<std::string>();
    const auto id = order.value("id", next_id());
    const auto asked = order.at("size").get<std::uint64_t>();
    const auto size = (asked + granularity - 1) / granularity * granularity;
    const auto naa = fmt::format("eui.{}{}", system_id, id);
    const auto& made = inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = size, .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", size}, {"file", made.file.string()}, {"id", id}};
    if (order.value("kind", "pvc") == "pvc") {
        const json attributes = {{"Name", name}, {"StorageSystem", system_id}, {"StoragePoolName", "pool1"}};
        answer["handles"] =
            json::array({{{"volumeHandle", std::string(system_id) + "-" + id}, {"volumeAttributes", attributes}},
                         {{"volumeHandle", id}, {"volumeAttributes", attributes}},
                         {{"volumeHandle", std::string(system_id) + "-" + id}, {"volumeAttributes", json::object()}}});
    }
    return answer;
}

StoredHost& PowerFlex::make_host(const json& order)
{
    inventory_.hosts.push_back({.id = next_id(),
                                .name = order.at("name"),
                                .initiators = order.value("initiators", std::vector<std::string>{}),
                                .group = {},
                                .more = {{"os", order.value("os", "Esx")}}});
    inventory_.publish();
    return inventory_.hosts.back();
}

} // namespace lab::powerflex
