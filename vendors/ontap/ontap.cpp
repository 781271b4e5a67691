#include "vendors/ontap/ontap.hpp"

#include "vendors/ontap/errors.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace xcopy::ontap
{

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace
{

constexpr std::string_view luns_path = "/api/storage/luns";
constexpr std::string_view igroups_path = "/api/protocols/san/igroups";
constexpr std::string_view maps_path = "/api/protocols/san/lun-maps";

// A loaded array may not show a LUN for some seconds after it was made (facts 8).
constexpr std::array<std::chrono::milliseconds, 4> pauses_until_visible{250ms, 500ms, 1000ms, 2000ms};

// How often a step is looked at again after its reply was lost or another caller was faster.
constexpr int max_rounds = 3;

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

bool share_an_initiator(const std::vector<std::string>& some, const std::vector<std::string>& others)
{
    return std::ranges::find_first_of(some, others) != some.end();
}

bool is(const Error& error, std::string_view reason)
{
    return error.reason == reason;
}

// What another caller, or an earlier attempt of ours, has done already; or what may have been done: read again.
bool is_worth_reading_again(const Error& error)
{
    return error.code == Errc::indeterminate || is(error, igroup_exists) || is(error, igroup_missing) ||
           is(error, already_in_this_igroup) || is(error, initiator_sees_lun_twice);
}

} // namespace

Ontap::Ontap(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
             std::string svm_name, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), svm_name_(std::move(svm_name))
{
}

Result<ArrayInfo> Ontap::info(const Call& call)
{
    const auto cluster = api_.get(call, "/api/cluster", {{"fields", "**"}});
    if (!cluster)
        return cluster.error();
    ArrayInfo info = parse_cluster(*cluster);
    // An account of one SVM may not read the nodes; then the model stays unknown.
    if (const auto nodes = api_.get(call, "/api/cluster/nodes", {{"fields", "model"}}))
        if (const Json& records = rest::list_at(*nodes, "records"); !records.empty())
            info.model = text_at(records.front(), "model");
    return info;
}

// --- SVM: every list is limited to one, for names repeat between SVMs
// -------------------------------------------------

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
    std::string names;
    for (const Json& record : *records) {
        Svm svm{text_at(record, "uuid"), text_at(record, "name")};
        if (svm.uuid.empty() || (!svm_name_.empty() && svm.name != svm_name_))
            continue;
        names += (names.empty() ? "" : ", ") + svm.name;
        svms.push_back(std::move(svm));
    }
    if (svms.size() == 1)
        return svms.front();
    if (!svm_name_.empty())
        return Error{Errc::not_found, fmt::format("{}: no SVM is called '{}'", api_.rules().array, svm_name_),
                     "set ONTAP_SVM to the SVM of the Trident backend"};
    return Error{Errc::bad_request,
                 svms.empty() ? fmt::format("{}: the account sees no SVM", api_.rules().array)
                              : fmt::format("{}: the account sees several SVMs: {}", api_.rules().array, names),
                 "set ONTAP_SVM to the SVM of the Trident backend"};
}

Ontap::Records Ontap::list(const Call& call, std::string_view path, const rest::Query& query)
{
    return rest::all_records(api_, call, rest::with_query(path, query), split_page);
}

// --- volumes
// ----------------------------------------------------------------------------------------------------------

Result<Volume> Ontap::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto attribute = [&handle](const std::string& key) {
        const auto found = handle.attributes.find(key);
        return found == handle.attributes.end() ? std::string() : found->second;
    };
    if (attribute("protocol") == "file")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share, not a LUN", handle.handle),
                     "use a StorageClass of the driver ontap-san or ontap-san-economy"};

    LunPlace place;
    std::string volume; // when the LUN's own name is only a guess
    if (const auto id = attribute("internalID"); !id.empty()) {
        auto parsed = parse_internal_id(id);
        if (!parsed)
            return parsed.error();
        place = std::move(*parsed);
    } else {
        auto named = volume_of_internal_name(attribute("internalName"));
        if (!named)
            return Error(named.error()).in(fmt::format("volume {}", handle.handle));
        volume = std::move(*named);
        place.name = fmt::format("/vol/{}/lun0", volume);
    }

    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    if (!place.svm.empty() && place.svm != svm->name)
        return Error{Errc::conflict,
                     fmt::format("wrong array or SVM configured: volume {} is in SVM '{}', ONTAP_SVM is '{}'",
                                 handle.handle, place.svm, svm->name),
                     "use the secret of the array the StorageClass belongs to"};

    auto records = look_for_lun(call, *svm, place.name, volume);
    if (!records)
        return Error(records.error()).in(fmt::format("find LUN {}", place.name));
    if (records->empty())
        return Error{Errc::not_found,
                     fmt::format("{}: no LUN {} in SVM '{}'", api_.rules().array, place.name, svm->name),
                     "check that STORAGE_HOSTNAME and ONTAP_SVM are those of the Trident backend"};
    if (records->size() > 1)
        return Error{Errc::conflict, fmt::format("{}: {} LUNs in volume {} of SVM '{}', and none is lun0",
                                                 api_.rules().array, records->size(), volume, svm->name)};
    return read_lun(call, records->front());
}

