#include "vendors/ontap/ontap.hpp"

#include "vendors/config_check.hpp"
#include "vendors/ontap/errors.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy::ontap {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view luns_path = "/api/storage/luns";
constexpr std::string_view igroups_path = "/api/protocols/san/igroups";
constexpr std::string_view maps_path = "/api/protocols/san/lun-maps";

// A loaded array may not show a LUN for some seconds after it was made (facts 8).
constexpr std::chrono::milliseconds pauses_until_visible[] = {250ms, 500ms, 1000ms, 2000ms};

// An empty id in a DELETE would address a whole collection.
Result<void> check_ids(const Volume& volume, const ArrayHost& host)
{
    if (!is_uuid(volume.id) || !is_uuid(host.id))
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not the UUIDs of a LUN and an igroup", volume.id, host.id)};
    return {};
}

} // namespace

Ontap::Ontap(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
             std::string svm_name, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), svm_name_(std::move(svm_name))
{}

Settling Ontap::settling(const Call& call)
{
    return {.call = call, .clock = api_.clock(), .after_error = [](const Error& error) {
                return is_worth_reading_again(error) ? Afterwards::look_again : Afterwards::give_up;
            }};
}

Result<ArrayInfo> Ontap::info(const Call& call)
{
    const auto cluster = api_.get(call, "/api/cluster", {{"fields", "**"}});
    if (!cluster)
        return cluster.error();
    const auto version = [&](std::string_view part) { return text_at(*cluster, fmt::format("version.{}", part)); };
    ArrayInfo info{"NetApp", "ONTAP", "",
                   fmt::format("{}.{}.{}", version("generation"), version("major"), version("minor"))};
    // An account of one SVM may not read the nodes; then the model stays unknown.
    if (const auto nodes = api_.get(call, "/api/cluster/nodes", {{"fields", "model"}}))
        if (const Json& records = rest::list_at(*nodes, "records"); !records.empty())
            info.model = text_at(records.front(), "model");
    return info;
}

// Every list is limited to one SVM, for names repeat between SVMs.
Result<Svm> Ontap::svm(const Call& call)
{
    const auto turn = choosing_svm_.enter(call);
    if (!turn)
        return turn.error();
    if (!svm_) {
        auto chosen = choose_svm(call);
        if (!chosen)
            return Error(chosen.error()).in("find the SVM");
        svm_ = std::move(*chosen);
    }
    return *svm_;
}

Result<Svm> Ontap::choose_svm(const Call& call)
{
    rest::Query query{{"fields", "name,uuid"}};
    if (!svm_name_.empty())
        query.emplace_back("name", literal(svm_name_));
    auto records = list(call, "/api/svm/svms", query);
    if (!records)
        return records.error();
    std::vector<Svm> svms;
    std::vector<std::string> names;
    for (const Json& record : *records) {
        Svm svm{text_at(record, "uuid"), text_at(record, "name")};
        if (svm.uuid.empty() || (!svm_name_.empty() && svm.name != svm_name_))
            continue;
        names.push_back(svm.name);
        svms.push_back(std::move(svm));
    }
    if (svms.size() == 1)
        return svms.front();
    const auto remedy = "set ONTAP_SVM to the SVM of the Trident backend";
    if (!svm_name_.empty())
        return Error{Errc::not_found, fmt::format("{}: no SVM is called '{}'", api_.rules().array, svm_name_), remedy};
    return Error{
        Errc::bad_request,
        fmt::format("{}: the account sees {} SVMs: {}", api_.rules().array, svms.size(), fmt::join(names, ", ")),
        remedy};
}

Ontap::Records Ontap::list(const Call& call, std::string_view path, rest::Query query, const Svm* svm)
{
    if (svm)
        query.emplace_back("svm.uuid", svm->uuid);
    auto records = rest::all_records(api_, call, rest::with_query(path, query), split_page);
    if (records && svm)
        std::erase_if(*records, [&](const Json& record) {
            const auto uuid = text_at(record, "svm.uuid");
            return !uuid.empty() && uuid != svm->uuid;
        });
    return records;
}

