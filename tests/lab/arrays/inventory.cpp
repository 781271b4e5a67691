#include "tests/lab/arrays/inventory.hpp"

#include <algorithm>
#include <cctype>

namespace lab {

using nlohmann::json;

namespace {

template <class List, class Member> auto* first_with(List& list, Member member, const std::string& value)
{
    const auto found = std::ranges::find(list, value, member);
    return found == list.end() ? nullptr : &*found;
}

bool same_name(const std::string& a, const std::string& b)
{
    return std::ranges::equal(a, b,
                              [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

} // namespace

Inventory::Inventory(std::string array, std::filesystem::path directory, Fabric& fabric, std::string vendor,
                     std::string model)
    : array_(std::move(array)), directory_(std::move(directory)), fabric_(fabric), vendor_(std::move(vendor)),
      model_(std::move(model))
{}

StoredVolume& Inventory::add_volume(StoredVolume volume)
{
    volume.file = directory_ / volume.naa;
    fabric_.add_volume({array_, volume.naa, volume.size, volume.file, vendor_, model_});
    volumes.push_back(std::move(volume));
    return volumes.back();
}

void Inventory::remove_volume(const std::string& id)
{
    const auto* gone = volume(id);
    if (!gone)
        return;
    std::erase_if(maps, [&](const StoredMap& map) { return map.volume == id; });
    publish();
    fabric_.remove_volume(gone->naa);
    std::erase_if(volumes, [&](const StoredVolume& one) { return one.id == id; });
}

void Inventory::resize_volume(const std::string& id, std::uint64_t size)
{
    auto* changed = volume(id);
    if (!changed)
        return;
    changed->size = size;
    std::filesystem::resize_file(changed->file, size);
    fabric_.add_volume({array_, changed->naa, size, changed->file, vendor_, model_});
}

StoredVolume* Inventory::volume(const std::string& id)
{
    return first_with(volumes, &StoredVolume::id, id);
}

StoredVolume* Inventory::volume_named(const std::string& name)
{
    return first_with(volumes, &StoredVolume::name, name);
}

StoredVolume* Inventory::volume_with_naa(const std::string& naa)
{
    return first_with(volumes, &StoredVolume::naa, naa);
}

StoredHost* Inventory::host(const std::string& id)
{
    return first_with(hosts, &StoredHost::id, id);
}

StoredHost* Inventory::host_named(const std::string& name)
{
    return first_with(hosts, &StoredHost::name, name);
}

StoredHost* Inventory::owner_of(const std::string& initiator)
{
    const auto found = std::ranges::find_if(hosts, [&](const StoredHost& host) {
        return std::ranges::any_of(host.initiators, [&](const auto& one) { return same_name(one, initiator); });
    });
    return found == hosts.end() ? nullptr : &*found;
}

StoredGroup* Inventory::group(const std::string& id)
{
    return first_with(groups, &StoredGroup::id, id);
}

StoredGroup* Inventory::group_named(const std::string& name)
{
    return first_with(groups, &StoredGroup::name, name);
}

std::vector<const StoredHost*> Inventory::hosts_of(const StoredMap& map) const
{
    std::vector<const StoredHost*> found;
    for (const auto& host : hosts)
        if ((!map.host.empty() && host.id == map.host) || (!map.group.empty() && host.group == map.group))
            found.push_back(&host);
    return found;
}

std::set<int> Inventory::numbers_used_by(const std::string& host, const std::string& group) const
{
    std::set<int> used;
    for (const auto& map : maps)
        for (const auto* seen_by : hosts_of(map))
            if ((!host.empty() && seen_by->id == host) || (!group.empty() && seen_by->group == group))
                used.insert(map.number);
    return used;
}

std::set<int> Inventory::numbers_seen_by(const StoredHost& host) const
{
    std::set<int> numbers;
    for (const auto& map : maps)
        if (std::ranges::count(hosts_of(map), &host) > 0)
            numbers.insert(map.number);
    return numbers;
}

void Inventory::publish()
{
    std::map<std::pair<std::string, std::string>, int> wanted;
    for (const auto& map : maps)
        if (const auto* shown = volume(map.volume))
            for (const auto* host : hosts_of(map))
                for (const auto& initiator : host->initiators)
                    wanted[{shown->naa, initiator}] = map.number;
    for (const auto& [what, number] : shown_)
        if (!wanted.contains(what))
            fabric_.withdraw(what.first, what.second);
    for (const auto& [what, number] : wanted)
        if (const auto before = shown_.find(what); before == shown_.end() || before->second != number)
            fabric_.present({what.first, what.second, number});
    shown_ = std::move(wanted);
}

json Inventory::mappings() const
{
    json all = json::array();
    for (const auto& map : maps) {
        const auto mapped = std::ranges::find(volumes, map.volume, &StoredVolume::id);
        if (mapped == volumes.end())
            continue;
        json initiators = json::array();
        std::string name;
        for (const auto* host : hosts_of(map)) {
            name = host->name;
            for (const auto& initiator : host->initiators)
                initiators.push_back(initiator);
        }
        if (const auto group = std::ranges::find(groups, map.group, &StoredGroup::id); group != groups.end())
            name = group->name;
        all.push_back({{"naa", mapped->naa}, {"host", name}, {"initiators", initiators}, {"number", map.number}});
    }
    return all;
}

json Inventory::host_list() const
{
    json all = json::array();
    for (const auto& host : hosts)
        all.push_back({{"name", host.name}, {"initiators", host.initiators}});
    return all;
}

} // namespace lab
