// What the administrator and the CSI driver do beside the REST interface.
#include "tests/lab/arrays/vantara/vantara.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::vantara {

using nlohmann::json;

namespace {

constexpr const char* storage_id = "886000430078";

} // namespace

std::string Vantara::host_for(const std::string& name, const json& initiators)
{
    if (groups_named(name).empty())
        make_host({{"name", name}, {"initiators", initiators}});
    return name;
}

int Vantara::map_to(StoredVolume& volume, const std::string& host, std::optional<int> number)
{
    try {
        for (const auto* group : groups_named(host)) // a path in each of the host's groups
            number = map(volume.id, group->id, number).number;
    } catch (const Refusal& refusal) {
        throw ControlRefused(refusal.ssb1 + "/" + refusal.ssb2);
    }
    return number.value_or(0);
}

json Vantara::foreign_handle() const
{
    return handle_json("01--fc--900000041003--258--spc-1a2b3c4d5e");
}

json Vantara::secret() const
{
    json secret = {{"STORAGE_USERNAME", user_},
                   {"STORAGE_PASSWORD", password_},
                   {"STORAGE_ID", storage_id},
                   {"COPY_SPEED", "faster"}};
    if (switches_.on("hostgroup_list"))
        secret["HOSTGROUP_ID_LIST"] = "CL1-A,1: CL2-A,1";
    return secret;
}

json Vantara::sessions() const
{
    return {{"opened", opened_}, {"open", sessions_.size()}, {"tokens", tokens_}};
}

void Vantara::expire_sessions()
{
    sessions_.clear();
}

json Vantara::make_volume(const json& order)
{
    const int ldev = order.value("ldev", next_ldev_++);
    const auto id = std::to_string(ldev);
    const auto name = order.at("name").get<std::string>();
    const auto naa = order.value("naa", fmt::format("naa.60060e8008757e005040757e0000{:04x}", ldev));
    const auto& made =
        inventory_.add_volume({.id = id, .name = name, .naa = naa, .size = order.at("size"), .file = {}});
    json answer = made_json(made);
    const auto kind = order.value("kind", "pvc");
    if (kind == "rdm" || kind == "vvol")
        answer["backing"] = {{"kind", kind}, {"id", naa}};
    if (kind == "pvc")
        for (const char* protocol : {"fc", "iscsi"})
            answer["handles"].push_back(handle_json(fmt::format("01--{}--{}--{}--{}", protocol, storage_id, id, name)));
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