Result<Volume> Ontap::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto place = place_of(handle);
    if (!place)
        return place.error();
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    if (!place->svm.empty() && place->svm != svm->name)
        return Error{Errc::conflict,
                     fmt::format("wrong array or SVM configured: volume {} is in SVM '{}', ONTAP_SVM is '{}'",
                                 handle.handle, place->svm, svm->name),
                     "use the secret of the array the StorageClass belongs to"};
    auto records = look_for_lun(call, *svm, *place);
    if (!records)
        return Error(records.error()).in(fmt::format("find LUN {}", place->name));
    if (records->size() != 1)
        return Error{records->empty() ? Errc::not_found : Errc::conflict,
                     fmt::format("{}: {} LUNs are called {}{}{} in SVM '{}'", api_.rules().array, records->size(),
                                 place->name, place->folder.empty() ? "" : " or lie below ", place->folder, svm->name),
                     "check that STORAGE_HOSTNAME and ONTAP_SVM are those of the Trident backend"};
    auto lun = parse_lun(records->front());
    if (lun || !is(lun.error(), "no_serial"))
        return lun;
    // Some releases leave fields out of a search by name; the record itself has them (facts 8).
    const auto uuid = text_at(records->front(), "uuid");
    const auto full = api_.get(call, fmt::format("{}/{}", luns_path, rest::percent_encode(uuid)),
                               {{"fields", std::string(lun_fields)}});
    if (!full)
        return full.error();
    if (text_at(*full, "uuid") != uuid || text_at(*full, "name") != text_at(records->front(), "name"))
        return Error{Errc::failed, fmt::format("{}: asked for LUN {} the array answered with another one",
                                               api_.rules().array, place->name)};
    return parse_lun(*full);
}

Ontap::Records Ontap::look_for_lun(const Call& call, const Svm& svm, const LunPlace& place)
{
    const rest::Query fields{{"fields", std::string(lun_fields)}};
    const auto named = [&](const std::string& pattern, const auto& is_meant) {
        auto records = list(call, luns_path, {{"name", pattern}, fields.front()}, &svm);
        if (records)
            std::erase_if(*records, [&](const Json& lun) { return !is_meant(text_at(lun, "name")); });
        return records;
    };
    for (std::size_t look = 0;; ++look) {
        auto records = named(literal(place.name), [&](const std::string& name) { return name == place.name; });
        if (records && records->empty() && !place.folder.empty())
            records =
                named(place.folder + "*", [&](const std::string& name) { return name.starts_with(place.folder); });
        if (!records || !records->empty() || look == std::size(pauses_until_visible))
            return records;
        if (auto waited = api_.clock().wait(call, pauses_until_visible[look]); !waited)
            return waited.error().code == Errc::cancelled ? Records(waited.error()) : records;
    }
}

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
    std::optional<Json> igroup;
    std::vector<std::string> missing;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        auto found = find_igroup(call, *svm, kind->name);
        if (!found)
            return found.error();
        igroup = std::move(*found);
        if (!igroup)
            return std::optional<ArrayHost>();
        if (const auto os = text_at(*igroup, "os_type"); !os.empty() && os != "vmware")
            return Error{Errc::conflict, fmt::format("igroup {} has OS type {}", kind->name, os),
                         "delete or rename that igroup; one with OS type vmware is created"};
        const auto members = initiators_of(*igroup);
        missing = wanted;
        std::erase_if(missing, [&](const std::string& name) { return std::ranges::count(members, name) > 0; });
        if (!missing.empty())
            return std::optional<ArrayHost>();
        return std::optional(ArrayHost{text_at(*igroup, "uuid"), kind->name, wanted});
    };
    const auto change = [&]() -> Result<void> {
        if (igroup)
            return add_initiators(call, *igroup, missing);
        const Json body = {
            {"name", kind->name}, {"svm", {{"uuid", svm->uuid}}}, {"protocol", kind->protocol}, {"os_type", "vmware"}};
        const auto reply = api_.post(call, igroups_path, body, {{"return_records", "true"}});
        return reply ? Result<void>() : Error(reply.error()).in("create it");
    };
    auto ensured = settle<ArrayHost>(settling(call), look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("igroup {}", kind->name));
}

Result<std::optional<Json>> Ontap::find_igroup(const Call& call, const Svm& svm, std::string_view name)
{
    auto records =
        list(call, igroups_path,
             {{"name", literal(name)}, {"fields", "name,uuid,svm.uuid,protocol,os_type,initiators.name"}}, &svm);
    if (!records)
        return records.error();
    for (Json& record : *records)
        if (text_at(record, "name") == name && !text_at(record, "uuid").empty())
            return std::optional(std::move(record));
    return std::optional<Json>();
}

