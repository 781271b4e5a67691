#include "vendors/copying_driver.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Hitachi VSP by its Configuration Manager REST API, embedded or on a server of its own (facts/arrays/vantara.md). An ESXi host is a
// host group on each of several ports; the administrator makes them, we only make paths.
namespace xcopy::vantara {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;
using Phase = ArrayCopyState::Phase;

namespace {

constexpr std::string_view root = "/ConfigurationManager/";
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
    {"2E30/600E", Errc::unsupported, "the pool cannot hold a Thin Image pair",
     "let a host copy it: DISABLE_RDM_METHOD=true"},
    {"2E11/8303", Errc::denied, "the account may not use this resource group",
     "give it the volume's and the ports' resource groups"},
};

ArrayWords words_in(const Json& error)
{
    ArrayWords words{text_at(error, "messageId"), text_at(error, "message")};
    if (const auto first = text_at(error, "errorCode.SSB1"); !first.empty())
        words.code = fmt::format("{}/{}", first, text_at(error, "errorCode.SSB2"));
    for (std::string_view name : {"EX_EACCES", "EX_ENOOBJ"})
        if (words.message.find(name) != std::string::npos)
            words.code = name;
    return words;
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400 || reply.status == 401 || json == nullptr || text_at(*json, "message").empty())
        return std::nullopt;
    return explain(error_rows, "vantara", words_in(*json), reply.status);
}

Error job_error(const Json& job) // of a job that is over and did not succeed
{
    if (const Json* error = rest::find(job, "error"))
        return explain(error_rows, "vantara", words_in(*error), 500);
    return {Errc::failed, "the array's job ended as " + text_at(job, "state"), "look at the job on the array"};
}

// A host group belongs to one port: "CL1-A,1". An ArrayHost is several: "CL1-A,1;CL2-A,1".
using Groups = std::vector<std::string>;

bool is_group(std::string_view id)
{
    const auto parts = parts_of(id, R"(CL[\w-]{2,6},(\d{1,3}))");
    return parts && *to_int(parts->front()) <= 254;
}

Groups groups_of(const ArrayHost& host) // empty where its id is none
{
    auto groups = split(host.id, ';');
    return std::ranges::all_of(groups, is_group) ? groups : Groups();
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
    const auto naa = lower(text_at(ldev, "naaId"));
    volume.naa = "naa." + naa;
    if (text_at(ldev, "emulationType") == "NOT DEFINED") // answered with 200
        return about(volume, Errc::not_found, "it is not defined", check_array);
    if (const auto status = text_at(ldev, "status"); status != "NML")
        return about(volume, Errc::unavailable, "its status is " + status, "bring it to the status NML");
    for (const auto& attribute : rest::texts_at(ldev, "attributes"))
        if (attribute == "CMD" || attribute == "POOL" || attribute == "SYSD" || attribute == "QRD")
            return about(volume, Errc::unsupported, "it belongs to the array itself", "check the volume handle");
    if (naa.empty())
        return about(volume, Errc::unsupported, "this firmware does not say its NAA", "update the array's firmware");
    return proven(volume, rest::number_at(ldev, "blockCapacity").value_or(0) * 512, {"naa.60060e80"});
}

std::optional<int> lun_in(const Json& ldev, const std::string& group)
{
    for (const Json& path : rest::list_at(ldev, "ports"))
        if (group_in(path) == group)
            return number_in(path, "lun");
    return std::nullopt;
}

struct Paths { // of a volume to the groups of a host
    std::optional<int> number;
    Groups missing;
};

Paths paths_of(const Json& ldev, const ArrayHost& host)
{
    Paths paths;
    for (const auto& group : groups_of(host))
        if (const auto lun = lun_in(ldev, group))
            paths.number = lun;
        else
            paths.missing.push_back(group);
    return paths;
}

// One mapping for the groups of one name: those of one host, on several ports.
std::vector<Mapping> parse_paths(const Json& ldev)
{
    std::map<std::string, Groups> by_name;
    for (const Json& path : rest::list_at(ldev, "ports"))
        by_name[text_at(path, "hostGroupName")].push_back(group_in(path));
    std::vector<Mapping> mappings;
    for (auto& [name, groups] : by_name) {
        std::ranges::sort(groups);
        mappings.push_back({{fmt::format("{}", fmt::join(groups, ";")), name, groups}, lun_in(ldev, groups.front())});
    }
    return mappings;
}

std::string pair_name(const ArrayCopy& copy)
{
    return own_name(copy.id, 32);
}

