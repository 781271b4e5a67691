#include "tests/lab/arrays/ontap/records.hpp"

namespace lab::ontap {

using nlohmann::json;

namespace {

std::string shown_initiator(const Switches& switches, const Igroup& group, const std::string& name)
{
    if (switches.initiator_case == "upper")
        return upper(name);
    if (switches.initiator_case == "as_given" && group.as_given.contains(name))
        return group.as_given.at(name);
    return name;
}

const char* text(Protocol protocol)
{
    switch (protocol) {
    case Protocol::fcp:
        return "fcp";
    case Protocol::iscsi:
        return "iscsi";
    case Protocol::mixed:
        break;
    }
    return "mixed";
}

// "/vol/<volume>/<lun>" names its FlexVol; the plain names of ASA r2 do not.
std::string flexvol(const std::string& lun_name)
{
    constexpr std::string_view prefix = "/vol/";
    if (!lun_name.starts_with(prefix))
        return "";
    return lun_name.substr(prefix.size(), lun_name.find('/', prefix.size()) - prefix.size());
}

json svm_reference(const State& state, const std::string& name)
{
    return svm_record(*state.find_svm(name));
}

const char* connectivity(const State& state, const Igroup& group)
{
    if (state.initiators_of(group).empty())
        return "no_initiators";
    for (const auto& map : state.maps()) {
        if (map.igroup == group.uuid)
            return "full";
    }
    return "no_lun_maps";
}

json copy_of(const State& state, const Lun& lun)
{
    const auto* job = state.find_job(lun.job);
    if (!job)
        return nullptr;
    const auto* source = state.find_lun(job->source);
    json progress = {{"state", job->state == "running"   ? "replicating"
                               : job->state == "success" ? "complete"
                                                         : "error"},
                     {"percent_complete", job->state == "success" ? 100 : 0}};
    if (job->state == "failure")
        progress["failure"] = {{"message", job->message}, {"code", std::to_string(job->code)}};
    json copy = {{"source", {{"progress", progress}}}};
    if (source)
        copy["source"]["name"] = source->name;
    return copy;
}

} // namespace

json lun_record(const State& state, const Switches& switches, const Lun& lun)
{
    json maps = json::array();
    for (const auto& map : state.maps()) {
        if (map.lun != lun.uuid || map.hidden_reads > 0)
            continue;
        const auto* group = state.find_igroup(map.igroup);
        maps.push_back(
            {{"logical_unit_number", map.number}, {"igroup", {{"name", group->name}, {"uuid", group->uuid}}}});
    }
    json record = {{"uuid", lun.uuid},
                   {"svm", svm_reference(state, lun.svm)},
                   {"name", lun.name},
                   {"serial_number", lun.serial},
                   {"class", lun.lun_class},
                   {"os_type", lun.os_type},
                   {"enabled", true},
                   {"space", {{"size", lun.size}}},
                   {"status", {{"state", "online"}, {"mapped", !maps.empty()}}}};
    if (switches.serial_hex)
        record["serial_number_hex"] = hex_of(lun.serial);
    if (const auto volume = flexvol(lun.name); !volume.empty())
        record["location"] = {{"volume", {{"name", volume}}},
                              {"logical_unit", lun.name.substr(lun.name.rfind('/') + 1)}};
    if (!maps.empty())
        record["lun_maps"] = std::move(maps);
    if (auto copy = copy_of(state, lun); !copy.is_null())
        record["copy"] = std::move(copy);
    return record;
}

json initiators_record(const Switches& switches, const Igroup& group)
{
    json list = json::array();
    for (const auto& name : group.initiators)
        list.push_back({{"name", shown_initiator(switches, group, name)}});
    return list;
}

json igroup_record(const State& state, const Switches& switches, const Igroup& group)
{
    json record = {{"uuid", group.uuid},
                   {"svm", svm_reference(state, group.svm)},
                   {"name", group.name},
                   {"protocol", text(group.protocol)},
                   {"os_type", group.os_type},
                   {"delete_on_unmap", group.delete_on_unmap},
                   {"supports_igroups", group.initiators.empty()},
                   {"connectivity_tracking", {{"connection_state", connectivity(state, group)}}}};
    // A list that would be empty is left out, and a parent shows the initiators of its children.
    auto initiators = initiators_record(switches, group);
    for (const auto& uuid : group.children) {
        const auto* child = state.find_igroup(uuid);
        record["igroups"].push_back({{"name", child->name}, {"uuid", child->uuid}});
    }
    for (const auto& name : state.initiators_of(group)) {
        if (!group.children.empty())
            initiators.push_back({{"name", shown_initiator(switches, group, name)}});
    }
    if (!initiators.empty())
        record["initiators"] = std::move(initiators);
    for (const auto& parent : state.igroups()) {
        for (const auto& child : parent.children) {
            if (child == group.uuid)
                record["parent_igroups"].push_back({{"name", parent.name}, {"uuid", parent.uuid}});
        }
    }
    for (const auto& map : state.maps()) {
        if (map.igroup == group.uuid && map.hidden_reads == 0)
            record["lun_maps"].push_back({{"logical_unit_number", map.number},
                                          {"lun", {{"uuid", map.lun}, {"name", state.find_lun(map.lun)->name}}}});
    }
    return record;
}

json map_record(const State& state, const Switches& switches, const LunMap& map)
{
    const auto* lun = state.find_lun(map.lun);
    const auto* group = state.find_igroup(map.igroup);
    json igroup = {
        {"uuid", group->uuid}, {"name", group->name}, {"os_type", group->os_type}, {"protocol", text(group->protocol)}};
    for (const auto& name : state.initiators_of(*group))
        igroup["initiators"].push_back(shown_initiator(switches, *group, name));
    return {{"svm", svm_reference(state, lun->svm)},
            {"lun", {{"uuid", lun->uuid}, {"name", lun->name}}},
            {"igroup", std::move(igroup)},
            {"logical_unit_number", map.number}};
}

json svm_record(const Svm& svm)
{
    return {{"uuid", svm.uuid}, {"name", svm.name}};
}

json job_record(const Job& job)
{
    json record = {{"uuid", job.uuid},
                   {"state", job.state},
                   {"message", job.message},
                   {"code", job.code},
                   {"start_time", "2026-01-01T00:00:00+00:00"}};
    if (job.state != "running")
        record["end_time"] = "2026-01-01T00:00:01+00:00";
    return record;
}

json cluster_record(const std::string& array, const std::string& uuid, const Switches& switches)
{
    const auto have = release_of(switches);
    return {{"name", array},
            {"uuid", uuid},
            {"version",
             {{"full", "NetApp Release " + switches.version + ": Thu Oct 24 12:00:00 UTC 2024"},
              {"generation", have.generation},
              {"major", have.major},
              {"minor", have.minor}}},
            {"san_optimized", switches.san_optimized || switches.disaggregated},
            {"disaggregated", switches.disaggregated}};
}

json nodes_record(const std::string& array)
{
    Names names(array + " nodes");
    json list = json::array();
    for (const char* suffix : {"-01", "-02"})
        list.push_back({{"uuid", names.next_uuid()},
                        {"name", array + suffix},
                        {"model", "AFF-A400"},
                        {"serial_number", "72194300000" + std::string(suffix + 1)},
                        {"state", "up"}});
    return list;
}

} // namespace lab::ontap
