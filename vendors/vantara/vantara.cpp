#include "vendors/copying_driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Hitachi VSP by its Configuration Manager REST API, embedded or on a server of its own (facts/arrays/vantara.md). An ESXi host is a
// host group on each of several ports; the administrator makes them, we only make paths.
namespace xcopy::vantara {

using rest::Json;
using rest::text_at;
using Phase = ArrayCopyState::Phase;

namespace {

constexpr std::string_view objects = "/ConfigurationManager/v1/objects/";
constexpr int xcopy_options[] = {54, 63}; // host mode options without which the array refuses XCOPY
constexpr std::string_view exists = "vantara_B958/015A";
constexpr std::string_view absent = "vantara_absent";
constexpr std::string_view locked = "vantara_locked";
constexpr std::string_view run_again = "another program changes the array's configuration: run again";
constexpr std::string_view check_array = "check that the array's secret is that of the volume's array";

constexpr ErrorRow error_rows[] = {
    {"B958/015A", Errc::conflict, "the volume has a path to this host group already", "", exists},
    {"B958/0947", Errc::busy, "the LUN number is taken by another volume", ""},
    {"2E11/2205,2E11/2207,KART40050-E,KART40051-E,KART40052-E,EX_EACCES", Errc::busy, "the resource group is locked",
     run_again, locked},
    {"KART00003-E", Errc::busy, "the REST server is busy", run_again, locked},
    {"KART30013-E,EX_ENOOBJ", Errc::not_found, "no such object", check_array, absent},
    {"KART40038-E", Errc::bad_request, "the array does not support this parameter", "update its firmware"},
    {"2E30/600E", Errc::unsupported, "the pool cannot hold Thin Image pairs",
     "let hosts copy: DISABLE_RDM_METHOD=true"},
    {"2E11/8303", Errc::denied, "the account may not use this resource group", "give it those of the volume and ports"},
};

Error explained(const Json& error, int http_status) // of a reply or of a job
{
    ArrayWords words{text_at(error, "messageId"), text_at(error, "message")};
    if (const auto first = text_at(error, "errorCode.SSB1"); !first.empty())
        words.code = fmt::format("{}/{}", first, text_at(error, "errorCode.SSB2"));
    if (const auto name = first_match(words.message, "EX_EACCES|EX_ENOOBJ"); !name.empty())
        words.code = name;
    return explain(error_rows, "vantara", words, http_status);
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400 || reply.status == 401 || json == nullptr || text_at(*json, "message").empty())
        return std::nullopt;
    return explained(*json, reply.status);
}

// A host group belongs to one port: "CL1-A,1". An ArrayHost is several: "CL1-A,1;CL2-A,1".
using Groups = std::set<std::string>;
constexpr auto listed_form = R"(\s*(CL[\w-]{2,6})\s*,\s*0*(1?\d?\d|2[0-4]\d|25[0-4])\s*)"; // "CL1-A,1: CL2-B, 02"

bool is_group(std::string_view id)
{
    return parts_of(id, R"(CL[\w-]{2,6},(1?\d?\d|2[0-4]\d|25[0-4]))").has_value();
}

Groups groups_of(const ArrayHost& host) // empty where its id is none
{
    const auto groups = split(host.id, ';');
    return std::ranges::all_of(groups, is_group) ? Groups(groups.begin(), groups.end()) : Groups();
}

std::string group_in(const Json& record)
{
    const auto id = text_at(record, "hostGroupId");
    return id.empty() ? fmt::format("{},{}", text_at(record, "portId"), text_at(record, "hostGroupNumber")) : id;
}

struct Place { // "01--fc--900000041003--258--spc-1a2b3c4d5e"
    std::string storage;
    std::string ldev;
    std::string nickname;
};

Result<Place> place_of(const VolumeHandle& handle)
{
    const auto parts = parts_of(handle.handle, R"(01--(\w+)--(\d+)--(\d{1,5})--(.*))");
    if (!parts)
        return not_a_handle(handle, "Hitachi (01--fc--<storage id>--<LDEV>--<name>)", "hspc.csi.hitachi.com");
    if (parts->at(0) != "fc" && parts->at(0) != "iscsi")
        return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", handle.handle, parts->at(0)),
                     "use a StorageClass with connectionType fc or iscsi"};
    return Place{parts->at(1), std::to_string(std::stoi(parts->at(2))), parts->at(3)};
}

