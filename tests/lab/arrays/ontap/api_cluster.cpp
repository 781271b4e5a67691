// Cluster, nodes, SVMs and jobs.
#include "tests/lab/arrays/ontap/api.hpp"
#include "tests/lab/arrays/ontap/records.hpp"

namespace lab::ontap {

using nlohmann::json;

Answer<Success> Api::get_cluster(const Call& call)
{
    Names names(array_ + " cluster");
    auto record = cluster_record(array_, names.next_uuid(), switches_);
    // Not part of "**" (seen with accounts of an SVM): it has to be asked for by name, and older releases do not know
    // it.
    auto schema = cluster_schema(switches_);
    const auto asked = call.request.parameter("fields").value_or("");
    if (asked.find("disaggregated") == std::string::npos || !schema.known.contains("disaggregated"))
        record.erase("disaggregated");

    return select_fields(call.request, schema, switches_, record, true);
}

Answer<Success> Api::list_nodes(const Call& call)
{
    if (!switches_.svm_scoped_account.empty())
        return Refusal{"6", "not authorized for that command", ""};
    std::vector<Record> records;
    for (auto& node : nodes_record(array_))
        records.push_back({records.size() + 1, std::move(node)});
    return list(call.request, node_schema(), switches_, records);
}

Answer<Success> Api::list_svms(const Call& call)
{
    std::vector<Record> records;
    for (const auto& svm : state_.svms()) {
        if (!call.sees(svm.name))
            continue;
        auto record = svm_record(svm);
        record["state"] = "running";
        record["subtype"] = "default";
        records.push_back({records.size() + 1, std::move(record)});
    }
    return list(call.request, svm_schema(), switches_, records);
}

Answer<Success> Api::get_job(const Call& call)
{
    const auto* job = state_.poll_job(call.path[0]);
    if (!job)
        return Refusal{"4", "entry doesn't exist", "uuid"};
    return Success{.status = 200, .body = job_record(*job), .location = ""};
}

} // namespace lab::ontap
