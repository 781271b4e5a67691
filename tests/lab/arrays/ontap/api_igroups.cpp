#include "tests/lab/arrays/ontap/api.hpp"
#include "tests/lab/arrays/ontap/records.hpp"

namespace lab::ontap {

using nlohmann::json;

namespace {

// {"name": …} or {"records": [{"name": …}, …]}
std::vector<json> records_of(const json& body)
{
    if (body.contains("records"))
        return body["records"].get<std::vector<json>>();
    return {body};
}

} // namespace

Answer<Success> Api::list_igroups(const Call& call)
{
    std::vector<Record> records;
    for (const auto& group : state_.igroups()) {
        if (call.sees(group.svm))
            records.push_back({group.order, igroup_record(state_, switches_, group)});
    }
    return list(call.request, igroup_schema(), switches_, records);
}

Answer<Success> Api::get_igroup(const Call& call)
{
    const auto* group = state_.find_igroup(call.path[0]);
    if (!group || !call.sees(group->svm))
        return Refusal{"4", "entry doesn't exist", "uuid"};
    return select_fields(call.request, igroup_schema(), switches_, igroup_record(state_, switches_, *group), true);
}

Answer<Success> Api::create_igroup(const Call& call)
{
    if (auto refusal = unexpected_key(call, {"svm", "name", "protocol", "os_type", "initiators", "igroups", "comment",
                                             "delete_on_unmap", "portset"}))
        return *refusal;
    auto svm = svm_of(call);
    if (!svm)
        return svm.error();
    State::NewIgroup wanted{.svm = (*svm)->name,
                            .name = string_or(call.body, "name", ""),
                            .protocol = string_or(call.body, "protocol", "mixed"),
                            .os_type = string_or(call.body, "os_type", ""),
                            .initiators = {},
                            .children = {},
                            .delete_on_unmap = call.body.value("delete_on_unmap", false)};
    for (const auto& initiator : call.body.value("initiators", json::array()))
        wanted.initiators.push_back(initiator.at("name"));
    for (const auto& child : call.body.value("igroups", json::array()))
        wanted.children.push_back(igroup_uuid(child, (*svm)->name));

    auto group = state_.create_igroup(wanted);
    if (!group)
        return group.error();
    return created(call.request, "/api/protocols/san/igroups/" + (*group)->uuid,
                   json::array({igroup_record(state_, switches_, **group)}));
}

Answer<Success> Api::delete_igroup(const Call& call)
{
    auto group = igroup_of(call);
    if (!group)
        return group.error();
    auto gone = state_.delete_igroup((*group)->uuid, flag(call.request, "allow_delete_while_mapped"));
    if (!gone)
        return gone.error();
    return Success{};
}

Answer<Success> Api::list_initiators(const Call& call)
{
    auto group = igroup_of(call);
    if (!group)
        return group.error();
    std::vector<Record> records;
    for (auto& initiator : initiators_record(switches_, **group))
        records.push_back({records.size() + 1, std::move(initiator)});
    return list(call.request, initiator_schema(), switches_, records);
}

Answer<Success> Api::add_initiators(const Call& call)
{
    if (auto refusal = unexpected_key(call, {"name", "comment", "records"}))
        return *refusal;
    auto group = igroup_of(call);
    if (!group)
        return group.error();
    const auto uuid = (*group)->uuid;
    json added = json::array();
    for (const auto& record : records_of(call.body)) {
        const std::string name = record.at("name");
        if (auto done = state_.add_initiator(uuid, name); !done)
            return done.error(); // those before it stay
        added.push_back({{"name", lower(name)}});
    }
    return created(call.request, "/api/protocols/san/igroups/" + uuid + "/initiators", std::move(added));
}

Answer<Success> Api::remove_initiator(const Call& call)
{
    auto group = igroup_of(call);
    if (!group)
        return group.error();
    auto gone = state_.remove_initiator((*group)->uuid, call.path[1], flag(call.request, "allow_delete_while_mapped"));
    if (!gone)
        return gone.error();
    return Success{};
}

Answer<Success> Api::add_children(const Call& call)
{
    if (auto refusal = unexpected_key(call, {"name", "uuid", "records"}))
        return *refusal;
    auto group = igroup_of(call);
    if (!group)
        return group.error();
    const auto uuid = (*group)->uuid, svm = (*group)->svm;
    json added = json::array();
    for (const auto& record : records_of(call.body)) {
        const auto child = igroup_uuid(record, svm);
        if (auto done = state_.add_child(uuid, child); !done)
            return done.error();
        added.push_back({{"uuid", child}});
    }
    return created(call.request, "/api/protocols/san/igroups/" + uuid + "/igroups", std::move(added));
}

} // namespace lab::ontap
