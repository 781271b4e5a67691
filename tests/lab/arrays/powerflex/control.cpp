// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/powerflex/powerflex.hpp"

#include <fmt/format.h>

namespace lab::powerflex {

using nlohmann::json;

namespace {

constexpr const char* system_id = "1250de83018c2d0f";
constexpr std::uint64_t granularity = std::uint64_t{8} << 30; // of volumes on the first generation

} // namespace

std::string PowerFlex::host_for(const std::string& name, const json& initiators)
{
    if (inventory_.host_named(name))
        return name;
    if (!initiators.empty()) // an SDC is one host, however it is called
        if (const auto* owner = inventory_.owner_of(initiators.front()))
            return owner->name;
    make_host({{"name", name}, {"initiators", initiators}, {"os", name.starts_with("worker") ? "Linux" : "Esx"}});
    return name;
}

int PowerFlex::map_to(StoredVolume& volume, const std::string& host, std::optional<int>)
{
    map(volume.id, inventory_.host_named(host)->id);
    return 0; // an SDC knows no LUN numbers
}

json PowerFlex::foreign_handle() const
{
    return handle_json("aaaade83018c2d0f-3bd1f78800000019",
                       {{"Name", "k8s-1a2b3c4d5e"}, {"StorageSystem", "aaaade83018c2d0f"}});
}

json PowerFlex::secret() const
{
    return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}, {"POWERFLEX_SYSTEM_ID", system_id}};
}

json PowerFlex::sessions() const
{
    return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
}

void PowerFlex::expire_sessions()
{
    sessions_.clear();
}

json PowerFlex::make_volume(const json& order)
{
    const auto name = order.at("name").get<std::string>();
    const auto id = order.value("id", new_id());
    const auto asked = order.at("size").get<std::uint64_t>();
    const auto size = (asked + granularity - 1) / granularity * granularity;
    const auto naa = fmt::format("eui.{}{}", system_id, id);
    const auto& made = inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = size, .file = {}});
    json answer = made_json(made);
    if (order.value("kind", "pvc") == "pvc") {
        const json attributes = {{"Name", name}, {"StorageSystem", system_id}, {"StoragePoolName", "pool1"}};
        const auto handle = std::string(system_id) + "-" + id;
        answer["handles"] =
            json::array({handle_json(handle, attributes), handle_json(id, attributes), handle_json(handle)});
    }
    return answer;
}

void PowerFlex::make_host(const json& order)
{
    add_host(order).more["os"] = order.value("os", "Esx");
}

} // namespace lab::powerflex
