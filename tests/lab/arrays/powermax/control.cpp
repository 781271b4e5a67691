// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/powermax/powermax.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::powermax {

using nlohmann::json;

namespace {

constexpr const char* symmetrix = "000197900046";
constexpr std::uint64_t cylinder = 15 * 128 * 1024;

} // namespace

json PowerMax::control(const std::string& verb, const json& order)
{
    const auto volume = [&]() -> StoredVolume& {
        if (auto* found = inventory_.volume_with_naa(order.at("volume")))
            return *found;
        throw ControlRefused("no volume " + order["volume"].dump());
    };
    if (verb == "volume.create")
        return make_volume(order);
    if (verb == "volume.remove") {
        const auto id = volume().id;
        for (auto& group : groups_)
            std::erase(group.volumes, id);
        publish();
        inventory_.remove_volume(id);
        return json::object();
    }
    if (verb == "volume.set") { // "status"
        volume().more.update(order.at("values"));
        return json::object();
    }
    if (verb == "host.create") {
        make_host(order);
        return json::object();
    }
    if (verb == "map") { // as csi-powermax does: a storage group and a view for each node
        const auto name = order.at("host").get<std::string>();
        if (!inventory_.group_named(name) && !inventory_.host_named(name))
            make_host({{"name", name}, {"initiators", order.value("initiators", json::array())}});
        std::optional<int> number;
        if (order.contains("number"))
            number = order["number"].get<int>();
        mask(volume().id, name, number);
        return {{"number", numbers_.at({"csi-mv-ABC-" + name, volume().id})}};
    }
    if (verb == "unmap") {
        const auto name = order.at("host").get<std::string>();
        for (auto& group : groups_)
            if (group.name == "csi-no-srp-sg-ABC-" + name)
                std::erase(group.volumes, volume().id);
        publish();
        return json::object();
    }
    if (verb == "hosts")
        return {{"hosts", inventory_.host_list()}};
    if (verb == "mappings")
        return {{"mappings", inventory_.mappings()}};
    if (verb == "foreign_handle")
        return {{"volumeHandle", "csi-ABC-pmax-26060-ns1-000120000548-011AB"},
                {"volumeAttributes", {{"powermax/SYMID", "000120000548"}}}};
    if (verb == "secret")
        return {{"STORAGE_USERNAME", user_},
                {"STORAGE_PASSWORD", password_},
                {"POWERMAX_SYMMETRIX_ID", symmetrix},
                {"POWERMAX_PORT_GROUP_NAME", "PG1"}};
    if (verb == "sessions") // Basic with every request
        return {{"opened", 0}, {"open", 0}, {"tokens", json::array()}, {"signs_in", false}};
    if (verb == "sessions.expire")
        return json::object();
    if (verb == "state") {
        json volumes = json::array();
        for (const auto& one : inventory_.volumes)
            volumes.push_back(volume_record(one));
        json groups = json::array();
        for (const auto& one : groups_)
            groups.push_back(group_record(one));
        return {{"volumes", volumes},
                {"groups", groups},
                {"hosts", inventory_.host_list()},
                {"mappings", inventory_.mappings()}};
    }
    throw ControlRefused("a PowerMax does not know the verb " + verb);
}

json PowerMax::make_volume(const json& order)
{
    const auto claim = order.at("name").get<std::string>();
    const auto device = order.value("device", fmt::format("{:05X}", ++devices_));
    const auto array = order.value("symmetrix", std::string(symmetrix));
    std::string naa = "naa.60000970" + array + "53"; // then the device in ASCII
    for (const char digit : device)
        naa += fmt::format("{:02x}", digit);
    const auto name = order.value("kind", "pvc") == "pvc" ? "csi-ABC-" + claim : claim;
    const auto size = (order.at("size").get<std::uint64_t>() + cylinder - 1) / cylinder * cylinder;
    const auto& made = inventory_.add_volume({.id = device, .name = name, .naa = naa, .size = size, .file = {}});
    json answer = {{"naa", naa}, {"name", name}, {"size", size}, {"file", made.file.string()}, {"id", device}};
    if (order.value("kind", "pvc") == "pvc") {
        const auto handle = fmt::format("{}-{}-{}", name, symmetrix, device);
        const auto metro = fmt::format("{}-{}:000120000548-{}:011AB", name, symmetrix, device);
        const auto metro_remote = fmt::format("{}-000120000548:{}-011AB:{}", name, symmetrix, device);
        const json attributes = {{"powermax/SYMID", symmetrix}, {"CapacityGB", "8.00"}};
        answer["handles"] = json::array();
        for (const auto& one : {handle, metro, metro_remote})
            answer["handles"].push_back({{"volumeHandle", one}, {"volumeAttributes", attributes}});
        answer["handles"].push_back({{"volumeHandle", handle}, {"volumeAttributes", json::object()}});
    }
    return answer;
}

void PowerMax::make_host(const json& order)
{
    StoredHost host{.id = "h-" + order.at("name").get<std::string>(),
                    .name = order["name"],
                    .initiators = order.value("initiators", std::vector<std::string>{}),
                    .group = {}};
    if (order.contains("group")) {
        const auto name = order["group"].get<std::string>();
        if (!inventory_.group_named(name))
            inventory_.groups.push_back({.id = "g-" + name, .name = name});
        host.group = "g-" + name;
    }
    for (const auto& initiator : host.initiators) // an initiator is in one host only
        if (const auto* owner = inventory_.owner_of(initiator))
            throw ControlRefused("it is already in use in another Initiator Group: " + owner->name);
    inventory_.hosts.push_back(std::move(host));
}

void PowerMax::mask(const std::string& device, const std::string& host, std::optional<int> number)
{
    const auto group_name = "csi-no-srp-sg-ABC-" + host;
    const auto view_name = "csi-mv-ABC-" + host;
    auto group = std::ranges::find(groups_, group_name, &StorageGroup::name);
    if (group == groups_.end())
        group = groups_.insert(groups_.end(), {group_name, {}});
    if (std::ranges::count(group->volumes, device) == 0)
        group->volumes.push_back(device);
    if (std::ranges::count(views_, view_name, &MaskingView::name) == 0) {
        const bool is_group = inventory_.group_named(host) != nullptr;
        views_.push_back({view_name, is_group ? "" : host, is_group ? host : "", "PG1", group_name});
    }
    if (number)
        numbers_[{view_name, device}] = *number;
    publish();
}

} // namespace lab::powermax
