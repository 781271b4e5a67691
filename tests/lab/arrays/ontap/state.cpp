#include "tests/lab/arrays/ontap/state.hpp"

#include <algorithm>
#include <set>

namespace lab::ontap {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& item)
{
    return std::ranges::find(list, item) != list.end();
}

} // namespace

State::State(std::string array, std::filesystem::path directory, const std::vector<std::string>& svms,
             const Switches& switches, Fabric& fabric)
    : array_(std::move(array)), directory_(std::move(directory)), switches_(switches), fabric_(fabric), names_(array_)
{
    for (const auto& name : svms)
        svms_.push_back({names_.next_uuid(), name});
}

const Svm* State::find_svm(const std::string& name_or_uuid) const
{
    auto found = std::ranges::find_if(
        svms_, [&](const Svm& svm) { return svm.name == name_or_uuid || svm.uuid == name_or_uuid; });
    return found == svms_.end() ? nullptr : &*found;
}

const Lun* State::find_lun(const std::string& uuid) const
{
    return with_uuid(luns_, uuid);
}

const Igroup* State::find_igroup(const std::string& uuid) const
{
    return with_uuid(igroups_, uuid);
}

Igroup* State::igroup(const std::string& uuid)
{
    return with_uuid(igroups_, uuid);
}

const LunMap* State::find_map(const std::string& lun, const std::string& igroup) const
{
    auto found = std::ranges::find_if(maps_, [&](const LunMap& map) { return map.lun == lun && map.igroup == igroup; });
    return found == maps_.end() ? nullptr : &*found;
}

std::vector<std::string> State::initiators_of(const Igroup& group) const
{
    auto all = group.initiators;
    for (const auto& uuid : group.children) {
        for (auto& name : initiators_of(*find_igroup(uuid))) {
            if (!contains(all, name))
                all.push_back(std::move(name));
        }
    }
    return all;
}

std::filesystem::path State::file_of(const Lun& lun) const
{
    return directory_ / (lun.uuid + ".img");
}

// --- LUNs

Answer<const Lun*> State::create_lun(const NewLun& wanted)
{
    auto same_name = [&](const Lun& lun) { return lun.svm == wanted.svm && lun.name == wanted.name; };
    if (std::ranges::any_of(luns_, same_name))
        return Refusal{"5374242", "The LUN \"" + wanted.name + "\" already exists.", "name"};
    if (wanted.name.empty() || wanted.name == "/" || wanted.name.ends_with('/'))
        return Refusal{"5374127", "The LUN name \"" + wanted.name + "\" is invalid.", "name"};

    const auto serial = wanted.serial.empty() ? names_.next_serial() : wanted.serial;
    if (std::ranges::any_of(luns_, [&](const Lun& lun) { return lun.serial == serial; }))
        return Refusal{"2", "The serial number " + serial + " is in use.", "serial_number"};

    const Lun lun{.order = next_order_++,
                  .uuid = names_.next_uuid(),
                  .svm = wanted.svm,
                  .name = wanted.name,
                  .serial = serial,
                  .size = wanted.size,
                  .lun_class = wanted.lun_class,
                  .os_type = wanted.os_type,
                  .job = "",
                  .hidden_reads = switches_.delayed_visibility,
                  .serial_read = false};
    fabric_.add_volume({.array = array_,
                        .naa = naa_of(serial),
                        .size_bytes = lun.size,
                        .file = file_of(lun),
                        .vendor = "NETAPP",
                        .model = "LUN C-Mode"});
    luns_.push_back(lun);
    return &luns_.back();
}

Answer<void> State::delete_lun(const std::string& uuid, bool while_mapped)
{
    const auto* lun = find_lun(uuid);
    if (!lun)
        return Refusal{"4", "entry doesn't exist", "uuid"};
    auto of_lun = [&](const LunMap& map) { return map.lun == uuid; };
    if (!while_mapped && std::ranges::any_of(maps_, of_lun))
        return Refusal{"1254197", "The LUN is mapped and cannot be deleted.", ""};

    const auto naa = naa_of(lun->serial);
    std::erase_if(maps_, of_lun);
    std::erase_if(luns_, [&](const Lun& other) { return other.uuid == uuid; });
    show();
    fabric_.remove_volume(naa);
    return {};
}

void State::luns_were_listed(bool serials_withheld)
{
    for (auto& lun : luns_) {
        if (lun.hidden_reads > 0)
            --lun.hidden_reads;
        else if (serials_withheld)
            lun.serial_read = true;
    }
}

// --- maps

int State::free_number(const Igroup& group) const
{
    const auto members = initiators_of(group);
    std::set<int> taken;
    for (const auto& map : maps_) {
        const auto& other = *find_igroup(map.igroup);
        auto shared = [&](const std::string& name) { return contains(members, name); };
        if (other.uuid == group.uuid || (switches_.lowest_free_sees_other_igroups && other.svm == group.svm &&
                                         std::ranges::any_of(initiators_of(other), shared)))
            taken.insert(map.number);
    }
    int number = 0;
    while (taken.contains(number))
        ++number;
    return number;
}