Result<Volume> parse_ldev(const Json& ldev)
{
    Volume volume{.id = text_at(ldev, "ldevId"), .name = text_at(ldev, "label")};
    volume.naa = "naa." + lower(text_at(ldev, "naaId"));
    if (text_at(ldev, "emulationType") == "NOT DEFINED") // answered with 200
        return about(volume, Errc::not_found, "it is not defined", check_array);
    if (const auto status = text_at(ldev, "status"); status != "NML")
        return about(volume, Errc::unavailable, "its status is " + status, "bring it to the status NML");
    for (const auto& attribute : rest::texts_at(ldev, "attributes"))
        if (is_listed(attribute, "CMD,POOL,SYSD,QRD"))
            return about(volume, Errc::unsupported, "it belongs to the array itself", "check the volume handle");
    if (text_at(ldev, "naaId").empty())
        return about(volume, Errc::unsupported, "this firmware does not say its NAA", "update the array's firmware");
    return proven(volume, rest::number_at(ldev, "blockCapacity").value_or(0) * 512, {"naa.60060e80"});
}

std::optional<int> lun_in(const Json& ldev, const Groups& groups) // of the first of these that it has a path to
{
    for (const auto& group : groups)
        for (const Json& path : rest::list_at(ldev, "ports"))
            if (const auto lun = number_in(path, "lun"); lun && group_in(path) == group)
                return lun;
    return std::nullopt;
}

// One mapping for the groups of one name: those of one host, on several ports.
std::vector<Mapping> parse_paths(const Json& ldev)
{
    std::map<std::string, Groups> by_name;
    for (const Json& path : rest::list_at(ldev, "ports"))
        by_name[text_at(path, "hostGroupName")].insert(group_in(path));
    std::vector<Mapping> mappings;
    mappings.reserve(by_name.size());
    for (const auto& [name, groups] : by_name)
        mappings.push_back(
            {{fmt::format("{}", fmt::join(groups, ";")), name, {groups.begin(), groups.end()}}, lun_in(ldev, groups)});
    return mappings;
}

ArrayCopyRecord parse_pair(const Json& pair)
{
    const auto status = text_at(pair, "status");
    // SMPP: complete, being removed
    ArrayCopyState state{Phase::running,
                         status == "SMPP" ? 100 : percent_at(pair, {"progressRate", "concordanceRate"})};
    if (is_listed(status, "PSUE,PFUL,PFUS"))
        state = {Phase::failed, state.percent, fmt::format("the pair's status is {}", status)};
    return {text_at(pair, "snapshotId"), status, state, text_at(pair, "pvolLdevId"), text_at(pair, "svolLdevId")};
}

struct Settings {
    std::string storage_id; // storageDeviceId or serial number; may be empty
    Groups groups;          // empty: found by the host's logins
    std::string copy_speed; // slower, medium, faster
};