ArrayCopyRecord parse_pair(const Json& pair)
{
    const auto status = text_at(pair, "status");
    const auto rate =
        rest::number_at(pair, "progressRate").value_or(rest::number_at(pair, "concordanceRate").value_or(0));
    const int percent = static_cast<int>(std::clamp<std::int64_t>(rate, 0, 100));
    ArrayCopyRecord record{text_at(pair, "snapshotId"),
                           status,
                           {Phase::running, percent}, // "258,3"
                           text_at(pair, "pvolLdevId"),
                           text_at(pair, "svolLdevId")};
    if (status == "PSUE" || status == "PFUL" || status == "PFUS")
        record.state = {Phase::failed, percent, fmt::format("the pair's status is {}", status)};
    else if (status == "SMPP") // complete, being removed
        record.state.percent = 100;
    return record;
}

bool is_reduced(const Json& ldev)
{
    const auto mode = text_at(ldev, "dataReductionMode");
    return !mode.empty() && mode != "disabled";
}

struct Settings {
    std::string storage_id; // storageDeviceId or serial number; may be empty
    Groups groups;          // empty: found by the host's logins
    std::string copy_speed; // slower, medium, faster
};

Groups listed_groups(ConfigCheck& check) // "CL1-A,1: CL2-B,2"
{
    Groups groups;
    const auto list = check.may_have("HOSTGROUP_ID_LIST");
    for (const auto& item : list.empty() ? Groups() : split(list, ':')) {
        const auto [port, number] = halves(item, ',');
        const auto group = fmt::format("{},{}", upper(trim(port)), to_int(trim(number)).value_or(-1));
        if (!is_group(group))
            check.complain(
                fmt::format("HOSTGROUP_ID_LIST: '{}' is no port and host group number (CL1-A,1:CL2-B,2)", item));
        else if (std::ranges::count(groups, group) == 0)
            groups.push_back(group);
    }
    return groups;
}

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
        if (!place)
            return place.error();
        const auto here = storage(call);
        if (!here)
            return here.error();
        if (text_at(*here, "storageDeviceId") != place->storage)
            return wrong_array("LDEV " + place->ldev, "array " + place->storage, text_at(*here, "storageDeviceId"));
        const auto record = in_step("find LDEV " + place->ldev, ldev(call, place->ldev));
        if (!record)
            return record.error();
        const auto volume = in_step(array(), parse_ldev(*record));
        return volume && !volume->name.empty() ? unless_renamed(*volume, place->nickname) : volume;
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        const auto members = in_step("look where the host is known", this->members(call, host));
        if (!members)
            return members.error();
        std::vector<std::string> names;
        std::ranges::transform(host.initiators, std::back_inserter(names), &Initiator::plain);
        const auto& listed = settings_.groups; // one list for all ESXi hosts: only this one's are used
        std::set<std::string> groups;
        for (const Json& one : *members) {
            const auto group = group_in(one);
            // Group 0 is everybody's: a path there would show the volume to every host of the port.
            const bool usable =
                listed.empty() ? is_group(group) && !group.ends_with(",0") : std::ranges::count(listed, group) > 0;
            for (const char* field : {"hostWwn", "iscsiName", "loginWwn", "loginIscsiName"})
                if (usable && std::ranges::count(names, lower(text_at(one, field))) > 0)
                    groups.insert(group);
        }
        const auto where =
            listed.empty() ? "with a login" : fmt::format("of HOSTGROUP_ID_LIST ({})", fmt::join(listed, ":"));
        if (groups.empty())
            return error(Errc::not_found,
                         fmt::format("no host group {} holds an initiator of host {}", where, host.name),
                         "make a host group (host mode VMWARE_EX, options 54 and 63) for the ESXi host on each port "
                         "and name them in HOSTGROUP_ID_LIST",
                         "no_host");
        names.insert(names.end(), groups.begin(), groups.end()); // a path names its group and nothing else
        return then(warnings_of(call, groups), [&](const std::vector<std::string>& warnings) {
            return ArrayHost{fmt::format("{}", fmt::join(groups, ";")), host.name, names, warnings};
        });
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 2047; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto paths =
            joined(groups_of(host), [&](const std::string& group) { return list(call, "luns", of(group)); });
        return in_step("list the LUN numbers of " + host.name, numbers_in(paths, "lun"));
    }

    // Thin Image clones. The array removes the pair when it is complete.
    bool forgets_when_done() const override { return true; }

    // The LDEV's number stands at the end of its NAA; what the array says of that LDEV decides.
    Result<Volume> find_source(const Call& call, const DiskBacking& backing) override
    {
        const auto hex = hex_in(backing);
        if (hex.size() != 32 || !hex.starts_with("60060e80"))
            return Error{Errc::not_found, fmt::format("'{}' is not a volume of a Hitachi array", backing.id),
                         "let a host copy it"};
        const auto record = ldev(call, std::to_string(std::stoi(hex.substr(28), nullptr, 16)));
        const auto volume = then(in_step("find the source's LDEV", record), parse_ldev);
        if (volume && volume->naa != "naa." + hex)
            return error(Errc::not_found, fmt::format("LDEV {} is {}, not naa.{}", volume->id, volume->naa, hex),
                         "the disk lies on another array: let a host copy it");
        return volume;
    }

    Result<void> check(const Call&, const ArrayCopy& copy) override
    {
        return check_equal_sizes(copy, fmt::format("make the PersistentVolume {} bytes large, or let a host copy it",
                                                   copy.source.size_bytes));
    }

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
            const auto paths = paths_of(now, host);
            return paths.missing.empty() ? std::optional(Mapping{host, paths.number}) : std::nullopt;
        });
    }

    // A path in each of the host's groups, all under one LUN number. Where some are there, the others get theirs.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        const auto paths = paths_of(*record, host);
        const auto number = paths.number ? paths.number : lun;
        for (const auto& group : paths.missing) {
            const auto [port, group_number] = halves(group, ',');
            Json body = {
                {"ldevId", std::stoi(volume.id)}, {"portId", port}, {"hostGroupNumber", std::stoi(group_number)}};
            if (number)
                body["lun"] = *number;
            const auto job = change(call, rest::Method::post, "luns", body);
            if (!job && !is(job.error(), exists))
                return Error(job.error()).in("path to " + group);
            if (!job || !number) // the next look says which number it has, and the others get the same
                return std::optional<Mapping>();
        }
        return std::optional(Mapping{host, number});
    }

    // Exactly the paths of these groups. One that cannot be removed does not keep the others from it.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        Result<void> outcome;
        for (const auto& group : groups_of(host))
            if (const auto lun = lun_in(*record, group)) {
                const auto job = change(call, rest::Method::remove, fmt::format("luns/{},{}", group, *lun));
                if (!job && !is(job.error(), absent) && outcome)
                    outcome = Error(job.error()).in("path to " + group);
            }
        return outcome;
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return then(ldev(call, volume.id), [&](const Json& now) { return !paths_of(now, host).number; });
    }

    Result<std::optional<ArrayCopyRecord>> record_of(const Call& call, const ArrayCopy& copy) override
    {
        const rest::Query pair{{"snapshotGroupName", pair_name(copy)}, {"pvolLdevId", copy.source.id}};
        const auto pairs = each(list(call, "snapshots", pair), [&](const Json& one) {
            const bool ours =
                text_at(one, "snapshotGroupName") == pair_name(copy) && text_at(one, "pvolLdevId") == copy.source.id;
            return ours ? std::optional(parse_pair(one)) : std::nullopt;
        });
        return then(pairs, [](const std::vector<ArrayCopyRecord>& all) {
            return all.empty() ? std::optional<ArrayCopyRecord>() : std::optional(all.front());
        });
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
        Json body = {{"snapshotGroupName", pair_name(copy)},
                     {"snapshotPoolId", rest::number_at(*source, "poolId").value_or(0)},
                     {"pvolLdevId", std::stoi(copy.source.id)},
                     {"svolLdevId", std::stoi(copy.target.id)},
                     {"isClone", true},
                     {"clonesAutomation", true},
                     {"copySpeed", settings_.copy_speed}};
        if (is_reduced(*source) || is_reduced(*target))
            body["isDataReductionForceCopy"] = true;
        return then(change(call, rest::Method::post, "snapshots", body),
                    [](const Json&) { return std::optional(ArrayCopyState{Phase::running}); });
    }

    bool has_ended(const std::optional<ArrayCopyRecord>& now) const override { return !now; }

    Result<void> end(const Call& call, const ArrayCopy&, const ArrayCopyRecord& pair) override
    {
        return done(change(call, rest::Method::remove, "snapshots/" + pair.id));
    }

