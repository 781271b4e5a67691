#include "vendors/ontap/ontap.hpp"

#include "vendors/driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// NetApp ONTAP 9.11.1 and newer, AFF, FAS, ASA and ASA r2 (facts/arrays/ontap.md).
namespace xcopy::ontap {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view give_role = "give the account of STORAGE_USERNAME the REST role in docs/arrays/ontap.md";
constexpr std::string_view check_account =
    "check STORAGE_USERNAME and STORAGE_PASSWORD, and that the account may use the http application";

constexpr ErrorRow rows[] = {
    {"401,6691623", Errc::denied, "the account is not accepted", check_account},
    {"6", Errc::denied, "the account's role does not allow this", give_role},
    {"4", Errc::not_found, "no such object", ""},
    {"1254207", Errc::conflict, "the LUN is already mapped to this igroup", ""},
    {"1254193", Errc::conflict, "the initiator would see the LUN twice",
     "it is mapped to another igroup with the same initiator; remove one of the two maps"},
    {"1254324", Errc::busy, "the initiator would see one LUN number twice", ""},
    {"1254201", Errc::not_found, "the LUN does not exist", ""},
    {"5374329", Errc::unsupported, "a LUN of class vvol cannot be mapped", ""},
    {"5374238", Errc::unsupported, "the LUN lives in a snapshot", "use a volume, not a snapshot, as target"},
    {"5374053,5374316", Errc::busy, "the LUN is being restored or moved", "run again when it is over"},
    {"5374573,5374574,5374581,5374582,5374583,5374584", Errc::conflict, "a node of the SVM has no LIF for the protocol",
     "give every node of the SVM a LIF of the host's protocol, or use another host"},
    {"2621462", Errc::not_found, "the SVM does not exist", "check ONTAP_SVM"},
    {"5374922", Errc::not_found, "there is no such map", ""},
    {"5374875,5374878", Errc::not_found, "the LUN or the igroup is gone, or belongs to another SVM",
     "run again; if it stays so, check ONTAP_SVM"},
    {"5374852", Errc::not_found, "the igroup is gone", "run again: it is created anew"},
    {"5374023", Errc::conflict, "an igroup of this name exists", ""},
    {"5374035", Errc::conflict, "the initiator is in this igroup already", ""},
    {"5373966", Errc::conflict, "the SVM serves NVMe and refuses igroups", "use an SVM that serves iSCSI or FC"},
    {"5376488", Errc::conflict, "an NVMe subsystem has the igroup's name", "rename the NVMe subsystem"},
    {"5374732,5374734", Errc::conflict, "the initiator is in an igroup of another OS type",
     "remove the initiator from igroups of another OS type, or set them to vmware"},
    {"5373969,5373971,5373972,5373982,5373983,5373992,5373993,5374038,5374039", Errc::bad_request,
     "the initiator's name is not valid",
     "check the initiator names the host reports (esxcli storage core adapter list)"},
};

constexpr std::string_view naa_prefix = "naa.600a0980"; // NetApp's OUI, ONTAP 9
constexpr std::size_t serial_length = 12;
constexpr std::size_t max_uuid = 84; // an igroup's name has 96 characters at most

constexpr std::string_view luns_path = "/api/storage/luns";
constexpr std::string_view igroups_path = "/api/protocols/san/igroups";
constexpr std::string_view maps_path = "/api/protocols/san/lun-maps";
constexpr auto lun_fields = "name,uuid,serial_number,class,space.size,status.state,svm.uuid"; // for parse_lun()

// A loaded array may not show a LUN for some seconds after it was made (facts 8).
constexpr std::chrono::milliseconds pauses_until_visible[] = {250ms, 500ms, 1000ms, 2000ms};

std::vector<std::string> initiators_of(const Json& igroup)
{
    auto names = rest::names_at(igroup, "initiators");
    std::ranges::transform(names, names.begin(), lower);
    return names;
}

class Ontap final : public Driver, public LunNumbers {
public:
    Ontap(Wiring wiring, std::string svm_name) : Driver(std::move(wiring)), svm_name_(std::move(svm_name)) {}

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(api_.get(call, "/api/cluster", {{"fields", "**"}}), [&](const Json& cluster) {
            const auto version = [&](const char* part) { return text_at(cluster, fmt::format("version.{}", part)); };
            // An account of one SVM may not read the nodes; then the model stays unknown.
            const auto nodes = api_.get(call, "/api/cluster/nodes", {{"fields", "model"}});
            const auto known = nodes ? rest::records_at(*nodes, "records") : std::vector<Json>();
            return ArrayInfo{"NetApp", "ONTAP", known.empty() ? "" : text_at(known.front(), "model"),
                             fmt::format("{}.{}.{}", version("generation"), version("major"), version("minor"))};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle);
        const auto svm = place ? this->svm(call) : place.error();
        if (!svm)
            return svm.error();
        if (!place->svm.empty() && place->svm != text_at(*svm, "name"))
            return wrong_array(handle.handle, "SVM " + place->svm, "SVM " + text_at(*svm, "name"));
        const auto records = in_step("find LUN " + place->name, look_for_lun(call, *place));
        if (!records)
            return records.error();
        if (records->size() != 1)
            return error(records->empty() ? Errc::not_found : Errc::conflict,
                         fmt::format("{} LUNs are called {}{}{} in SVM '{}'", records->size(), place->name,
                                     place->folder.empty() ? "" : " or lie below ", place->folder,
                                     text_at(*svm, "name")),
                         "check that STORAGE_HOSTNAME and ONTAP_SVM are those of the Trident backend");
        const auto& found = records->front();
        auto lun = parse_lun(found);
        if (lun || !is(lun.error(), "no_serial"))
            return lun;
        // Some releases leave fields out of a search by name; the record itself has them (facts 8).
        const auto full = api_.get(call, rest::below(luns_path, text_at(found, "uuid")), {{"fields", lun_fields}});
        const Fields same{{"uuid", text_at(found, "uuid")}, {"name", text_at(found, "name")}};
        return then(only(full, same, "LUN " + place->name), parse_lun);
    }