// The LUN of that name; else, when `volume` is given, everything in that FlexVol (a LUN that Trident imported kept its
// own name).
Ontap::Records Ontap::look_for_lun(const Call& call, const Svm& svm, std::string_view name, std::string_view volume)
{
    for (std::size_t look = 0;; ++look) {
        auto records = luns_named(call, svm, literal(name));
        if (!records)
            return records;
        std::erase_if(*records, [&](const Json& lun) { return text_at(lun, "name") != name; });
        if (records->empty() && !volume.empty()) {
            const auto folder = fmt::format("/vol/{}/", volume);
            records = luns_named(call, svm, folder + "*");
            if (!records)
                return records;
            std::erase_if(*records, [&](const Json& lun) { return !text_at(lun, "name").starts_with(folder); });
        }
        if (!records->empty() || look == pauses_until_visible.size())
            return records;
        if (auto waited = api_.clock().wait(call, pauses_until_visible[look]); !waited)
            return waited.error().code == Errc::cancelled ? Records(waited.error()) : records;
    }
}

Ontap::Records Ontap::luns_named(const Call& call, const Svm& svm, std::string_view pattern)
{
    auto records = list(call, luns_path,
                        {{"svm.uuid", svm.uuid}, {"name", std::string(pattern)}, {"fields", std::string(lun_fields)}});
    if (records)
        std::erase_if(*records, [&](const Json& lun) {
            const auto uuid = text_at(lun, "svm.uuid");
            return !uuid.empty() && uuid != svm.uuid;
        });
    return records;
}

// Some releases leave fields out of a search by name; the record itself has them (facts 8).
Result<Volume> Ontap::read_lun(const Call& call, const Json& record)
{
    auto lun = parse_lun(record);
    if (lun || !is(lun.error(), "no_serial"))
        return lun;
    const auto full = api_.get(call, fmt::format("{}/{}", luns_path, rest::percent_encode(text_at(record, "uuid"))),
                               {{"fields", std::string(lun_fields)}});
    if (!full)
        return full.error();
    if (text_at(*full, "uuid") != text_at(record, "uuid") || text_at(*full, "name") != text_at(record, "name"))
        return Error{Errc::failed, fmt::format("{}: asked for LUN {} the array answered with another one",
                                               api_.rules().array, text_at(record, "name"))};
    return parse_lun(*full);
}

// --- hosts
// ------------------------------------------------------------------------------------------------------------

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

// --- mappings
// ---------------------------------------------------------------------------------------------------------

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

Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    const auto url = base_url(config.hostname);
    std::string problems;
    const auto complain = [&problems](std::string_view problem) {
        problems += (problems.empty() ? "" : "; ") + std::string(problem);
    };
    if (!url)
        complain(url.error().message);
    if (config.username.empty())
        complain("STORAGE_USERNAME is empty");
    if (config.password.empty())
        complain("STORAGE_PASSWORD is empty");
    if (!problems.empty())
        return Error{Errc::bad_request, "NetApp ONTAP: " + problems,
                     "complete the array's secret, see docs/arrays/ontap.md", "bad_array_config"};

    rest::ApiRules rules{.array = "NetApp ONTAP at " + url->substr(url->find("://") + 3),
                         .base_url = *url,
                         .tls = {.ca_file = config.ca_file, .skip_verification = config.skip_tls_verification},
                         .headers = {{"Accept", "application/json"}, {"X-Dot-Client-App", "xcopy"}},
                         .retry = {.first = 1000ms, .longest = 6000ms, .growth = 1.414}, // Trident's, facts 8
                         .max_concurrent = 20,
                         .decode_error = decode_error};
    return std::unique_ptr<Array>(std::make_unique<Ontap>(transport, std::move(rules),
                                                          rest::basic(config.username, config.password),
                                                          config.extra_or_empty("ONTAP_SVM"), clock));
}

} // namespace xcopy::ontap
