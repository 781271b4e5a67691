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

json PowerMax::foreign_handle() const
{
    return handle_json("csi-ABC-pmax-26060-ns1-000120000548-011AB", {{"powermax/SYMID", "000120000548"}});
}

json PowerMax::secret() const
{
    return {{"STORAGE_USERNAME", user_},
            {"STORAGE_PASSWORD", password_},
            {"POWERMAX_SYMMETRIX_ID", symmetrix},
            {"POWERMAX_PORT_GROUP_NAME", "PG1"}};
}

json PowerMax::further_state() const
{
    json groups = json::array();
    for (const auto& one : groups_)
        groups.push_back(group_record(one));
    return {{"groups", groups}};
}

void PowerMax::remove_volume(const std::string& id)
{
    for (auto& group : groups_)
        std::erase(group.volumes, id);
    publish();
    inventory_.remove_volume(id);
}

void PowerMax::unmap_from(const StoredVolume& volume, const std::string& host)
{
    for (auto& group : groups_)
        if (group.name == "csi-no-srp-sg-ABC-" + host)
            std::erase(group.volumes, volume.id);
    publish();
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
    json answer = made_json(made);
    if (order.value("kind", "pvc") == "pvc") {
        const auto handle = fmt::format("{}-{}-{}", name, symmetrix, device);
        const auto metro = fmt::format("{}-{}:000120000548-{}:011AB", name, symmetrix, device);
        const auto metro_remote = fmt::format("{}-000120000548:{}-011AB:{}", name, symmetrix, device);
        const json attributes = {{"powermax/SYMID", symmetrix}, {"CapacityGB", "8.00"}};
        answer["handles"] = json::array();
        for (const auto& one : {handle, metro, metro_remote})
            answer["handles"].push_back(handle_json(one, attributes));
        answer["handles"].push_back(handle_json(handle));
    }
    return answer;
}

void PowerMax::make_host(const json& order)
{
    for (const auto& initiator : order.value("initiators", std::vector<std::string>{})) // is in one host only
        if (const auto* owner = inventory_.owner_of(initiator))
            throw ControlRefused("it is already in use in another Initiator Group: " + owner->name);
    add_host(order);
}

// As csi-powermax does: a storage group and a view for each node, through a port group of its protocol.
int PowerMax::map_to(StoredVolume& volume, const std::string& host, std::optional<int> number)
{
    const auto group_name = "csi-no-srp-sg-ABC-" + host;
    const auto view_name = "csi-mv-ABC-" + host;
    auto group = std::ranges::find(groups_, group_name, &StorageGroup::name);
    if (group == groups_.end())
        group = groups_.insert(groups_.end(), {group_name, {}});
    if (std::ranges::count(group->volumes, volume.id) == 0)
        group->volumes.push_back(volume.id);
    if (std::ranges::count(views_, view_name, &MaskingView::name) == 0) {
        const auto* holder = inventory_.host_named(host);
        const bool by_fc = !holder || !speakers(*holder, port_group_by("PG1")).empty();
        views_.push_back({view_name, holder ? host : "", holder ? "" : host, by_fc ? "PG1" : "PG-iSCSI", group_name});
    }
    if (number)
        numbers_[{view_name, volume.id}] = *number;
    publish();
    return numbers_.at({view_name, volume.id});
}

} // namespace lab::powermax
