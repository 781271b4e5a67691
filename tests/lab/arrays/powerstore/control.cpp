// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/powerstore/powerstore.hpp"

#include <fmt/format.h>

namespace lab::powerstore {

using nlohmann::json;

int PowerStore::map_to(StoredVolume& volume, const std::string& host, std::optional<int> number)
{
    const auto* group = inventory_.group_named(host);
    try {
        return map(volume.id, group ? "" : inventory_.host_named(host)->id, group ? group->id : "", number).number;
    } catch (const Refusal& refusal) {
        throw ControlRefused(refusal.message);
    }
}

json PowerStore::foreign_handle() const
{
    return handle_json("9f840c56-96e6-4de9-b5a3-27e7c20eaa77/PSabcdef0123/scsi",
                       {{"Name", "csivol-1a2b3c4d5e"}, {"arrayID", "PSabcdef0123"}, {"Protocol", "scsi"}});
}

json PowerStore::secret() const
{
    return {{"STORAGE_USERNAME", user_}, {"STORAGE_PASSWORD", password_}};
}

json PowerStore::sessions() const
{
    return {{"opened", sessions_.opened()}, {"open", sessions_.open_now()}, {"tokens", sessions_.tokens()}};
}

void PowerStore::expire_sessions()
{
    sessions_.expire();
}

json PowerStore::make_volume(const json& order)
{
    const auto name = order.at("name").get<std::string>();
    const auto id = new_id();
    const auto naa = order.value("naa", fmt::format("naa.68ccf098003ceb5e4577a20b{:08x}", uuids_));
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .file = {}});
    json answer = made_json(made);
    if (order.value("kind", "pvc") == "pvc") {
        const json attributes = {{"Name", name}, {"arrayID", "PS4ebb8d4e8488"}, {"Protocol", "scsi"}};
        answer["handles"] = json::array();
        for (const auto& handle :
             {fmt::format("{}/PS4ebb8d4e8488/scsi", id), fmt::format("{0}/PS4ebb8d4e8488/scsi:{0}/PS0123abcdef", id),
              id, fmt::format("{}/10.0.0.7/scsi", id)})
            answer["handles"].push_back(handle_json(handle, attributes));
    }
    return answer;
}

} // namespace lab::powerstore