    // One igroup per host, never shared: ONTAP hands a freed LUN number out again at once, and a host that still remembers
    // the old device under that number reports that its UID has changed. A host with iSCSI and FC gets one mixed igroup,
    // not two: each igroup has LUN numbers of its own, and ESXi joins paths into one device only if the number is the same.
    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        const auto wanted = igroup_for(host);
        const auto svm = wanted ? this->svm(call) : wanted.error();
        if (!svm)
            return svm.error();
        std::optional<Json> igroup;
        std::vector<std::string> missing;
        const auto look = [&]() -> Result<std::optional<ArrayHost>> {
            const auto found = find_igroup(call, wanted->name);
            igroup = found ? *found : std::nullopt;
            if (!igroup)
                return then(found, [](const auto&) { return std::optional<ArrayHost>(); });
            if (const auto os = text_at(*igroup, "os_type"); !os.empty() && os != "vmware")
                return Error{Errc::conflict, fmt::format("igroup {} has OS type {}", wanted->name, os),
                             "delete or rename that igroup; one with OS type vmware is created"};
            const auto members = initiators_of(*igroup);
            missing = wanted->initiators;
            std::erase_if(missing, [&](const std::string& name) { return std::ranges::count(members, name) > 0; });
            const ArrayHost ours{text_at(*igroup, "uuid"), wanted->name, wanted->initiators};
            return missing.empty() ? std::optional(ours) : std::nullopt;
        };
        const auto change = [&]() -> Result<void> {
            if (igroup)
                return add_initiators(call, *igroup, missing);
            Json body = {{"name", wanted->name}, {"protocol", wanted->protocol}, {"os_type", "vmware"}};
            body["svm"]["uuid"] = text_at(*svm, "uuid");
            return done(in_step("create it", api_.post(call, igroups_path, body, {{"return_records", "true"}})));
        };
        return in_step(fmt::format("igroup {}", wanted->name), settle<ArrayHost>(settling(call), look, change));
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 4095; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto igroups = list(call, igroups_path, {{"fields", "name,uuid,svm.uuid,initiators.name"}});
        const auto numbers = then(igroups, [&](const Records& all) {
            std::set<std::string> uuids{host.id};
            for (const Json& igroup : all)
                if (share_an_initiator(initiators_of(igroup), host.initiator_ids))
                    uuids.insert(text_at(igroup, "uuid"));
            const auto maps = joined(uuids, [&](const std::string& uuid) {
                return list(call, maps_path,
                            {{"igroup.uuid", literal(uuid)}, {"fields", "igroup,logical_unit_number"}});
            });
            return numbers_in(maps, "logical_unit_number");
        });
        return in_step(fmt::format("list the LUN numbers of igroup {}", host.name), numbers);
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
                api_.get(call, rest::below(igroups_path, mapping->host.id), {{"fields", "name,uuid,initiators.name"}});
            if (!igroup && is_not_found(igroup.error()))
                return std::optional<Mapping>(); // gone in between, and its map with it
            return then(igroup, [&](const Json& holder) {
                mapping->host.initiator_ids = initiators_of(holder);
                return mapping;
            });
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
        const auto svm_uuid = text_at(*svm, "uuid");
        Json body = {{"svm", {{"uuid", svm_uuid}}}, {"lun", {{"uuid", volume.id}}}, {"igroup", {{"uuid", host.id}}}};
        if (lun)
            body["logical_unit_number"] = *lun;
        return then(api_.post(call, maps_path, body, {{"return_records", "true"}}), [&](const Json& reply) {
            const auto records = rest::records_at(reply, "records");
            const auto made = records.empty() ? std::nullopt : parse_map(records.front(), volume.id, svm_uuid);
            const bool proves = made && made->lun && made->host.id == host.id;
            return proves ? std::optional(Mapping{host, made->lun}) : std::nullopt;
        });
    }

    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return done(api_.remove(call, fmt::format("{}/{}/{}", maps_path, volume.id, host.id)));
    }

    Afterwards after_error(const Error& error) const override
    {
        const bool look =
            is_one_of(error, {"ontap_1254207", "ontap_1254193", "ontap_5374023", "ontap_5374035", "ontap_5374852"});
        return look ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    Result<Json> svm(const Call& call)
    {
        return svm_.get(call, [&] { return in_step("find the SVM", choose_svm(call)); });
    }

    Result<Json> choose_svm(const Call& call)
    {
        rest::Query query{{"fields", "name,uuid"}};
        if (!svm_name_.empty())
            query.emplace_back("name", literal(svm_name_));
        const auto svms = kept(all(call, "/api/svm/svms", query), [&](const Json& one) {
            return !text_at(one, "uuid").empty() && (svm_name_.empty() || text_at(one, "name") == svm_name_);
        });
        if (svms && svms->size() == 1)
            return rest::as_result(svms->front());
        const auto names = each(svms, [](const Json& one) { return text_at(one, "name"); });
        if (!names)
            return names.error();
        const auto remedy = "set ONTAP_SVM to the SVM of the Trident backend";
        if (!svm_name_.empty())
            return error(Errc::not_found, fmt::format("no SVM is called '{}'", svm_name_), remedy);
        return error(Errc::bad_request,
                     fmt::format("the account sees {} SVMs: {}", names->size(), fmt::join(*names, ", ")), remedy);
    }

    Result<Records> all(const Call& call, std::string_view path, const rest::Query& query)
    {
        return rest::all_records(api_, call, rest::with_query(path, query),
                                 rest::linked_pages("records", "_links.next.href"));
    }

    // Every list but that of the SVMs is limited to one of them, for names repeat between SVMs.
    Result<Records> list(const Call& call, std::string_view path, rest::Query query)
    {
        return then(svm(call), [&](const Json& svm) {
            query.emplace_back("svm.uuid", text_at(svm, "uuid"));
            return kept(all(call, path, query), [&](const Json& record) {
                const auto uuid = text_at(record, "svm.uuid");
                return uuid.empty() || uuid == text_at(svm, "uuid");
            });
        });
    }

    Result<Records> look_for_lun(const Call& call, const LunPlace& place)
    {
        const auto named = [&](const std::string& pattern, const auto& is_meant) {
            return kept(list(call, luns_path, {{"name", pattern}, {"fields", lun_fields}}),
                        [&](const Json& lun) { return is_meant(text_at(lun, "name")); });
        };
        return look_until_shown(call, api_.clock(), pauses_until_visible, [&] {
            auto records = named(literal(place.name), [&](const auto& name) { return name == place.name; });
            if (!records || !records->empty() || place.folder.empty())
                return records;
            return named(place.folder + "*", [&](const auto& name) { return name.starts_with(place.folder); });
        });
    }

    Result<std::optional<Json>> find_igroup(const Call& call, std::string_view name)
    {
        const auto igroups =
            list(call, igroups_path,
                 {{"name", literal(name)}, {"fields", "name,uuid,svm.uuid,protocol,os_type,initiators.name"}});
        const auto usable = [](const Json& one) { return !text_at(one, "uuid").empty(); };
        return then(kept(kept(igroups, "name", name), usable), first_of<Json>);
    }

    // One by one, so that a refusal names its initiator; the others are added all the same.
    Result<void> add_initiators(const Call& call, const Json& igroup, const std::vector<std::string>& missing)
    {
        const auto path = rest::below(igroups_path, text_at(igroup, "uuid")) + "/initiators";
        const auto add = [&](const std::string& name) {
            const auto reply = api_.post(call, path, {{"name", name}});
            const bool is_member = reply || is(reply.error(), "ontap_5374035");
            return is_member ? Result<void>() : Error(reply.error()).in("add initiator " + name);
        };
        return try_each(missing, add, [&](const Error& error) {
            return after_error(error) == Afterwards::look_again || error.code == Errc::cancelled ||
                   error.code == Errc::timed_out;
        });
    }

    const std::string svm_name_;
    Learned<Json> svm_;
};

} // namespace

