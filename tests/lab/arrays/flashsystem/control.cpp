// What the lab, the CSI driver and the administrator do beside the REST service.
#include "tests/lab/arrays/flashsystem/flashsystem.hpp"

#include <algorithm>
#include <cstdio>

namespace lab::flashsystem {

using nlohmann::json;

json FlashSystem::control(const std::string& verb, const json& order)
{
    const auto with = [&](auto change) {
        change();
        return json::object();
    };
    if (verb == "volume.create")
        return system_.create_volume(order);
    if (verb == "volume.remove")
        return with([&] { system_.remove_volume(order.at("volume")); });
    if (verb == "volume.change") // status, protocol, pool
        return with([&] { system_.inventory().volume_with_naa(order.at("volume"))->more.update(order.at("more")); });
    if (verb == "host.create")
        return with([&] { system_.create_host(order); });
    if (verb == "map")
        return {{"number", system_.map(order)}};
    if (verb == "unmap")
        return with([&] { system_.unmap(order); });
    if (verb == "io")
        return with([&] { system_.note_io(order.at("volume")); });
    if (verb == "hosts")
        return {{"hosts", system_.inventory().host_list()}};
    if (verb == "mappings")
        return {{"mappings", system_.inventory().mappings()}};
    if (verb == "foreign_handle")
        return {{"volumeHandle", "SVC:00000204B0B0B0B0:0;6005076810CA0166C00000000000019F"},
                {"volumeAttributes", json::object()}};
    if (verb == "secret")
        return account_.secret();
    if (verb == "sessions")
        return account_.sessions();
    if (verb == "sessions.expire")
        return with([&] { account_.end_sessions(); });
    if (verb == "failover")
        return with([&] { failover_ = order.at("replies").get<std::deque<std::string>>(); });
    if (verb == "command") // as the administrator at the console: {"command", "object", "options"}
        return system_.run({order.at("command"), order.value("object", ""), order.value("options", json::object())});
    if (verb == "state")
        return system_.dump();
    throw ControlRefused("a FlashSystem does not know the verb " + verb);
}

json System::create_volume(const json& order)
{
    const auto kind = order.value("kind", "pvc");
    StoredVolume volume{.id = lowest_free_id(inventory_.volumes)};
    char uid[33];
    (void)std::snprintf(uid, sizeof uid, "600507681088804cb8%014llx", static_cast<unsigned long long>(next_uid_++));
    volume.naa = order.value("naa", "naa." + std::string(uid));
    volume.name = (kind == "pvc" ? "CSI_" : "") + order.at("name").get<std::string>();
    volume.size = order.at("size");
    if (!volume.naa.starts_with("naa.6005076") || volume.naa.size() != 36)
        throw ControlRefused("not a name of a FlashSystem volume: " + volume.naa);
    if (by_id_or_name(inventory_.volumes, volume.name) != nullptr || inventory_.volume_with_naa(volume.naa) != nullptr)
        throw ControlRefused("there is such a volume already");
    check_name(volume.name);
    volume.more = {{"pool", order.value("pool", "0")}};
    const auto& made = inventory_.add_volume(std::move(volume));
    json answer = {
        {"naa", made.naa}, {"name", made.name}, {"size", made.size}, {"file", made.file.string()}, {"id", made.id}};
    const auto upper_uid = upper(made.naa.substr(4));
    if (kind == "pvc")
        for (const auto& handle : {"SVC:" + made.id + ";" + upper_uid,
                                   "SVC:" + alias() + ":" + made.id + ";" + upper_uid, "SVC:" + upper_uid})
            answer["handles"].push_back({{"volumeHandle", handle}, {"volumeAttributes", json::object()}});
    if (kind == "rdm" || kind == "vvol") {
        answer["backing"] = {{"kind", kind}, {"id", made.naa}};
        answer["vml"] = "vml.0200030000" + made.naa.substr(4) + "323134352020";
    }
    return answer;
}

void System::remove_volume(const std::string& naa)
{
    const auto* volume = inventory_.volume_with_naa(naa);
    if (volume == nullptr)
        throw ControlRefused("no volume " + naa);
    for (const auto& map : inventory_.maps)
        if (map.volume == volume->id)
            throw ControlRefused("CMMVC5840E: the volume is mapped to a host");
    inventory_.remove_volume(volume->id);
}

void System::create_host(const json& order)
{
    const std::string name = order.at("name");
    const auto initiators = order.value("initiators", std::vector<std::string>{});
    if (inventory_.host_named(name) != nullptr)
        throw ControlRefused("CMMVC6035E: there is a host " + name);
    for (const auto& initiator : initiators)
        if (inventory_.owner_of(initiator) != nullptr)
            throw ControlRefused("CMMVC5867E: another host has " + initiator);
    std::string cluster;
    if (order.contains("group")) {
        if (inventory_.group_named(order["group"]) == nullptr)
            inventory_.groups.push_back({.id = lowest_free_id(inventory_.groups), .name = order["group"]});
        cluster = inventory_.group_named(order["group"])->id;
    }
    const bool iscsi = !initiators.empty() && initiators.front().find('.') != std::string::npos;
    inventory_.hosts.push_back({.id = lowest_free_id(inventory_.hosts),
                                .name = name,
                                .initiators = initiators,
                                .group = cluster,
                                .more = {{"protocol", iscsi ? "iscsi" : "fcscsi"}}});
    inventory_.publish();
}

// "host" may name a host cluster.
int System::map(const json& order)
{
    auto* volume = inventory_.volume_with_naa(order.at("volume"));
    if (volume == nullptr)
        throw ControlRefused("no volume " + order["volume"].dump());
    const std::string name = order.at("host");
    auto* cluster = inventory_.group_named(name);
    if (cluster == nullptr && inventory_.host_named(name) == nullptr) {
        auto creation = order;
        creation["name"] = name;
        create_host(creation);
    }
    std::optional<int> number;
    if (order.contains("number"))
        number = order["number"].get<int>();
    return add_map(*volume, cluster != nullptr ? nullptr : inventory_.host_named(name), cluster, number).number;
}

void System::unmap(const json& order)
{
    const auto* volume = inventory_.volume_with_naa(order.at("volume"));
    const auto* host = inventory_.host_named(order.at("host"));
    const auto* cluster = inventory_.group_named(order.at("host"));
    const auto gone = std::erase_if(inventory_.maps, [&](const StoredMap& map) {
        return volume && map.volume == volume->id &&
               ((host && map.host == host->id) || (cluster && map.group == cluster->id));
    });
    if (gone == 0)
        throw ControlRefused("no such mapping");
    inventory_.publish();
}

void System::note_io(const std::string& naa)
{
    last_io_[inventory_.volume_with_naa(naa)->id] = clock_.now();
}

json System::dump()
{
    move_on();
    json dump = {{"volumes", json::array()}, {"hosts", json::array()}, {"copies", json::array()}};
    for (const auto& volume : inventory_.volumes)
        dump["volumes"].push_back({{"id", volume.id},
                                   {"name", volume.name},
                                   {"naa", volume.naa},
                                   {"size", volume.size},
                                   {"more", volume.more}});
    for (const auto& host : inventory_.hosts)
        dump["hosts"].push_back(host_details(host));
    for (const auto& copy : copies_)
        dump["copies"].push_back(
            {{"name", copy.name}, {"source", copy.source}, {"target", copy.target}, {"autodelete", copy.autodelete}});
    dump["mappings"] = inventory_.mappings();
    return dump;
}

} // namespace lab::flashsystem