private:
    static rest::Query of(const std::string& group)
    {
        const auto [port, number] = halves(group, ',');
        return {{"portId", port}, {"hostGroupNumber", number}};
    }

    Result<std::vector<Json>> list(const Call& call, std::string_view kind, const rest::Query& query = {})
    {
        return then(api_.get(call, fmt::format("{}{}", objects, kind), query),
                    [](const Json& reply) { return rest::records_at(reply, "data"); });
    }

    // Every change is a job.
    Result<Json> change(const Call& call, rest::Method method, std::string_view below, const Json& body = nullptr)
    {
        return repeat_while_locked(settling(call), locked, [&]() -> Result<Json> {
            return then(api_.ask(call, method, fmt::format("{}{}", objects, below), body),
                        [&](const rest::Answer& answer) { return await(call, answer.body); });
        });
    }

    Result<Json> await(const Call& call, const Json& job)
    {
        const auto id = text_at(job, "jobId");
        const auto is_over = [](const Json& now) { return text_at(now, "status") == "Completed"; };
        if (!id.empty() && !is_over(job)) // some actions answer without a job
            return then(rest::await_job(api_, call, fmt::format("{}jobs/{}", objects, id), is_over),
                        [&](const Json& ended) { return await(call, ended); });
        if (id.empty() || text_at(job, "state") == "Succeeded")
            return rest::as_result(job);
        return job_error(job).in(fmt::format("{}: job {}", array(), id));
    }

    Result<Json> storage(const Call& call)
    {
        return storage_.get(call, [&]() -> Result<Json> {
            const auto interface = api_.get(call, fmt::format("{}configuration/version", root));
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

    Result<Json> ldev(const Call& call, std::string_view id)
    {
        auto reply = api_.get(call, fmt::format("{}ldevs/{}", objects, id));
        return reply && text_at(*reply, "ldevId") != id ? answered_another(fmt::format("LDEV {}", id)) : reply;
    }

    // Who is in which group: in the listed ones, or else who is logged in where.
    Result<std::vector<Json>> members(const Call& call, const HostIdentity& host)
    {
        const auto of_kind = [&](Initiator::Kind kind, std::string_view members) {
            const bool has = std::ranges::count(host.initiators, kind, &Initiator::kind) > 0;
            return joined(has ? settings_.groups : Groups(),
                          [&](const std::string& group) { return list(call, members, of(group)); });
        };
        if (!settings_.groups.empty())
            return joined(
                std::vector{of_kind(Initiator::Kind::fc, "host-wwns"), of_kind(Initiator::Kind::iscsi, "host-iscsis")},
                std::identity());
        return then(list(call, "ports", {{"detailInfoType", "logins"}}), [](const std::vector<Json>& ports) {
            return joined(ports, [](const Json& port) { return rest::records_at(port, "logins"); });
        });
    }

    Result<std::vector<std::string>> warnings_of(const Call& call, const std::set<std::string>& groups)
    {
        const auto all = in_step("look at the host mode options", list(call, "host-groups"));
        return then(all, [&](const std::vector<Json>& records) {
            std::vector<std::string> warnings;
            for (const Json& one : records)
                for (const int option : xcopy_options)
                    if (groups.contains(group_in(one)) &&
                        std::ranges::count(rest::list_at(one, "hostModeOptions"), Json(option)) == 0)
                        warnings.push_back(fmt::format(
                            "host group {} lacks host mode option {}: ESXi will copy by itself, not the array",
                            group_in(one), option));
            return warnings;
        });
    }

    const Settings settings_;
    Learned<Json> storage_;
};

} // namespace

} // namespace xcopy::vantara