// SVMs are different targets: what an initiator sees of one says nothing about another.
std::optional<Refusal> State::seen_twice(const std::vector<std::string>& initiators, const std::string& svm) const
{
    std::set<std::pair<std::string, std::string>> luns;
    std::set<std::pair<std::string, int>> numbers;
    for (const auto& map : maps_) {
        const auto& group = *find_igroup(map.igroup);
        if (group.svm != svm)
            continue;
        for (const auto& name : initiators_of(group)) {
            if (!contains(initiators, name))
                continue;
            if (!luns.emplace(name, map.lun).second)
                return Refusal{"1254193", "LUN already mapped to initiator \"" + name + "\" in another group.", ""};
            if (!numbers.emplace(name, map.number).second)
                return Refusal{
                    "1254324",
                    "LUN ID " + std::to_string(map.number) + " would be seen twice by initiator \"" + name + "\".", ""};
        }
    }
    return std::nullopt;
}

Answer<const LunMap*> State::map(const std::string& lun_uuid, const std::string& igroup_uuid, std::optional<int> number)
{
    const auto* lun = find_lun(lun_uuid);
    if (!lun)
        return Refusal{"1254201", "The specified LUN does not exist.", "lun"};
    // Also what a client gets that took an igroup of the right name from the wrong SVM.
    const auto* group = find_igroup(igroup_uuid);
    if (!group || group->svm != lun->svm)
        return Refusal{switches_.map_missing_igroup_code, "No such initiator group.", "igroup"};
    if (lun->lun_class != "regular")
        return Refusal{"5374329", "A LUN of class " + lun->lun_class + " cannot be mapped.", "lun"};
    if (find_map(lun_uuid, igroup_uuid))
        return Refusal{"1254207", "LUN already mapped to this group.", ""};

    const int chosen = number.value_or(free_number(*group));
    if (chosen < 0 || chosen > largest_lun_number)
        return Refusal{"2", "The value is invalid for field \"logical_unit_number\" (0..4095).", "logical_unit_number"};
    auto takes = [&](const LunMap& map) { return map.igroup == igroup_uuid && map.number == chosen; };
    if (std::ranges::any_of(maps_, takes)) {
        auto message = switches_.number_taken_message;
        if (const auto at = message.find("{}"); at != std::string::npos)
            message.replace(at, 2, std::to_string(chosen));
        return Refusal{switches_.number_taken_code, message, "logical_unit_number"};
    }

    maps_.push_back({.order = next_order_++,
                     .lun = lun_uuid,
                     .igroup = igroup_uuid,
                     .number = chosen,
                     .hidden_reads = switches_.delayed_map_visibility});
    if (auto refusal = seen_twice(initiators_of(*group), group->svm)) {
        maps_.pop_back();
        return *refusal;
    }
    show();
    return &maps_.back();
}

Answer<void> State::unmap(const std::string& lun_uuid, const std::string& igroup_uuid)
{
    const auto* lun = find_lun(lun_uuid);
    if (!lun)
        return Refusal{"5374875", "The specified LUN does not exist or is not accessible.", "lun.uuid"};
    const auto* group = find_igroup(igroup_uuid);
    if (!group || group->svm != lun->svm)
        return Refusal{"5374878", "The specified initiator group does not exist or is not in the SVM of the LUN.",
                       "igroup.uuid"};
    if (!find_map(lun_uuid, igroup_uuid))
        return Refusal{"5374922", "The specified LUN map does not exist.", ""};

    std::erase_if(maps_, [&](const LunMap& map) { return map.lun == lun_uuid && map.igroup == igroup_uuid; });
    show();
    if (group->delete_on_unmap && !mapped(*group))
        return delete_igroup(igroup_uuid, false);
    return {};
}

void State::maps_were_listed()
{
    for (auto& map : maps_)
        map.hidden_reads = std::max(0, map.hidden_reads - 1);
}

void State::show()
{
    std::map<std::pair<std::string, std::string>, int> wanted;
    for (const auto& map : maps_) {
        for (const auto& initiator : initiators_of(*find_igroup(map.igroup)))
            wanted[{naa_of(find_lun(map.lun)->serial), fabric_name(initiator)}] = map.number;
    }
    for (const auto& [path, number] : shown_) {
        if (!wanted.contains(path))
            fabric_.withdraw(path.first, path.second);
    }
    for (const auto& [path, number] : wanted) {
        const auto before = shown_.find(path);
        if (before == shown_.end() || before->second != number)
            fabric_.present({.naa = path.first, .initiator = path.second, .lun = number});
    }
    shown_ = std::move(wanted);
}

} // namespace lab::ontap
