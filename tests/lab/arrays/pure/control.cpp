// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/pure/pure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::pure {

using nlohmann::json;

namespace {

constexpr const char* prefix = "px_4cbe7cb5";

} // namespace

json FlashArray::control(const std::string& verb, const json& order)
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
    if (verb == "volume.set") { // "destroyed"
        volume().more.update(order.at("values"));
        return json::object();
    }
    if (verb == "host.create")
        return {{"id", make_host(order).id}};
    if (verb == "host.set") { // "is_local", "nvme"
        host_named(order.at("host")).more.update(order.at("values"));
        return json::object();
    }
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
                map(volume(), group ? "" : inventory_.host_named(name)->id, group ? group->id : "", number);
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
    if (verb == "foreign_handle") // nothing in it names an array: it is simply not here
        return {{"volumeHandle", "aaaaaaaa-5d0a-8e5b-1c2d-9a8b7c6d5e4f"}, {"volumeAttributes", json::object()}};
    if (verb == "secret" && switches_.get<std::string>("signs_in_by") == "password")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}, {"PURE_CLUSTER_PREFIX", prefix}};
    if (verb == "secret")
        return {{"STORAGE_TOKEN", api_token_}, {"PURE_CLUSTER_PREFIX", prefix}};
    if (verb == "sessions")
        return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
    if (verb == "sessions.expire") {
        sessions_.clear();
        return json::object();
    }
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(volume_item(one));
        return {{"volumes", volumes}, {"hosts", inventory_.host_list()}, {"mappings", inventory_.mappings()}};
    }
    throw ControlRefused("a FlashArray does not know the verb " + verb);
}

json FlashArray::make_volume(const json& order)
{
    const auto claim = order.at("name").get<std::string>();
    const auto kind = order.value("kind", "pvc");
    const auto name = kind == "pvc"    ? fmt::format("{}-{}", prefix, claim)
                      : kind == "vvol" ? fmt::format("vvol-{}-1a2b3c4d-vg/Data-5e6f7a8b", claim)
                                       : claim;
    const auto id = next_id();
    auto naa = order.value("naa", fmt::format("naa.624a93709714b5cb91634c47{:08x}", 0x11000 + ids_));
    std::string serial = naa.substr(12);
    std::ranges::transform(serial, serial.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    json more = {{"serial", serial}};
    if (kind == "vvol")
        more["vvol"] = fmt::format("rfc4122.7a6d0b1c-91f3-4a5e-8a38-{:012x}", ids_);
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .more = more, .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", made.size}, {"file", made.file.string()}, {"id", id}};
    if (kind == "rdm")
        answer["backing"] = {{"kind", "rdm"}, {"id", naa}};
    if (kind == "vvol")
        answer["backing"] = {{"kind", "vvol"}, {"id", more["vvol"]}};
    if (kind == "pvc") {
        const json named = {{"csi.storage.k8s.io/pv/name", claim}};
        answer["handles"] = json::array({{{"volumeHandle", id}, {"volumeAttributes", json::object()}},
                                         {{"volumeHandle", id}, {"volumeAttributes", named}},
                                         {{"volumeHandle", "1029384756"}, {"volumeAttributes", named}}});
    }
    return answer;
}

StoredHost& FlashArray::make_host(const json& order)
{
    StoredHost host{.id = next_id(),
                    .name = order.at("name"),
                    .initiators = order.value("initiators", std::vector<std::string>{}),
                    .group = {}};
    if (order.contains("group")) {
        const auto name = order["group"].get<std::string>();
        if (!inventory_.group_named(name))
            inventory_.groups.push_back({.id = next_id(), .name = name});
        host.group = inventory_.group_named(name)->id;
    }
    inventory_.hosts.push_back(std::move(host));
    inventory_.publish();
    return inventory_.hosts.back();
}

} // namespace lab::pure
