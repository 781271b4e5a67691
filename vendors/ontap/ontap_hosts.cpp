#include "vendors/ontap/errors.hpp"
#include "vendors/ontap/ontap.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy::ontap {

using rest::Json;

// One igroup per host, never shared: ONTAP hands a freed LUN number out again at once, and a host that still remembers
// the old device under that number reports that its UID has changed. A host with iSCSI and FC gets one mixed igroup,
// not two: each igroup has LUN numbers of its own, and ESXi joins paths into one device only if the number is the same.
Result<ArrayHost> Ontap::ensure_host(const Call& call, const HostIdentity& host)
{
    const auto kind = igroup_for(host);
    if (!kind)
        return kind.error();
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    std::vector<std::string> wanted;
    for (const Initiator& initiator : host.initiators)
        if (initiator.kind != Initiator::Kind::sdc)
            wanted.push_back(initiator.with_colons());

    std::optional<Error> doubt;
    for (int round = 0; round < max_rounds; ++round) {
        const auto igroup = find_igroup(call, *svm, kind->name);
        if (!igroup)
            return igroup.error();
        Result<void> changed;
        if (!*igroup) {
            changed = create_igroup(call, *svm, *kind);
        } else {
            if (const auto& os = (*igroup)->os_type; !os.empty() && os != "vmware")
                return Error{Errc::conflict, fmt::format("igroup {} has OS type {}", kind->name, os),
                             "delete or rename that igroup; one with OS type vmware is created"};
            auto missing = wanted;
            std::erase_if(missing, [&](const std::string& name) {
                return std::ranges::find((*igroup)->initiators, name) != (*igroup)->initiators.end();
            });
            changed = add_initiators(call, **igroup, missing);
            if (changed)
                return ArrayHost{(*igroup)->uuid, kind->name, wanted};
        }
        if (!changed) {
            if (!is_worth_reading_again(changed.error()))
                return changed.error();
            doubt = changed.error();
        }
    }
    return doubt.value_or(Error{Errc::unavailable, "it was created but the array does not show it"})
        .in(fmt::format("{}: igroup {}", api_.rules().array, kind->name));
}

Result<std::optional<Igroup>> Ontap::find_igroup(const Call& call, const Svm& svm, std::string_view name)
{
    const auto records = list(call, igroups_path,
                              {{"svm.uuid", svm.uuid},
                               {"name", literal(name)},
                               {"fields", "name,uuid,svm.uuid,protocol,os_type,initiators.name"}});
    if (!records)
        return Error(records.error()).in(fmt::format("find igroup {}", name));
    for (const Json& record : *records) {
        Igroup igroup = parse_igroup(record);
        if (igroup.name == name && (igroup.svm_uuid.empty() || igroup.svm_uuid == svm.uuid) && !igroup.uuid.empty())
            return std::optional(std::move(igroup));
    }
    return std::optional<Igroup>();
}

Result<void> Ontap::create_igroup(const Call& call, const Svm& svm, const IgroupKind& kind)
{
    const auto reply = api_.post(
        call, igroups_path,
        {{"name", kind.name}, {"svm", {{"uuid", svm.uuid}}}, {"protocol", kind.protocol}, {"os_type", "vmware"}},
        {{"return_records", "true"}});
    if (!reply)
        return Error(reply.error()).in(fmt::format("create igroup {}", kind.name));
    return {};
}

// One by one, so that a refusal names its initiator; the others are added all the same.
Result<void> Ontap::add_initiators(const Call& call, const Igroup& igroup, const std::vector<std::string>& missing)
{
    std::optional<Error> refused;
    for (const std::string& name : missing) {
        const auto reply = api_.post(
            call, fmt::format("{}/{}/initiators", igroups_path, rest::percent_encode(igroup.uuid)), {{"name", name}});
        if (reply || is(reply.error(), already_a_member))
            continue;
        auto error = Error(reply.error()).in(fmt::format("add initiator {} to igroup {}", name, igroup.name));
        if (is_worth_reading_again(error) || error.code == Errc::cancelled || error.code == Errc::timed_out)
            return error;
        if (refused)
            refused->message += "; " + error.message;
        else
            refused = std::move(error);
    }
    if (refused)
        return *refused;
    return {};
}

Result<std::set<int>> Ontap::used_by(const Call& call, const ArrayHost& host)
{
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    const auto step = fmt::format("list the LUN numbers of igroup {}", host.name);
    const auto igroups =
        list(call, igroups_path, {{"svm.uuid", svm->uuid}, {"fields", "name,uuid,svm.uuid,initiators.name"}});
    if (!igroups)
        return Error(igroups.error()).in(step);
    std::set<std::string> uuids{host.id};
    for (const Json& record : *igroups)
        if (const Igroup igroup = parse_igroup(record);
            !igroup.uuid.empty() && share_an_initiator(igroup.initiators, host.initiator_ids))
            uuids.insert(igroup.uuid);

    std::set<int> numbers;
    for (const std::string& uuid : uuids) {
        const auto maps =
            list(call, maps_path,
                 {{"svm.uuid", svm->uuid}, {"igroup.uuid", literal(uuid)}, {"fields", "igroup,logical_unit_number"}});
        if (!maps)
            return Error(maps.error()).in(step);
        for (const Json& map : *maps)
            if (const auto number = rest::number_at(map, "logical_unit_number");
                number && *number >= 0 && *number <= highest_lun_number)
                numbers.insert(static_cast<int>(*number));
    }
    return numbers;
}

} // namespace xcopy::ontap