std::string literal(std::string_view value)
{
    if (value.find_first_of("*|,!<>{}\" ") == std::string_view::npos && value.find("..") == std::string_view::npos)
        return std::string(value);
    return value.find('"') == std::string_view::npos ? fmt::format("\"{}\"", value) : fmt::format("{{{}}}", value);
}

Result<LunPlace> place_of(const VolumeHandle& handle)
{
    if (handle.attribute("protocol") == "file")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share, not a LUN", handle.handle),
                     "use a StorageClass of the driver ontap-san or ontap-san-economy"};
    const auto id = handle.attribute("internalID");
    if (id.empty()) {
        const auto name = handle.attribute("internalName");
        if (!parts_of(name, R"(\w+)"))
            return Error{Errc::bad_request,
                         fmt::format("volume {}: internalName '{}' is not the name of a FlexVol", handle.handle, name),
                         "the PersistentVolume must have been made by Trident (csi.trident.netapp.io)"};
        return LunPlace{"", fmt::format("/vol/{}/lun0", name), fmt::format("/vol/{}/", name)};
    }
    const auto part = parts_of(id, "/svm/([^/]+)/(?:flexvol/([^/]+)/)?lun/([^/]+)"); // without flexvol on ASA r2
    if (!part)
        return Error{Errc::unsupported,
                     fmt::format("internalID '{}' names no LUN (expected /svm/…/flexvol/…/lun/… or /svm/…/lun/…)", id),
                     "only volumes of the drivers ontap-san and ontap-san-economy over iSCSI or FC can be copied to"};
    const auto &volume = part->at(1), &lun = part->at(2);
    return LunPlace{part->at(0), volume.empty() ? lun : fmt::format("/vol/{}/{}", volume, lun), ""};
}

