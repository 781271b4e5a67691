// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/vantara/vantara.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::vantara {

using nlohmann::json;

namespace {

constexpr const char* storage_id = "886000430078";

} // namespace

json Vantara::control(const std::string& verb, const json& order)
{
    let_pairs_go_on();
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
    if (verb == "volume.set") { // "status", "attributes"
        volume().more.update(order.at("values"));
        return json::object();
    }
    if (verb == "host.create") {
        make_host(order);
        return json::object();
    }
    if (verb == "map") { // a path in each of the host's groups
        const auto name = order.at("host").get<std::string>();
        if (groups_named(name).empty())
            make_host({{"name", name}, {"initiators", order.value("initiators", json::array())}});
        std::optional<int> number;
        if (order.contains("number"))
            number = order["number"].get<int>();
        try {
            for (const auto* group : groups_named(name))
                number = map(volume().id, group->id, number).number;
        } catch (const Refusal& refusal) {
            throw ControlRefused(refusal.ssb1 + "/" + refusal.ssb2);
        }
        return {{"number", number.value_or(0)}};
    }
    if (verb == "unmap") {
        const auto id = volume().id;
        for (const auto* group : groups_named(order.at("host")))
            std::erase_if(inventory_.maps,
                          [&](const StoredMap& one) { return one.volume == id && one.host == group->id; });
        inventory_.publish();
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    if (verb == "foreign_handle")
        return {{"volumeHandle", "01--fc--900000041003--258--spc-1a2b3c4d5e"}, {"volumeAttributes", json::object()}};
    if (verb == "secret") {
        json secret = {{"STORAGE_USERNAME", user_},
                       {"STORAGE_PASSWORD", password_},
                       {"STORAGE_ID", storage_id},
                       {"COPY_SPEED", "faster"}};
        if (switches_.on("hostgroup_list"))
            secret["HOSTGROUP_ID_LIST"] = "CL1-A,1: CL2-A,1";
        return secret;
    }
    if (verb == "sessions")
        return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
    if (verb == "sessions.expire") {
        sessions_.clear();
        return json::object();
    }
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(ldev_object(one.id));
        return {{"volumes", volumes},
                {"hosts", inventory_.host_list()},
                {"mappings", inventory_.mappings()},
                {"pairs", pairs_.size()}};
    }
    throw ControlRefused("a VSP does not know the verb " + verb);
}

json Vantara::make_volume(const json& order)
{
    const int ldev = order.value("ldev", next_ldev_++);
    const auto id = std::to_string(ldev);
    const auto name = order.at("name").get<std::string>();
    const auto naa = order.value("naa", fmt::format("naa.60060e8008757e005040757e0000{:04x}", ldev));
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", made.size}, {"file", made.file.string()}, {"id", id}};
    const auto kind = order.value("kind", "pvc");
    if (kind == "rdm" || kind == "vvol")
        answer["backing"] = {{"kind", kind}, {"id", naa}};
    if (kind == "pvc")
        for (const char* protocol : {"fc", "iscsi"})
            answer["handles"].push_back(
                {{"volumeHandle", fmt::format("01--{}--{}--{}--{}", protocol, storage_id, id, name)},
                 {"volumeAttributes", json::object()}});
    return answer;
}

// A host group of that name on each port, with all initiators.
void Vantara::make_host(const json& order)
{
    for (const char* port : {"CL1-A", "CL2-A"}) {
        const int number = ++next_group_[port];
        inventory_.hosts.push_back({.id = fmt::format("{},{}", port, number),
                                    .name = order.at("name"),
                                    .initiators = order.value("initiators", std::vector<std::string>{}),
                                    .group = {},
                                    .more = {{"port", port}, {"number", number}}});
    }
    inventory_.publish();
}

std::vector<StoredHost*> Vantara::groups_named(const std::string& name)
{
    std::vector<StoredHost*> groups;
    for (auto& group : inventory_.hosts)
        if (group.name == name)
            groups.push_back(&group);
    return groups;
}

} // namespace lab::vantara