class Vantara final : public CopyingDriver, public LunNumbers {
public:
    Vantara(Wiring wiring, Settings settings) : CopyingDriver(std::move(wiring)), settings_(std::move(settings)) {}

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(storage(call), [](const Json& one) {
            return ArrayInfo{"Hitachi", "Vantara", text_at(one, "model"), text_at(one, "dkcMicroVersion")};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle);
        const auto here = place ? storage(call) : place.error();
        if (!here)
            return here.error();
        if (text_at(*here, "storageDeviceId") != place->storage)
            return wrong_array("LDEV " + place->ldev, "array " + place->storage, text_at(*here, "storageDeviceId"));
        const auto record = in_step("find LDEV " + place->ldev, ldev(call, place->ldev));
        const auto volume = then(record, [&](const Json& one) { return in_step(array(), parse_ldev(one)); });
        return volume && !volume->name.empty() ? unless_renamed(*volume, place->nickname) : volume;
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        const auto names = spelled(host, &Initiator::plain);
        const auto groups = names ? in_step("look where the host is known", groups_with(call, *names)) : names.error();
        if (!groups)
            return groups.error();
        const auto& listed = settings_.groups;
        const auto where =
            listed.empty() ? "with a login" : fmt::format("of HOSTGROUP_ID_LIST ({})", fmt::join(listed, ":"));
        if (groups->empty())
            return error(Errc::not_found,
                         fmt::format("no host group {} holds an initiator of host {}", where, host.name),
                         "make a host group (host mode VMWARE_EX, options 54 and 63) for the ESXi host on each port "
                         "and name them in HOSTGROUP_ID_LIST",
                         "no_host");
        ArrayHost found{fmt::format("{}", fmt::join(*groups, ";")), host.name, *names};
        // A path names its group and nothing else.
        found.initiator_ids.insert(found.initiator_ids.end(), groups->begin(), groups->end());
        const auto modes = in_step("look at the host mode options", list(call, "host-groups"));
        return then(modes, [&](const Records& records) {
            for (const Json& one : records)
                for (const int option : xcopy_options)
                    if (groups->contains(group_in(one)) &&
                        std::ranges::count(rest::list_at(one, "hostModeOptions"), Json(option)) == 0)
                        found.warnings.push_back(fmt::format(
                            "host group {} lacks host mode option {}: ESXi will copy by itself, not the array",
                            group_in(one), option));
            return found;
        });
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 2047; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        return in_step("list the LUN numbers of " + host.name,
                       numbers_in(list_in(call, "luns", groups_of(host)), "lun"));
    }

    // Thin Image clones. The array removes the pair when it is complete.
    bool forgets_when_done() const override { return true; }

    // The LDEV's number stands at the end of its NAA; what the array says of that LDEV decides.
    Result<Volume> find_source(const Call& call, const DiskBacking& backing) override
    {
        const auto hex = naa_digits(backing, "60060e80", "a volume of a Hitachi array");
        if (!hex)
            return hex.error();
        const auto record = ldev(call, std::to_string(std::stoi(hex->substr(28), nullptr, 16)));
        auto volume = then(in_step("find the source's LDEV", record), parse_ldev);
        if (volume && volume->naa != "naa." + *hex)
            return error(Errc::not_found, fmt::format("LDEV {} is {}, not naa.{}", volume->id, volume->naa, *hex),
                         "the disk lies on another array: let a host copy it");
        return volume;
    }