Result<Volume> parse_lun(const Json& record)
{
    Volume lun{
        .id = text_at(record, "uuid"), .name = text_at(record, "name"), .serial = text_at(record, "serial_number")};
    lun.naa = fmt::format("{}{}", naa_prefix, hex_of(lun.serial));
    if (const auto kind = text_at(record, "class"); !kind.empty() && kind != "regular")
        return about(lun, Errc::unsupported, fmt::format("class {} cannot be mapped", kind),
                     "use a volume of the driver ontap-san or ontap-san-economy");
    if (const auto state = text_at(record, "status.state"); !state.empty() && state != "online")
        return about(lun, Errc::unavailable, "it is " + state, "bring the LUN online");
    if (lun.serial.empty())
        return about(lun, Errc::unavailable, "the array gave no serial number", "run again", "no_serial");
    if (lun.serial.size() != serial_length)
        return about(lun, Errc::failed,
                     fmt::format("serial number '{}' is not {} characters long", lun.serial, serial_length));
    return proven(lun, rest::number_at(record, "space.size").value_or(0), {naa_prefix});
}

std::optional<Mapping> parse_map(const Json& record, std::string_view lun_uuid, std::string_view svm_uuid)
{
    const auto svm = text_at(record, "svm.uuid");
    const Json* igroup = rest::find(record, "igroup");
    if (text_at(record, "lun.uuid") != lun_uuid || (!svm.empty() && !svm_uuid.empty() && svm != svm_uuid) ||
        igroup == nullptr || text_at(*igroup, "uuid").empty())
        return std::nullopt;
    return Mapping{{text_at(*igroup, "uuid"), text_at(*igroup, "name"), initiators_of(*igroup)},
                   number_in(record, "logical_unit_number")};
}

