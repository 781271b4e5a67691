// Volumes shown to hosts, one by one or to a host cluster.
#include "tests/lab/arrays/flashsystem/state.hpp"

#include <algorithm>

namespace lab::flashsystem {

using nlohmann::json;

namespace {

constexpr int highest_scsi_id = 2047;

} // namespace

bool System::pool_protects() const
{
    return switches_.get<std::string>("protection") == "both";
}

void System::check_protection(const StoredVolume& volume) const
{
    const auto io = last_io_.find(volume.id);
    if (pool_protects() && io != last_io_.end() && clock_.now() - io->second < std::chrono::minutes(15))
        throw Refused(switches_.get<std::string>("protection_code"), switches_.get<std::string>("protection_words"));
}

StoredMap& System::add_map(StoredVolume& volume, StoredHost* host, StoredGroup* cluster, std::optional<int> number)
{
    std::set<int> used;
    for (const auto& one : inventory_.hosts)
        if (host ? one.id == host->id : one.group == cluster->id)
            used.merge(inventory_.numbers_seen_by(one));
    if (number && used.contains(*number))
        throw Refused("CMMVC5879E", "The action failed because the SCSI LUN is already assigned.");
    int chosen = number.value_or(0);
    while (!number && used.contains(chosen))
        ++chosen;
    inventory_.maps.push_back({.id = volume.id + ":" + (host ? host->id : "c" + cluster->id),
                               .volume = volume.id,
                               .host = host ? host->id : "",
                               .group = host ? "" : cluster->id,
                               .number = chosen});
    inventory_.publish();
    return inventory_.maps.back();
}

json System::mkvdiskhostmap(const Command& command)
{
    command.takes({"host", "scsi", "force", "allowmismatchedscsiids"});
    auto& volume = volume_in(command.needs_object());
    auto& host = host_in(command.need("host"));
    const auto number = command.number("scsi", 0, highest_scsi_id, "CMMVC5844E");
    if (number && command.flag("allowmismatchedscsiids"))
        throw Refused("CMMVC5713E", "Some parameters are mutually exclusive.");
    bool elsewhere = false;
    for (const auto& map : inventory_.maps) {
        if (map.volume != volume.id)
            continue;
        for (const auto* mapped : inventory_.hosts_of(map))
            if (mapped->id == host.id)
                throw Refused("CMMVC5878E", "The action failed because this volume is already mapped to this host.");
        elsewhere = true;
    }
    if (elsewhere && !command.flag("force"))
        throw Refused(switches_.get<std::string>("second_map_code"),
                      "The action failed because the volume is already mapped to a host.");
    return created("Virtual Disk to Host map", std::to_string(add_map(volume, &host, nullptr, number).number));
}

json System::rmvdiskhostmap(const Command& command)
{
    command.takes({"host"});
    auto& volume = volume_in(command.needs_object());
    auto& host = host_in(command.need("host"));
    const auto map = std::ranges::find_if(
        inventory_.maps, [&](const StoredMap& one) { return one.volume == volume.id && one.host == host.id; });
    if (map == inventory_.maps.end()) {
        for (const auto& one : inventory_.maps)
            if (one.volume == volume.id && !one.group.empty() && one.group == host.group)
                throw Refused("CMMVC9382E", "The action failed because the mapping is shared with a host cluster.");
        throw Refused("CMMVC5842E", "The action failed because the volume is not mapped to this host.");
    }
    check_protection(volume);
    inventory_.maps.erase(map);
    inventory_.publish();
    return nullptr;
}

json System::mkvolumehostclustermap(const Command& command)
{
    command.takes({"hostcluster", "scsi", "force"});
    auto& volume = volume_in(command.needs_object());
    auto& cluster = cluster_in(command.need("hostcluster"));
    for (const auto& map : inventory_.maps)
        if (map.volume == volume.id && map.group == cluster.id)
            throw Refused("CMMVC5878E", "The action failed because this volume is already mapped.");
    auto& map = add_map(volume, nullptr, &cluster, command.number("scsi", 0, highest_scsi_id, "CMMVC5844E"));
    return created("Volume to Host Cluster map", std::to_string(map.number));
}

json System::rmvolumehostclustermap(const Command& command)
{
    command.takes({"hostcluster", "makeprivate"});
    auto& volume = volume_in(command.needs_object());
    auto& cluster = cluster_in(command.need("hostcluster"));
    check_protection(volume);
    if (std::erase_if(inventory_.maps,
                      [&](const StoredMap& map) { return map.volume == volume.id && map.group == cluster.id; }) == 0)
        throw Refused("CMMVC5842E", "The action failed because the volume is not mapped.");
    inventory_.publish();
    return nullptr;
}

json System::map_rows(const StoredMap& map) const
{
    json rows = json::array();
    const auto volume = std::ranges::find(inventory_.volumes, map.volume, &StoredVolume::id);
    const auto cluster = std::ranges::find(inventory_.groups, map.group, &StoredGroup::id);
    const bool shared = cluster != inventory_.groups.end();
    for (const auto* host : inventory_.hosts_of(map))
        rows.push_back({{"SCSI_id", std::to_string(map.number)},
                        {"vdisk_id", volume->id},
                        {"vdisk_name", volume->name},
                        {"vdisk_UID", upper(volume->naa.substr(4))},
                        {"host_id", host->id},
                        {"host_name", host->name},
                        {"IO_group_id", "0"},
                        {"IO_group_name", "io_grp0"},
                        {"mapping_type", shared ? "shared" : "private"},
                        {"host_cluster_id", shared ? cluster->id : ""},
                        {"host_cluster_name", shared ? cluster->name : ""},
                        {"protocol", host->more.value("protocol", "scsi")}});
    return rows;
}

json System::lsvdiskhostmap(const Command& command)
{
    command.takes({});
    const auto& volume = volume_in(command.needs_object());
    json rows = json::array();
    for (const auto& map : inventory_.maps)
        if (map.volume == volume.id)
            for (auto row : map_rows(map)) {
                row["id"] = row["vdisk_id"];
                row["name"] = row["vdisk_name"];
                row.erase("vdisk_id");
                row.erase("vdisk_name");
                rows.push_back(std::move(row));
            }
    return rows;
}

json System::lshostvdiskmap(const Command& command)
{
    command.takes({});
    const auto& host = host_in(command.needs_object());
    json rows = json::array();
    for (const auto& map : inventory_.maps)
        for (auto row : map_rows(map))
            if (row["host_id"] == host.id) {
                row["id"] = row["host_id"];
                row["name"] = row["host_name"];
                row.erase("host_id");
                row.erase("host_name");
                rows.push_back(std::move(row));
            }
    return rows;
}

} // namespace lab::flashsystem
