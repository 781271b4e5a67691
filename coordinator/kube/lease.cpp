#include "coordinator/kube/lease.hpp"

#include <nlohmann/json.hpp>

namespace xcopy::kube {

namespace {

using rest::Json;
using rest::text_at;

std::map<std::string, std::string> texts_of(const Json& json, const char* path)
{
    std::map<std::string, std::string> all;
    if (const auto* found = rest::find(json, path); found != nullptr && found->is_object())
        for (const auto& [key, value] : found->items())
            if (value.is_string())
                all.emplace(key, value.get<std::string>());
    return all;
}

std::optional<Owner> owner_in(const Json& json)
{
    for (const auto& one : rest::list_at(json, "metadata.ownerReferences"))
        if (text_at(one, "kind") == "PersistentVolumeClaim")
            return Owner{text_at(one, "name"), text_at(one, "uid")};
    return std::nullopt;
}

void set_time(Json& spec, const char* key, const std::optional<Time>& time)
{
    if (time)
        spec[key] = to_micro_time(*time);
}

} // namespace

bool has_expired(const Lease& lease, Time at)
{
    return lease.renewed && lease.duration && at > *lease.renewed + *lease.duration;
}

bool is_same_write(const Lease& one, const Lease& other)
{
    return one.holder == other.holder && one.acquired == other.acquired && one.renewed == other.renewed &&
           one.labels == other.labels && one.annotations == other.annotations && one.finalizers == other.finalizers;
}

Result<Lease> parse_lease(const Json& json)
{
    Lease lease;
    lease.name = text_at(json, "metadata.name");
    lease.version = text_at(json, "metadata.resourceVersion");
    if (lease.name.empty() || lease.version.empty())
        return Error{Errc::failed, "the API server's answer is not a Lease", "", "kube_bad_answer"};
    lease.is_being_deleted = !text_at(json, "metadata.deletionTimestamp").empty();
    lease.owner = owner_in(json);
    lease.labels = texts_of(json, "metadata.labels");
    lease.annotations = texts_of(json, "metadata.annotations");
    for (const auto& finalizer : rest::texts_at(json, "metadata.finalizers"))
        lease.finalizers.insert(finalizer);
    lease.holder = text_at(json, "spec.holderIdentity");
    if (const auto seconds = rest::number_at(json, "spec.leaseDurationSeconds"))
        lease.duration = std::chrono::seconds(*seconds);
    lease.acquired = parse_time(text_at(json, "spec.acquireTime"));
    lease.renewed = parse_time(text_at(json, "spec.renewTime"));
    lease.transitions = static_cast<int>(rest::number_at(json, "spec.leaseTransitions").value_or(0));
    lease.document = rest::to_text(json);
    return lease;
}

Json to_json(const Lease& lease)
{
    Json json = Json::object();
    if (!lease.document.empty())
        if (auto read = rest::parse_json(lease.document))
            json = std::move(*read);
    json["apiVersion"] = "coordination.k8s.io/v1";
    json["kind"] = "Lease";
    Json& metadata = json["metadata"];
    metadata["name"] = lease.name;
    if (!lease.version.empty())
        metadata["resourceVersion"] = lease.version;
    metadata["labels"] = lease.labels;
    metadata["annotations"] = lease.annotations;
    metadata["finalizers"] = lease.finalizers;
    metadata.erase("managedFields"); // the server's own book-keeping
    if (lease.owner && !owner_in(json))
        metadata["ownerReferences"].push_back({{"apiVersion", "v1"},
                                               {"kind", "PersistentVolumeClaim"},
                                               {"name", lease.owner->name},
                                               {"uid", lease.owner->uid}});
    Json& spec = json["spec"];
    if (lease.holder.empty()) {
        if (spec.is_object())
            spec.erase("holderIdentity");
    } else {
        spec["holderIdentity"] = lease.holder;
    }
    if (lease.duration)
        spec["leaseDurationSeconds"] = lease.duration->count();
    set_time(spec, "acquireTime", lease.acquired);
    set_time(spec, "renewTime", lease.renewed);
    if (lease.transitions > 0)
        spec["leaseTransitions"] = lease.transitions;
    return json;
}

} // namespace xcopy::kube
