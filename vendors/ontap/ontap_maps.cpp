#include "vendors/ontap/errors.hpp"
#include "vendors/ontap/ontap.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace xcopy::ontap {

using rest::Json;

namespace {

bool is_uuid(std::string_view text)
{
    return text.size() == 36 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-'; });
}

// An empty id in a DELETE would address a whole collection.
Result<void> check_ids(const Volume& volume, const ArrayHost& host)
{
    if (!is_uuid(volume.id))
        return Error{Errc::bad_request, fmt::format("'{}' is not the UUID of a LUN", volume.id)};
    if (!is_uuid(host.id))
        return Error{Errc::bad_request, fmt::format("'{}' is not the UUID of an igroup", host.id)};
    return {};
}

} // namespace

Result<std::vector<Mapping>> Ontap::mappings_of(const Call& call, const Volume& volume)
{
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    const auto step = fmt::format("list the maps of {}", volume.name);
    const auto records = list(
        call, maps_path,
        {{"svm.uuid", svm->uuid}, {"lun.uuid", literal(volume.id)}, {"fields", "svm,lun,igroup,logical_unit_number"}});
    if (!records)
        return Error(records.error()).in(step);
    std::vector<Mapping> mappings;
    for (const Json& record : *records) {
        auto mapping = parse_map(record, *svm, volume.id);
        if (!mapping)
            continue;
        if (mapping->host.initiator_ids.empty()) { // not every release lists them in a map
            const auto igroup =
                api_.get(call, fmt::format("{}/{}", igroups_path, rest::percent_encode(mapping->host.id)),
                         {{"fields", "name,uuid,initiators.name"}});
            if (igroup)
                mapping->host.initiator_ids = initiators_of(*igroup);
            else if (igroup.error().code != Errc::not_found) // gone in between, and its map with it
                return Error(igroup.error()).in(step);
            else
                continue;
        }
        mappings.push_back(std::move(*mapping));
    }
    return mappings;
}

// ONTAP shows a LUN to an initiator only once, so a map through another igroup with one of the host's initiators is the
// one that counts. Our own igroup's map comes first.
Result<std::optional<Mapping>> Ontap::mapping_that_reaches(const Call& call, const Volume& volume,
                                                           const ArrayHost& host)
{
    auto mappings = mappings_of(call, volume);
    if (!mappings)
        return mappings.error();
    std::optional<Mapping> through_another;
    for (Mapping& mapping : *mappings) {
        if (mapping.host.id == host.id)
            return std::optional(std::move(mapping));
        if (share_an_initiator(mapping.host.initiator_ids, host.initiator_ids))
            through_another = std::move(mapping);
    }
    return through_another;
}

Result<Mapping> Ontap::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    if (lun && (*lun < 0 || *lun > highest_lun_number))
        return Error{Errc::bad_request, fmt::format("LUN number {} is not between 0 and {}", *lun, highest_lun_number)};
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    const auto step = fmt::format("map {} to igroup {}", volume.name, host.name);
    Json body = {{"svm", {{"uuid", svm->uuid}}}, {"lun", {{"uuid", volume.id}}}, {"igroup", {{"uuid", host.id}}}};
    if (lun)
        body["logical_unit_number"] = *lun;

    std::optional<Error> doubt;
    for (int round = 0; round < max_rounds; ++round) {
        auto existing = mapping_that_reaches(call, volume, host);
        if (!existing && doubt) { // that it may be mapped matters more than why we cannot tell
            doubt->message += "; and reading again failed: " + existing.error().message;
            return std::move(*doubt).in(step);
        }
        if (!existing)
            return existing.error();
        if (*existing)
            return std::move(**existing);
        if (doubt && doubt->code != Errc::indeterminate)
            break; // the array says it is mapped and does not show the map: nothing to repeat

        const auto reply = api_.post(call, maps_path, body, {{"return_records", "true"}});
        if (reply) {
            const Json& records = rest::list_at(*reply, "records");
            auto made = records.empty() ? std::nullopt : parse_map(records.front(), *svm, volume.id);
            if (made && made->lun && made->host.id == host.id)
                return Mapping{host, made->lun};
            doubt = Error{Errc::indeterminate, "the array accepted the map without saying its LUN number"};
            continue;
        }
        Error error = reply.error();
        if (lun && (is(error, number_taken) || is(error, "ontap_1254324")))
            return std::move(error).in(fmt::format("{} as LUN {}", step, *lun));
        if (!is_worth_reading_again(error)) {
            if (error.code == Errc::not_found && error.remedy.empty())
                error.remedy = "the LUN or the igroup vanished in between: run again";
            return std::move(error).in(step);
        }
        doubt = std::move(error);
    }
    return std::move(*doubt).in(step);
}

Result<void> Ontap::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    const auto reply = api_.remove(call, fmt::format("{}/{}/{}", maps_path, volume.id, host.id));
    if (reply || is(reply.error(), map_missing))
        return {};
    const auto step = fmt::format("unmap {} from igroup {}", volume.name, host.name);
    if (is(reply.error(), lun_missing_or_elsewhere) || is(reply.error(), igroup_missing_or_elsewhere)) {
        const auto mappings = mappings_of(call, volume); // gone, or merely looked for in the wrong SVM?
        if (!mappings)
            return Error(mappings.error()).in(step);
        if (std::ranges::none_of(*mappings, [&](const Mapping& mapping) { return mapping.host.id == host.id; }))
            return {};
    }
    return Error(reply.error()).in(step);
}

} // namespace xcopy::ontap
