#include "vendors/driver.hpp"
#include "vendors/ontap/parse.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// NetApp ONTAP 9.11.1 and newer, AFF, FAS, ASA and ASA r2 (facts/arrays/ontap.md).
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

class Ontap final : public Driver, public LunNumbers {
public:
    Ontap(Wiring wiring, std::string svm_name) : Driver(std::move(wiring)), svm_name_(std::move(svm_name)) {}

    Result<ArrayInfo> info(const Call& call) override
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

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle);
        if (!place)
            return place.error();
        const auto svm = this->svm(call);
        if (!svm)
            return svm.error();
        if (!place->svm.empty() && place->svm != svm->name)
            return wrong_array(handle.handle, "SVM " + place->svm, "SVM " + svm->name);
        auto records = look_for_lun(call, *place);
        if (!records)
            return Error(records.error()).in(fmt::format("find LUN {}", place->name));
        if (records->size() != 1)
            return error(records->empty() ? Errc::not_found : Errc::conflict,
                         fmt::format("{} LUNs are called {}{}{} in SVM '{}'", records->size(), place->name,
                                     place->folder.empty() ? "" : " or lie below ", place->folder, svm->name),
                         "check that STORAGE_HOSTNAME and ONTAP_SVM are those of the Trident backend");
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
            return answered_another("LUN " + place->name);
        return parse_lun(*full);
    }

    // One igroup per host, never shared: ONTAP hands a freed LUN number out again at once, and a host that still remembers
    // the old device under that number reports that its UID has changed. A host with iSCSI and FC gets one mixed igroup,
    // not two: each igroup has LUN numbers of its own, and ESXi joins paths into one device only if the number is the same.
    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
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
            auto found = find_igroup(call, kind->name);
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
            const Json body = {{"name", kind->name},
                               {"svm", {{"uuid", svm->uuid}}},
                               {"protocol", kind->protocol},
                               {"os_type", "vmware"}};
            return done(in_step("create it", api_.post(call, igroups_path, body, {{"return_records", "true"}})));
        };
        return in_step(fmt::format("igroup {}", kind->name), settle<ArrayHost>(settling(call), look, change));
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return highest_lun_number; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto step = fmt::format("list the LUN numbers of igroup {}", host.name);
        const auto igroups =
            in_step(step, list(call, igroups_path, {{"fields", "name,uuid,svm.uuid,initiators.name"}}));
        if (!igroups)
            return igroups.error();
        std::set<std::string> uuids{host.id};
        for (const Json& igroup : *igroups)
            if (share_an_initiator(initiators_of(igroup), host.initiator_ids))
                uuids.insert(text_at(igroup, "uuid"));
        const auto maps = joined(uuids, [&](const std::string& uuid) {
            return list(call, maps_path, {{"igroup.uuid", literal(uuid)}, {"fields", "igroup,logical_unit_number"}});
        });
        return in_step(step, numbers_in(maps, "logical_unit_number"));
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override // an empty one would address a collection
    {
        return is_uuid(volume.id) && is_uuid(host.id);
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto records =
            list(call, maps_path, {{"lun.uuid", literal(volume.id)}, {"fields", "svm,lun,igroup,logical_unit_number"}});
        return each(records, [&](const Json& record) -> Result<std::optional<Mapping>> {
            auto mapping = parse_map(record, volume.id);
            if (!mapping || !mapping->host.initiator_ids.empty())
                return mapping;
            // Not every release lists initiators in a map.
            const auto igroup =
                api_.get(call, fmt::format("{}/{}", igroups_path, rest::percent_encode(mapping->host.id)),
                         {{"fields", "name,uuid,initiators.name"}});
            if (!igroup && igroup.error().code == Errc::not_found)
                return std::optional<Mapping>(); // gone in between, and its map with it
            if (!igroup)
                return igroup.error();
            mapping->host.initiator_ids = initiators_of(*igroup);
            return mapping;
        });
    }

    // ONTAP shows a LUN to an initiator only once, so a map through another igroup with one of the host's initiators is
    // the one that counts.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto svm = this->svm(call);
        if (!svm)
            return svm.error();
        Json body = {{"svm", {{"uuid", svm->uuid}}}, {"lun", {{"uuid", volume.id}}}, {"igroup", {{"uuid", host.id}}}};
        if (lun)
            body["logical_unit_number"] = *lun;
        const auto reply = api_.post(call, maps_path, body, {{"return_records", "true"}});
        if (!reply)
            return reply.error();
        const auto records = rest::records_at(*reply, "records");
        const auto made = records.empty() ? std::nullopt : parse_map(records.front(), volume.id, svm->uuid);
        return made && made->lun && made->host.id == host.id ? std::optional(Mapping{host, made->lun}) : std::nullopt;
    }

    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return done(api_.remove(call, fmt::format("{}/{}/{}", maps_path, volume.id, host.id)));
    }

    Afterwards after_error(const Error& error) const override { return afterwards(error); }