    Result<void> check(const Call&, const ArrayCopy& copy) override { return check_equal_sizes(copy); }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        return !groups_of(host).empty() && is_digits(volume.id) && volume.id.size() <= 5;
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        return then(ldev(call, volume.id), parse_paths);
    }

    // connect() looks by itself; after a refusal only a path to each of the groups counts.
    Result<std::optional<Mapping>> reaching(const Call& call, const Volume& volume, const ArrayHost& host,
                                            bool in_doubt) override
    {
        return then(in_doubt ? ldev(call, volume.id) : rest::as_result(Json()), [&](const Json& now) {
            const auto groups = groups_of(host);
            const auto has_path = [&](const std::string& one) { return lun_in(now, {one}).has_value(); };
            return std::ranges::all_of(groups, has_path) ? std::optional(Mapping{host, lun_in(now, groups)})
                                                         : std::nullopt;
        });
    }

    // A path in each of the host's groups, all under one LUN number. Where some are there, the others get theirs.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        const auto groups = groups_of(host);
        if (const auto there = lun_in(*record, groups))
            lun = there;
        for (const auto& group : groups) {
            if (lun_in(*record, {group}))
                continue;
            const auto [port, number] = halves(group, ',');
            Json body = {{"ldevId", std::stoi(volume.id)}, {"portId", port}, {"hostGroupNumber", std::stoi(number)}};
            if (lun)
                body["lun"] = *lun;
            const auto made = change(call, rest::Method::post, "luns", body);
            if (!made && !is(made.error(), exists))
                return Error(made.error()).in("path to " + group);
            if (!made || !lun) // the next look says which number it has, and the others get the same
                return std::optional<Mapping>();
        }
        return std::optional(Mapping{host, lun});
    }

    // Exactly the paths of these groups. One that cannot be removed does not keep the others from it.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return then(ldev(call, volume.id), [&](const Json& now) {
            return try_each(groups_of(host), [&](const std::string& group) {
                const auto lun = lun_in(now, {group});
                const auto removed =
                    lun ? change(call, rest::Method::remove, fmt::format("luns/{},{}", group, *lun)) : Result<void>();
                return in_step("path to " + group, or_none(removed, absent));
            });
        });
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return then(ldev(call, volume.id), [&](const Json& now) { return !lun_in(now, groups_of(host)); });
    }

    Result<std::optional<ArrayCopyRecord>> record_of(const Call& call, const ArrayCopy& copy) override
    {
        const auto name = copy_name(copy, 32);
        const auto named = list(call, "snapshots", {{"snapshotGroupName", name}, {"pvolLdevId", copy.source.id}});
        const auto ours = kept(kept(named, "snapshotGroupName", name), "pvolLdevId", copy.source.id);
        return then(each(ours, parse_pair), first_of<ArrayCopyRecord>);
    }

    // A pair that failed goes first.
    Result<std::optional<ArrayCopyState>> begin(const Call& call, const ArrayCopy& copy,
                                                const std::optional<ArrayCopyRecord>& now) override
    {
        const auto cleared = now ? end(call, copy, *now) : Result<void>();
        const auto source = cleared ? ldev(call, copy.source.id) : cleared.error();
        const auto target = source ? ldev(call, copy.target.id) : source.error();
        if (!target)
            return target.error();
        Json body = {{"snapshotGroupName", copy_name(copy, 32)}, {"copySpeed", settings_.copy_speed}};
        body.update({{"pvolLdevId", std::stoi(copy.source.id)}, {"svolLdevId", std::stoi(copy.target.id)}});
        body.update({{"isClone", true}, {"clonesAutomation", true}});
        body["snapshotPoolId"] = rest::number_at(*source, "poolId").value_or(0);
        for (const auto& mode : {text_at(*source, "dataReductionMode"), text_at(*target, "dataReductionMode")})
            if (!mode.empty() && mode != "disabled")
                body["isDataReductionForceCopy"] = true;
        const auto started = change(call, rest::Method::post, "snapshots", body);
        return started ? Result<std::optional<ArrayCopyState>>(ArrayCopyState{Phase::running}) : started.error();
    }

    Result<void> end(const Call& call, const ArrayCopy&, const ArrayCopyRecord& pair) override
    {
        return change(call, rest::Method::remove, "snapshots/" + pair.id);
    }