// One by one, so that a refusal names its initiator; the others are added all the same.
Result<void> Ontap::add_initiators(const Call& call, const Json& igroup, const std::vector<std::string>& missing)
{
    const auto path = fmt::format("{}/{}/initiators", igroups_path, rest::percent_encode(text_at(igroup, "uuid")));
    std::optional<Error> refused;
    for (const std::string& name : missing) {
        const auto reply = api_.post(call, path, {{"name", name}});
        if (reply || is(reply.error(), "ontap_5374035"))
            continue;
        auto error = Error(reply.error()).in(fmt::format("add initiator {}", name));
        if (is_worth_reading_again(error) || error.code == Errc::cancelled || error.code == Errc::timed_out)
            return error;
        if (refused)
            refused->message += "; " + error.message;
        else
            refused = std::move(error);
    }
    return refused ? Result<void>(*refused) : Result<void>();
}

Result<std::set<int>> Ontap::used_by(const Call& call, const ArrayHost& host)
{
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    const auto step = fmt::format("list the LUN numbers of igroup {}", host.name);
    const auto igroups = list(call, igroups_path, {{"fields", "name,uuid,svm.uuid,initiators.name"}}, &*svm);
    if (!igroups)
        return Error(igroups.error()).in(step);
    std::set<std::string> uuids{host.id};
    for (const Json& igroup : *igroups)
        if (share_an_initiator(initiators_of(igroup), host.initiator_ids))
            uuids.insert(text_at(igroup, "uuid"));
    std::set<int> numbers;
    for (const std::string& uuid : uuids) {
        const auto maps =
            list(call, maps_path, {{"igroup.uuid", literal(uuid)}, {"fields", "igroup,logical_unit_number"}}, &*svm);
        if (!maps)
            return Error(maps.error()).in(step);
        for (const Json& map : *maps)
            if (const auto number = rest::number_at(map, "logical_unit_number").value_or(-1);
                number >= 0 && number <= highest_lun_number)
                numbers.insert(static_cast<int>(number));
    }
    return numbers;
}

Result<std::vector<Mapping>> Ontap::mappings_of(const Call& call, const Volume& volume)
{
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    const auto step = fmt::format("list the maps of {}", volume.name);
    const auto records = list(
        call, maps_path, {{"lun.uuid", literal(volume.id)}, {"fields", "svm,lun,igroup,logical_unit_number"}}, &*svm);
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
            if (!igroup && igroup.error().code == Errc::not_found)
                continue; // gone in between, and its map with it
            if (!igroup)
                return Error(igroup.error()).in(step);
            mapping->host.initiator_ids = initiators_of(*igroup);
        }
        mappings.push_back(std::move(*mapping));
    }
    return mappings;
}

// ONTAP shows a LUN to an initiator only once, so a map through another igroup with one of the host's initiators is the
// one that counts.
Result<Mapping> Ontap::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    if (lun && (*lun < 0 || *lun > highest_lun_number))
        return Error{Errc::bad_request, fmt::format("LUN number {} is not between 0 and {}", *lun, highest_lun_number)};
    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    Json body = {{"svm", {{"uuid", svm->uuid}}}, {"lun", {{"uuid", volume.id}}}, {"igroup", {{"uuid", host.id}}}};
    if (lun)
        body["logical_unit_number"] = *lun;
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = api_.post(call, maps_path, body, {{"return_records", "true"}});
        if (!reply)
            return reply.error();
        const Json& records = rest::list_at(*reply, "records");
        auto made = records.empty() ? std::nullopt : parse_map(records.front(), *svm, volume.id);
        if (!made || !made->lun || made->host.id != host.id)
            return std::optional<Mapping>();
        return std::optional(Mapping{host, made->lun});
    };
    auto mapped = settle<Mapping>(settling(call), look, change);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map {} to igroup {}", volume.name, host.name));
}

Result<void> Ontap::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    const auto reply = api_.remove(call, fmt::format("{}/{}/{}", maps_path, volume.id, host.id));
    if (reply || is(reply.error(), "ontap_5374922"))
        return {};
    if (reply.error().code == Errc::not_found) { // gone, or merely looked for in the wrong SVM?
        const auto mappings = mappings_of(call, volume);
        if (mappings && std::ranges::none_of(*mappings, [&](const Mapping& one) { return one.host.id == host.id; }))
            return {};
    }
    return Error(reply.error()).in(fmt::format("unmap {} from igroup {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    ConfigCheck check(config, "NetApp ONTAP", "ontap");
    check.need_account();
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->headers.push_back({"X-Dot-Client-App", "xcopy"});
    rules->retry = {.first = 1000ms, .longest = 6000ms, .growth = 1.414}; // Trident's, facts 8
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(std::make_unique<Ontap>(transport, std::move(*rules),
                                                          rest::basic(config.username, config.password),
                                                          check.may_have("ONTAP_SVM"), clock));
}

} // namespace xcopy::ontap