private:
    Result<Svm> svm(const Call& call)
    {
        return svm_.get(call, [&] { return in_step("find the SVM", choose_svm(call)); });
    }

    Result<Svm> choose_svm(const Call& call)
    {
        rest::Query query{{"fields", "name,uuid"}};
        if (!svm_name_.empty())
            query.emplace_back("name", literal(svm_name_));
        const auto svms = each(all(call, "/api/svm/svms", query), [&](const Json& record) {
            Svm one{text_at(record, "uuid"), text_at(record, "name")};
            const bool meant = !one.uuid.empty() && (svm_name_.empty() || one.name == svm_name_);
            return meant ? std::optional(std::move(one)) : std::nullopt;
        });
        if (!svms)
            return svms.error();
        if (svms->size() == 1)
            return svms->front();
        std::vector<std::string> names;
        std::ranges::transform(*svms, std::back_inserter(names), &Svm::name);
        const auto remedy = "set ONTAP_SVM to the SVM of the Trident backend";
        if (!svm_name_.empty())
            return error(Errc::not_found, fmt::format("no SVM is called '{}'", svm_name_), remedy);
        return error(Errc::bad_request,
                     fmt::format("the account sees {} SVMs: {}", svms->size(), fmt::join(names, ", ")), remedy);
    }

    Result<std::vector<Json>> all(const Call& call, std::string_view path, const rest::Query& query)
    {
        return rest::all_records(api_, call, rest::with_query(path, query), split_page);
    }

    // Every list but that of the SVMs is limited to one of them, for names repeat between SVMs.
    Result<std::vector<Json>> list(const Call& call, std::string_view path, rest::Query query)
    {
        const auto svm = this->svm(call);
        if (!svm)
            return svm.error();
        query.emplace_back("svm.uuid", svm->uuid);
        return each(all(call, path, query), [&](const Json& record) {
            const auto uuid = text_at(record, "svm.uuid");
            return uuid.empty() || uuid == svm->uuid ? std::optional(record) : std::nullopt;
        });
    }

    Result<std::vector<Json>> look_for_lun(const Call& call, const LunPlace& place)
    {
        const rest::Query fields{{"fields", std::string(lun_fields)}};
        const auto named = [&](const std::string& pattern, const auto& is_meant) {
            auto records = list(call, luns_path, {{"name", pattern}, fields.front()});
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
                return waited.error().code == Errc::cancelled ? Result<std::vector<Json>>(waited.error()) : records;
        }
    }

    Result<std::optional<Json>> find_igroup(const Call& call, std::string_view name)
    {
        const rest::Query query{{"name", literal(name)},
                                {"fields", "name,uuid,svm.uuid,protocol,os_type,initiators.name"}};
        return then(list(call, igroups_path, query), [&](const std::vector<Json>& records) {
            const auto found = std::ranges::find_if(records, [&](const Json& record) {
                return text_at(record, "name") == name && !text_at(record, "uuid").empty();
            });
            return found == records.end() ? std::nullopt : std::optional(*found);
        });
    }

    // One by one, so that a refusal names its initiator; the others are added all the same.
    Result<void> add_initiators(const Call& call, const Json& igroup, const std::vector<std::string>& missing)
    {
        const auto path = fmt::format("{}/{}/initiators", igroups_path, rest::percent_encode(text_at(igroup, "uuid")));
        std::optional<Error> refused;
        for (const std::string& name : missing) {
            const auto reply = api_.post(call, path, {{"name", name}});
            if (reply || is(reply.error(), "ontap_5374035"))
                continue;
            auto error = Error(reply.error()).in(fmt::format("add initiator {}", name));
            if (afterwards(error) == Afterwards::look_again || error.code == Errc::cancelled ||
                error.code == Errc::timed_out)
                return error;
            if (refused)
                refused->message += "; " + error.message;
            else
                refused = std::move(error);
        }
        return refused ? Result<void>(*refused) : Result<void>();
    }

    const std::string svm_name_;
    Learned<Svm> svm_;
};

} // namespace

} // namespace xcopy::ontap

namespace xcopy {

using namespace std::chrono_literals;

Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "NetApp ONTAP", "ontap");
    check.need_account();
    auto rules = check.rules();
    if (rules) {
        rules->headers.push_back({"X-Dot-Client-App", "xcopy"});
        rules->retry = {.first = 1s, .longest = 6s, .growth = 1.414}; // Trident's, facts 8
    }
    return made<ontap::Ontap>(wire, std::move(rules), ontap::decode_error,
                              rest::basic(config.username, config.password), clock, check.may_have("ONTAP_SVM"));
}

} // namespace xcopy