Result<Igroup> igroup_for(const HostIdentity& host)
{
    const bool iscsi = has_kind(host.initiators, Initiator::Kind::iscsi);
    const bool fc = has_kind(host.initiators, Initiator::Kind::fc);
    const std::string protocol = iscsi && fc ? "mixed" : iscsi ? "iscsi" : "fcp";
    const auto names = spelled(host, &Initiator::with_colons);
    if (names && !is_plain_name(host.uuid, max_uuid))
        return Error{Errc::bad_request,
                     fmt::format("host {}: UUID '{}' cannot be part of an igroup's name", host.name, host.uuid)};
    const auto name = fmt::format("xcopy-{}-{}", host.uuid, protocol);
    return then(names, [&](const Spellings& initiators) { return Igroup{name, protocol, initiators}; });
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    const Json* found = json != nullptr ? rest::find(*json, "error") : nullptr;
    const Json error = found != nullptr ? *found : Json();
    if (reply.status != 401 && !error.is_object())
        return std::nullopt;
    const auto code = reply.status == 401 ? "401" : text_at(error, "code"); // 401 whatever code it comes with
    return explain(rows, "ontap", {code, text_at(error, "message")}, reply.status);
}

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "NetApp ONTAP", "ontap");
    check.need_account();
    auto rules = check.rules();
    if (rules) {
        rules->headers.push_back({"X-Dot-Client-App", "xcopy"});
        rules->retry = {.first = 1s, .longest = 6s, .growth = 1.414}; // Trident's, facts 8
    }
    return made<Ontap>(wire, std::move(rules), decode_error, rest::basic(config.username, config.password), clock,
                       check.may_have("ONTAP_SVM"));
}

} // namespace xcopy::ontap