namespace xcopy {

Result<std::unique_ptr<Array>> make_vantara(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "Hitachi VSP", "vantara");
    check.need_account();
    const auto speed = lower(check.may_have("COPY_SPEED", "(?:slower|medium|faster)", "slower, medium or faster"));
    vantara::Settings settings{.storage_id =
                                   check.may_have("STORAGE_ID", R"(\d+)", "a storageDeviceId or a serial number"),
                               .groups = vantara::listed_groups(check),
                               .copy_speed = speed.empty() ? "medium" : speed};
    auto rules = check.rules(check.number("STORAGE_PORT", 1, 65535, 443));
    if (rules) // where it is honoured, no polling is needed
        rules->headers.push_back({"Response-Job-Status", "Completed"});
    const auto login = rest::basic_header(config.username, config.password);
    auto session = rest::key_session({.path = std::string(vantara::objects) + "sessions",
                                      .body = "{}",
                                      .headers = {login},
                                      .key_field = "token",
                                      .header = "Authorization",
                                      .prefix = "Session ",
                                      .id_field = "sessionId", // 64 sessions are all an array has
                                      .secrets = {config.password, Secret(login.value.substr(6))}});
    return made<vantara::Vantara>(wire, std::move(rules), vantara::decode_error, rest::session(std::move(session)),
                                  clock, std::move(settings));
}

} // namespace xcopy
