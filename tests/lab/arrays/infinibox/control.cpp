// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/infinibox/infinibox.hpp"

#include <fmt/format.h>

namespace lab::infinibox {

using nlohmann::json;

int InfiniBox::map_to(StoredVolume& volume, const std::string& host, std::optional<int> number)
{
    const auto* group = inventory_.group_named(host);
    json body = {{"volume_id", std::stoi(volume.id)}};
    if (number)
        body["lun"] = *number;
    try {
        return map(group ? group->id : inventory_.host_named(host)->id, group != nullptr, body)["lun"];
    } catch (const Refusal& refusal) {
        throw ControlRefused(refusal.message);
    }
}

json InfiniBox::foreign_handle() const // the same small number on another InfiniBox is another volume
{
    const auto id = inventory_.volumes.empty() ? "1" : inventory_.volumes.front().id;
    return handle_json(id + "$$fc", {{"Name", "pvc-of-another-array"}, {"ID", id}});
}

json InfiniBox::secret() const
{
    return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
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
    json answer = made_json(made);
    if (kind == "pvc") {
        const json attributes = {
            {"ID", made.id}, {"Name", name}, {"StoragePoolName", "pool1"}, {"storage_protocol", "fc"}};
        answer["handles"] = json::array();
        for (const char* protocol : {"fc", "iscsi", "auto"})
            answer["handles"].push_back(handle_json(made.id + "$$" + protocol, attributes));
        answer["handles"].push_back(handle_json(made.id + "$$fc"));
    }
    return answer;
}

} // namespace lab::infinibox
