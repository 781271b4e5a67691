#include "tests/lab/arrays/ontap/api.hpp"
#include "tests/lab/arrays/ontap/records.hpp"

namespace lab::ontap {

using nlohmann::json;

Answer<Success> Api::list_maps(const Call& call)
{
    std::vector<Record> records;
    for (const auto& map : state_.maps()) {
        if (map.hidden_reads > 0 || !call.sees(state_.find_lun(map.lun)->svm))
            continue;
        auto record = map_record(state_, switches_, map);
        record["reporting_nodes"] = nodes_record(array_);
        records.push_back({map.order, std::move(record)});
    }
    auto answer = list(call.request, map_schema(), switches_, records);
    if (answer)
        state_.maps_were_listed();
    return answer;
}

Answer<Success> Api::get_map(const Call& call)
{
    const auto* map = state_.find_map(call.path[0], call.path[1]);
    if (!map || !call.sees(state_.find_lun(map->lun)->svm))
        return Refusal{"4", "entry doesn't exist", ""};
    return select_fields(call.request, map_schema(), switches_, map_record(state_, switches_, *map), true);
}

Answer<Success> Api::create_map(const Call& call)
{
    if (auto refusal = unexpected_key(call, {"svm", "lun", "igroup", "logical_unit_number"}))
        return *refusal;
    if (!call.body.contains("lun"))
        return Refusal{"5374901", "No LUN was specified.", "lun"};
    if (!call.body.contains("igroup"))
        return Refusal{"5374902", "No initiator group was specified.", "igroup"};
    auto svm = svm_of(call);
    if (!svm)
        return svm.error();
    if (const auto node = call.request.parameter("additional_reporting_node.name")) {
        Request by_name = make_request("GET", "");
        by_name.query.emplace("name", *node);
        std::vector<Record> nodes;
        for (auto& record : nodes_record(array_))
            nodes.push_back({nodes.size() + 1, std::move(record)});
        if (auto found = list(by_name, node_schema(), switches_, nodes); !found || found->body["num_records"] == 0)
            return Refusal{"5374920", "The reporting node does not exist.", "additional_reporting_node.name"};
    }

    std::optional<int> number;
    if (call.body.contains("logical_unit_number")) {
        const auto asked = call.body["logical_unit_number"].get<std::int64_t>();
        number = asked < 0 || asked > largest_lun_number ? -1 : static_cast<int>(asked);
    }
    auto map =
        state_.map(lun_uuid(call.body["lun"], (*svm)->name), igroup_uuid(call.body["igroup"], (*svm)->name), number);
    if (!map)
        return map.error();
    auto record = map_record(state_, switches_, **map);
    record["reporting_nodes"] = nodes_record(array_);
    return created(call.request, "/api/protocols/san/lun-maps/" + (*map)->lun + "/" + (*map)->igroup,
                   json::array({std::move(record)}));
}

Answer<Success> Api::delete_map(const Call& call)
{
    const auto* lun = state_.find_lun(call.path[0]);
    if (lun && !call.sees(lun->svm))
        return Refusal{"5374875", "The specified LUN does not exist or is not accessible.", "lun.uuid"};
    auto gone = state_.unmap(call.path[0], call.path[1]);
    if (!gone)
        return gone.error();
    return Success{};
}

Answer<Success> Api::list_reporting_nodes(const Call& call)
{
    const auto* map = state_.find_map(call.path[0], call.path[1]);
    if (!map || !call.sees(state_.find_lun(map->lun)->svm))
        return Refusal{"5374922", "The specified LUN map does not exist.", ""};
    std::vector<Record> records;
    for (auto& node : nodes_record(array_))
        records.push_back({records.size() + 1, std::move(node)});
    return list(call.request, node_schema(), switches_, records);
}

} // namespace lab::ontap
