// What the administrator, the CSI driver and the lab do beside the API.
#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>
#include <cctype>

namespace lab::primera3par {

using nlohmann::json;

namespace {

const char* const ports[] = {"0:1:2", "1:1:2"};

std::string digits(std::uint64_t number, std::size_t length)
{
    constexpr const char* hex = "0123456789abcdef";
    std::string text(length, '0');
    for (auto at = text.rbegin(); number > 0; number /= 16)
        *at++ = hex[number % 16];
    return text;
}

} // namespace

json Primera3par::control(const std::string& verb, const json& order)
{
    advance();
    if (verb == "volume.create")
        return create_volume(order);
    if (verb == "volume.remove") {
        inventory_.remove_volume(volume_in(order).id);
        return json::object();
    }
    if (verb == "volume.set") {
        volume_in(order).more.update(order.at("more"));
        return json::object();
    }
    if (verb == "host.create") {
        create_host_object(order);
        return json::object();
    }
    if (verb == "map")
        return map(order);
    if (verb == "unmap") {
        unmap(order);
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", mappings()}};
    if (verb == "foreign_handle") // of a Nimble or Alletra 6000: the same CSI driver, another array
        return {{"volumeHandle", "064aac65a4f1a1d0a4000000000000000000000b2f"},
                {"volumeAttributes", {{"accessProtocol", "fc"}, {"fsType", "xfs"}}}};
    if (verb == "secret")
        return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
    if (verb == "sessions") {
        drop_idle_sessions();
        return {{"opened", tokens_.size()}, {"open", sessions_.size()}, {"tokens", tokens_}};
    }
    if (verb == "sessions.expire") {
        sessions_.clear();
        return json::object();
    }
    if (verb == "state")
        return state();
    throw ControlRefused("no such verb: " + verb);
}

StoredVolume& Primera3par::volume_in(const json& order)
{
    auto* volume = inventory_.volume_with_naa(order.at("volume"));
    if (!volume)
        throw ControlRefused("no such volume: " + order.at("volume").get<std::string>());
    return *volume;
}

json Primera3par::create_volume(const json& order)
{
    const auto kind = order.value("kind", "pvc");
    const auto handle = order.at("name").get<std::string>();
    const auto name = handle.substr(0, 31);
    if (!is_array_name(name) || inventory_.volume_named(name))
        throw ControlRefused("a volume cannot be called " + name);
    const int id = next_volume_++;
    StoredVolume made{.id = std::to_string(id),
                      .name = name,
                      .naa = "naa.60002ac" + digits(static_cast<std::uint64_t>(id), 17) + "00021f6b",
                      .size = (order.at("size").get<std::uint64_t>() + (1 << 20) - 1) >> 20 << 20};
    made.naa = order.value("naa", made.naa);
    made.more = {{"kind", kind},
                 {"state", 1},
                 {"copyType", 1},
                 {"uuid", "0d5c6c1e-97c7-4f3b-8a49-" + digits(static_cast<std::uint64_t>(id), 12)}};
    const auto& volume = inventory_.add_volume(made);
    json answer = {{"naa", volume.naa}, {"name", name}, {"size", volume.size}, {"file", volume.file.string()}};
    const json attributes = {
        {"volumeAccessMode", "mount"}, {"fsType", "xfs"}, {"accessProtocol", "fc"}, {"cpg", "SSD_r6"}};
    if (kind == "pvc") {
        answer["handles"] = {{{"volumeHandle", handle}, {"volumeAttributes", attributes}}};
        if (handle != name) // a PersistentVolume made by hand names the volume as the array does
            answer["handles"].push_back({{"volumeHandle", name}, {"volumeAttributes", json::object()}});
    }
    if (kind == "rdm")
        answer["backing"] = {{"kind", kind}, {"id", "vml.0200010000" + volume.naa.substr(4) + "565620202020"}};
    if (kind == "vvol")
        answer["backing"] = {{"kind", kind}, {"id", "rfc4122." + volume.more.at("uuid").get<std::string>()}};
    return answer;
}

StoredHost& Primera3par::create_host_object(const json& order)
{
    const auto name = order.at("name").get<std::string>();
    auto initiators = order.value("initiators", std::vector<std::string>{});
    if (name.size() > 31 || inventory_.host_named(name))
        throw ControlRefused("a host cannot be called " + name);
    for (const auto& initiator : initiators)
        if (inventory_.owner_of(initiator))
            throw ControlRefused("another host has " + initiator);
    StoredHost host{.id = std::to_string(next_id_++), .name = name, .initiators = initiators};
    host.more["persona"] = order.value("persona", 2);
    if (const auto group = order.value("group", ""); !group.empty()) {
        if (!inventory_.group_named(group))
            inventory_.groups.push_back({.id = std::to_string(next_id_++), .name = group});
        host.group = inventory_.group_named(group)->id;
    }
    inventory_.hosts.push_back(host);
    inventory_.publish();
    return inventory_.hosts.back();
}

// As the CSI driver exports to a node; "set:name" exports to a host set, and "volume_set" as one of that set's volumes.
json Primera3par::map(const json& order)
{
    const auto name = order.at("host").get<std::string>();
    StoredMap map{.volume = volume_in(order).id};
    if (name.starts_with("set:")) {
        const auto* set = inventory_.group_named(name.substr(4));
        if (!set)
            throw ControlRefused("no such set: " + name);
        map.group = set->id;
    } else {
        const auto* host = inventory_.host_named(name);
        map.host = (host ? *host : create_host_object({{"name", name}, {"initiators", order.at("initiators")}})).id;
    }
    map.number = order.contains("number") ? order["number"].get<int>() : free_number(used_by(map), 0);
    if (order.contains("volume_set"))
        map.more["volume_set"] = order["volume_set"];
    const bool matched = map.group.empty() && !order.contains("volume_set") && switches_.on("csi_matched_set");
    for (const char* port : ports) {
        if (matched)
            map.more["port"] = port;
        inventory_.maps.push_back(map);
        if (!matched)
            break;
    }
    inventory_.publish();
    return {{"number", map.number}};
}

void Primera3par::unmap(const json& order)
{
    const auto volume = volume_in(order).id;
    const auto name = order.at("host").get<std::string>();
    if (std::erase_if(inventory_.maps,
                      [&](const StoredMap& map) { return map.volume == volume && target_name(map) == name; }) == 0)
        throw ControlRefused("it is not exported to " + name);
    inventory_.publish();
}

json Primera3par::mappings() const // the templates of a matched set are one mapping
{
    json all = json::array();
    for (const auto& mapping : inventory_.mappings())
        if (std::ranges::count(all, mapping) == 0)
            all.push_back(mapping);
    return all;
}

json Primera3par::state() const
{
    json all = {
        {"volumes", json::array()}, {"hosts", json::array()}, {"sets", json::array()}, {"exports", json::array()}};
    for (const auto& volume : inventory_.volumes)
        all["volumes"].push_back(volume_record(volume));
    for (const auto& host : inventory_.hosts)
        all["hosts"].push_back(host_record(host));
    for (const auto& set : inventory_.groups)
        all["sets"].push_back(set_record(set));
    for (const auto& map : inventory_.maps)
        all["exports"].push_back(key_of(map));
    return all;
}

} // namespace lab::primera3par