private:
    Result<Records> list(const Call& call, std::string_view kind, const rest::Query& query = {})
    {
        return then(api_.get(call, fmt::format("{}{}", objects, kind), query),
                    [](const Json& reply) { return rest::records_at(reply, "data"); });
    }

    Result<Records> list_in(const Call& call, std::string_view kind, const Groups& groups)
    {
        return joined(groups, [&](const std::string& group) {
            const auto [port, number] = halves(group, ',');
            return list(call, kind, {{"portId", port}, {"hostGroupNumber", number}});
        });
    }

    // Every change is a job; some actions answer without one.
    Result<void> change(const Call& call, rest::Method method, std::string_view below, const Json& body = nullptr)
    {
        return repeat_while_locked(settling(call), locked, [&]() -> Result<void> {
            const auto reply = api_.ask(call, method, fmt::format("{}{}", objects, below), body);
            const auto id = reply ? text_at(reply->body, "jobId") : std::string();
            if (id.empty())
                return done(reply);
            const auto is_over = [](const Json& job) { return text_at(job, "status") == "Completed"; };
            const auto job = rest::await_job(api_, call, fmt::format("{}jobs/{}", objects, id), is_over, reply->body);
            if (!job || text_at(*job, "state") == "Succeeded")
                return done(job);
            const Json* why = rest::find(*job, "error");
            Error error{Errc::failed, "the array's job ended as " + text_at(*job, "state"),
                        "look at the job on the array"};
            return (why ? explained(*why, 500) : std::move(error)).in(fmt::format("{}: job {}", array(), id));
        });
    }

    Result<Json> storage(const Call& call)
    {
        return storage_.get(call, [&]() -> Result<Json> {
            const auto interface = api_.get(call, "/ConfigurationManager/configuration/version");
            const auto all = interface ? list(call, "storages") : interface.error();
            if (!all)
                return Error(all.error()).in("find out which array this is");
            if (const auto version = text_at(*interface, "apiVersion"); version_in(version) < std::vector{1, 9})
                return error(Errc::unsupported, fmt::format("REST API '{}' is too old", version),
                             "update the array's firmware to REST API 1.9");
            const auto& id = settings_.storage_id;
            for (const Json& one : *all)
                if (id.empty() || text_at(one, "storageDeviceId") == id || text_at(one, "serialNumber") == id)
                    return rest::as_result(one);
            return error(Errc::conflict, fmt::format("it is not array '{}'", id),
                         "check STORAGE_HOSTNAME and STORAGE_ID");
        });
    }

    Result<Json> ldev(const Call& call, const std::string& id)
    {
        return only(api_.get(call, fmt::format("{}ldevs/{}", objects, id)), {{"ldevId", id}}, "LDEV " + id);
    }

    // That hold one of these initiators: of those listed, for all ESXi hosts; or else, where one is logged in.
    Result<Groups> groups_with(const Call& call, const Spellings& names)
    {
        const auto& listed = settings_.groups;
        std::set<std::string_view> kinds;
        for (const auto& name : names)
            kinds.insert(is_hex(name) ? "host-wwns" : "host-iscsis");
        const auto members = listed.empty()
                                 ? joined(list(call, "ports", {{"detailInfoType", "logins"}}),
                                          [](const Json& port) { return rest::records_at(port, "logins"); })
                                 : joined(kinds, [&](std::string_view kind) { return list_in(call, kind, listed); });
        return then(members, [&](const Records& records) {
            Groups groups;
            for (const Json& one : records) {
                const auto group = group_in(one);
                // Group 0 is everybody's: a path there would show the volume to every host of the port.
                const bool usable = listed.empty() ? is_group(group) && !group.ends_with(",0") : listed.contains(group);
                const auto member = rest::first_text_at(one, {"hostWwn", "iscsiName", "loginWwn", "loginIscsiName"});
                if (usable && share_an_initiator(names, {lower(member)}))
                    groups.insert(group);
            }
            return groups;
        });
    }

    const Settings settings_;
    Learned<Json> storage_;
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "Hitachi VSP", "vantara");
    check.need_account();
    const auto speed = lower(check.may_have("COPY_SPEED", "(?:slower|medium|faster)", "slower, medium or faster"));
    Settings settings{.copy_speed = speed.empty() ? "medium" : speed};
    settings.storage_id = check.may_have("STORAGE_ID", R"(\d+)", "a storageDeviceId or a serial number");
    for (const auto& group :
         check.list("HOSTGROUP_ID_LIST", ':', listed_form, "port and host group number (CL1-A,1:CL2-B,2)"))
        settings.groups.insert(upper(group[0]) + "," + group[1]);
    auto rules = check.rules(check.number("STORAGE_PORT", 1, 65535, 443));
    if (rules) // where it is honoured, no polling is needed
        rules->headers.push_back({"Response-Job-Status", "Completed"});
    const auto login = rest::basic_header(config.username, config.password);
    auto session = rest::key_session({.path = std::string(objects) + "sessions",
                                      .body = "{}",
                                      .headers = {login},
                                      .key_field = "token",
                                      .header = "Authorization",
                                      .prefix = "Session ",
                                      .id_field = "sessionId", // 64 sessions are all an array has
                                      .secrets = {config.password, Secret(login.value.substr(6))}});
    return made<Vantara>(wire, std::move(rules), decode_error, rest::session(std::move(session)), clock,
                         std::move(settings));
}

} // namespace xcopy::vantara
