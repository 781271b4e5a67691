#include "vendors/driver.hpp"
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
    {"B957/4184", Errc::unsupported, "the port holds as many WWNs as it can", "remove WWNs that are not used"},
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

struct HostGroup { // of one port: "CL1-A,1"
    std::string port;
    int number = 0;

    std::string id() const { return fmt::format("{},{}", port, number); }
    auto operator<=>(const HostGroup&) const = default;
};

HostGroup group_in(const Json& record)
{
    return {text_at(record, "portId"), static_cast<int>(rest::number_at(record, "hostGroupNumber").value_or(-1))};
}

std::optional<HostGroup> parse_group(std::string_view text)
{
    const auto [port, number] = halves(text, ',');
    const HostGroup group{upper(trim(port)), to_int(trim(number)).value_or(-1)};
    const bool is_port = group.port.size() >= 4 && group.port.starts_with("CL") && is_plain_name(group.port, 8);
    const bool is_number = group.number >= 0 && group.number <= 254;
    return is_port && is_number ? std::optional(group) : std::nullopt;
}

using Groups = std::vector<HostGroup>;

// HOSTGROUP_ID_LIST: "CL1-A,1:CL2-B,2". What is no group goes to `bad`.
Groups parse_groups(std::string_view list, char separator, std::vector<std::string>& bad)
{
    Groups groups;
    for (const auto& item : split(list, separator))
        if (const auto group = parse_group(item); !group)
            bad.push_back("'" + item + "'");
        else if (std::ranges::count(groups, *group) == 0)
            groups.push_back(*group);
    return groups;
}

// The id of an ArrayHost: "CL1-A,1;CL2-B,2".
std::string id_of(const Groups& groups)
{
    std::string id;
    for (const HostGroup& group : groups)
        id += (id.empty() ? "" : ";") + group.id();
    return id;
}

Groups groups_of(std::string_view id) // empty where the id is none
{
    std::vector<std::string> bad;
    auto groups = parse_groups(id, ';', bad);
    return bad.empty() ? groups : Groups();
}

struct Place { // "01--fc--900000041003--258--spc-1a2b3c4d5e"
    std::string storage;
    std::string ldev;
    std::string nickname;
};

Result<Place> place_of(const VolumeHandle& handle)
{
    std::vector<std::string> parts;
    for (std::string_view rest = handle.handle; parts.size() < 5;) {
        const auto end = parts.size() == 4 ? std::string_view::npos : rest.find("--");
        parts.emplace_back(rest.substr(0, end));
        if (end == std::string_view::npos)
            break;
        rest.remove_prefix(end + 2);
    }
    if (parts.size() != 5 || parts[0] != "01" || !is_digits(parts[2]) || !is_digits(parts[3]) || parts[3].size() > 5)
        return not_a_handle(handle, "Hitachi (01--fc--<storage id>--<LDEV>--<name>)", "hspc.csi.hitachi.com");
    if (parts[1] != "fc" && parts[1] != "iscsi")
        return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", handle.handle, parts[1]),
                     "use a StorageClass with connectionType fc or iscsi"};
    return Place{parts[2], std::to_string(std::stoi(parts[3])), parts[4]};
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

std::optional<int> lun_in(const Json& ldev, const HostGroup& group)
{
    for (const Json& path : rest::list_at(ldev, "ports"))
        if (group_in(path) == group)
            return number_in(path, "lun");
    return std::nullopt;
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
        Mapping mapping{{id_of(groups), name}, lun_in(ldev, groups.front())};
        std::ranges::transform(groups, std::back_inserter(mapping.host.initiator_ids), &HostGroup::id);
        mappings.push_back(std::move(mapping));
    }
    return mappings;
}

// The last part of ".../luns/CL1-A,1,5".
std::optional<int> lun_made(const Json& job)
{
    for (const auto& resource : rest::texts_at(job, "affectedResources"))
        if (const auto parts = split(resource, ','); parts.size() == 3 && is_digits(parts[2]) && parts[2].size() < 6)
            return std::stoi(parts[2]);
    return std::nullopt;
}

std::string pair_name(const ArrayCopy& copy) // 32 characters at most
{
    std::string job = lower(copy.id);
    std::erase_if(job, [](char c) { return !is_hex(std::string_view(&c, 1)); });
    return "xcopy-" + job.substr(job.size() - std::min<std::size_t>(job.size(), 26));
}

bool is_reduced(const Json& ldev)
{
    const auto mode = text_at(ldev, "dataReductionMode");
    return !mode.empty() && mode != "disabled";
}

struct SignInSteps {
    std::string user;
    Secret password;
    std::string session_id{};

    Result<std::vector<rest::Header>> open(const Call& call, const rest::Send& send)
    {
        const auto version = rest::sign_in_step(call, send, {.url = "/ConfigurationManager/configuration/version"});
        if (!version)
            return version.error();
        const auto json = rest::parse_json(version->body);
        const auto number = json ? text_at(*json, "apiVersion") : std::string();
        if (number.empty())
            return Error{Errc::unavailable, "the array did not say the version of its REST API"};
        const auto parts = split(number + ".0", '.');
        const int major = to_int(parts[0]).value_or(0);
        if (major < 1 || (major == 1 && to_int(parts[1]).value_or(0) < 9))
            return Error{Errc::unsupported, fmt::format("REST API {} is too old", number),
                         "update the array's firmware to REST API 1.9"};
        const auto reply = rest::sign_in_step(call, send,
                                              {.method = rest::Method::post,
                                               .url = std::string(objects) + "sessions",
                                               .headers = {rest::basic_header(user, password)},
                                               .body = "{}"});
        if (!reply)
            return reply.error();
        if (const auto session = rest::parse_json(reply->body))
            session_id = text_at(*session, "sessionId");
        return rest::from_reply_field(*reply, "token", "Authorization", "Session ");
    }

    std::optional<rest::Request> close() const // 64 sessions are all an array has
    {
        if (!is_digits(session_id))
            return std::nullopt;
        return rest::Request{.method = rest::Method::remove, .url = fmt::format("{}sessions/{}", objects, session_id)};
    }
};

struct Settings {
    std::string storage_id;            // storageDeviceId or serial number; may be empty
    Groups groups;                     // empty: found by the host's logins
    std::string copy_speed = "medium"; // slower, medium, faster
};

class Vantara final : public Driver, public LunNumbers, public VolumeCopier {
public:
    Vantara(rest::Transport& wire, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in, rest::Clock& clock,
            Settings settings)
        : Driver(wire, std::move(rules), std::move(sign_in), clock), settings_(std::move(settings))
    {}

    Result<ArrayInfo> info(const Call& call) override
    {
        const auto one = storage(call);
        if (!one)
            return one.error();
        return ArrayInfo{"Hitachi", "Vantara", text_at(*one, "model"), text_at(*one, "dkcMicroVersion")};
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
        const auto record = ldev(call, place->ldev);
        if (!record)
            return Error(record.error()).in("find LDEV " + place->ldev);
        auto volume = parse_ldev(*record);
        if (!volume)
            return Error(volume.error()).in(array());
        // LDEV numbers are given out again; the label shows that this is still the PersistentVolume's.
        if (!volume->name.empty() && volume->name != place->nickname)
            return error(
                Errc::conflict,
                fmt::format("LDEV {} is called '{}', the handle says '{}'", volume->id, volume->name, place->nickname),
                "the volume was replaced or renamed: look at it on the array");
        return volume;
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        std::vector<std::string> names;
        for (const Initiator& one : host.initiators)
            names.push_back(one.plain());
        Groups groups;
        for (const HostGroup& group : settings_.groups) { // one list for all ESXi hosts: only this one's are used
            const auto holds = holds_one(call, group, host, names);
            if (!holds)
                return holds.error();
            if (*holds)
                groups.push_back(group);
        }
        if (settings_.groups.empty()) {
            auto found = groups_by_login(call, names);
            if (!found)
                return found.error();
            groups = std::move(*found);
        }
        if (groups.empty())
            return error(Errc::not_found,
                         fmt::format("no host group {} holds an initiator of host {}",
                                     settings_.groups.empty()
                                         ? "with a login"
                                         : "of HOSTGROUP_ID_LIST (" + id_of(settings_.groups) + ")",
                                     host.name),
                         "make a host group (host mode VMWARE_EX, options 54 and 63) for the ESXi host on each port "
                         "and name them in HOSTGROUP_ID_LIST",
                         "no_host");
        std::ranges::sort(groups);
        auto warnings = warnings_of(call, groups);
        if (!warnings)
            return warnings.error();
        ArrayHost found{id_of(groups), host.name, std::move(names), std::move(*warnings)};
        for (const HostGroup& group : groups) // a path names its group and nothing else
            found.initiator_ids.push_back(group.id());
        return found;
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 2047; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        std::set<int> numbers;
        for (const HostGroup& group : groups_of(host.id)) {
            const auto paths = list(call, "luns", of(group));
            if (!paths)
                return Error(paths.error()).in("list the LUN numbers of " + group.id());
            numbers.merge(numbers_in(*paths, "lun"));
        }
        return numbers;
    }

    // Thin Image clones. The array removes the pair when it is complete.
    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    bool forgets_when_done() const override { return true; }
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; }

    // The LDEV's number stands at the end of its NAA; what the array says of that LDEV decides.
    Result<Volume> find_source(const Call& call, const DiskBacking& backing) override
    {
        const auto hex = hex_in(backing);
        if (hex.size() != 32 || !hex.starts_with("60060e80"))
            return Error{Errc::not_found, fmt::format("'{}' is not a volume of a Hitachi array", backing.id),
                         "let a host copy it"};
        const auto record = ldev(call, std::to_string(std::stoi(hex.substr(28), nullptr, 16)));
        if (!record)
            return Error(record.error()).in("find the source's LDEV");
        auto volume = parse_ldev(*record);
        if (volume && volume->naa != "naa." + hex)
            return error(Errc::not_found, fmt::format("LDEV {} is {}, not naa.{}", volume->id, volume->naa, hex),
                         "the disk lies on another array: let a host copy it");
        return volume;
    }

    Result<void> check(const Call&, const ArrayCopy& copy) override
    {
        if (auto sizes = check_sizes(copy); !sizes)
            return sizes;
        if (copy.source.size_bytes != copy.target.size_bytes)
            return Error{
                Errc::unsupported,
                fmt::format("Thin Image copies between equal volumes only: {} and {} bytes", copy.source.size_bytes,
                            copy.target.size_bytes),
                fmt::format("make the PersistentVolume {} bytes large, or let a host copy it", copy.source.size_bytes)};
        return {};
    }

    Result<ArrayCopyState> look(const Call& call, const ArrayCopy& copy) override
    {
        const auto pair = pair_of(call, copy);
        if (!pair)
            return pair.error();
        if (!*pair)
            return ArrayCopyState{};
        const auto status = text_at(**pair, "status");
        const auto rate =
            rest::number_at(**pair, "progressRate").value_or(rest::number_at(**pair, "concordanceRate").value_or(0));
        const int percent = static_cast<int>(std::clamp<std::int64_t>(rate, 0, 100));
        if (status == "PSUE" || status == "PFUL" || status == "PFUS")
            return ArrayCopyState{Phase::failed, percent, fmt::format("the pair's status is {}", status)};
        return ArrayCopyState{Phase::running, status == "SMPP" ? 100 : percent, {}}; // SMPP: complete, being removed
    }

    Result<ArrayCopyState> start(const Call& call, const ArrayCopy& copy) override
    {
        bool asked = false;
        const auto look_again = [&]() -> Result<std::optional<ArrayCopyState>> {
            const auto now = look(call, copy);
            if (!now)
                return now.error();
            if (now->phase == Phase::failed && !asked)
                if (auto cleared = cancel(call, copy); !cleared)
                    return cleared.error();
            return now->phase == Phase::running ? std::optional(*now) : std::optional<ArrayCopyState>();
        };
        const auto begin = [&]() -> Result<std::optional<ArrayCopyState>> {
            asked = true;
            const auto source = ldev(call, copy.source.id);
            const auto target = ldev(call, copy.target.id);
            if (!source || !target)
                return (source ? target : source).error();
            Json body = {{"snapshotGroupName", pair_name(copy)},
                         {"snapshotPoolId", rest::number_at(*source, "poolId").value_or(0)},
                         {"pvolLdevId", std::stoi(copy.source.id)},
                         {"svolLdevId", std::stoi(copy.target.id)},
                         {"isClone", true},
                         {"clonesAutomation", true},
                         {"copySpeed", settings_.copy_speed}};
            if (is_reduced(*source) || is_reduced(*target))
                body["isDataReductionForceCopy"] = true;
            const auto job = change(call, rest::Method::post, "snapshots", body);
            if (!job)
                return job.error();
            return std::optional(ArrayCopyState{.phase = Phase::running});
        };
        auto started = settle<ArrayCopyState>({.call = call, .clock = api_.clock()}, look_again, begin);
        return started ? started
                       : Error(started.error()).in(fmt::format("clone LDEV {} to {}", copy.source.id, copy.target.id));
    }

    Result<void> cancel(const Call& call, const ArrayCopy& copy) override
    {
        const auto is_gone = [&]() -> Result<bool> {
            const auto pair = pair_of(call, copy);
            return pair ? Result<bool>(!*pair) : pair.error();
        };
        const auto remove = [&]() -> Result<void> {
            const auto pair = pair_of(call, copy);
            if (!pair)
                return pair.error();
            if (!*pair)
                return {};
            const auto id = text_at(**pair, "snapshotId"); // "258,3"
            const auto job = change(call, rest::Method::remove, "snapshots/" + id);
            return job ? Result<void>() : job.error();
        };
        auto ended = settle_removal({.call = call, .clock = api_.clock()}, is_gone, remove);
        return ended ? ended : Error(ended.error()).in(fmt::format("end the clone of LDEV {}", copy.source.id));
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        return !groups_of(host.id).empty() && is_digits(volume.id) && volume.id.size() <= 5;
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto record = ldev(call, volume.id);
        return record ? Result<std::vector<Mapping>>(parse_paths(*record)) : record.error();
    }

    // connect() looks by itself; after a refusal only a path to each of the groups counts.
    Result<std::optional<Mapping>> reaching(const Call& call, const Volume& volume, const ArrayHost& host,
                                            bool in_doubt) override
    {
        const auto record = in_doubt ? ldev(call, volume.id) : rest::as_result(Json::object());
        if (!record)
            return record.error();
        std::optional<int> number;
        for (const HostGroup& group : groups_of(host.id))
            if (number = lun_in(*record, group); !number)
                return std::optional<Mapping>();
        return std::optional(Mapping{host, number});
    }

    // A path in each of the host's groups, all under one LUN number. Where some are there, the others get theirs.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        Groups missing = groups_of(host.id);
        std::optional<int> number;
        std::erase_if(missing, [&](const HostGroup& group) {
            const auto there = lun_in(*record, group);
            number = there ? there : number;
            return there.has_value();
        });
        for (const HostGroup& group : missing) {
            Json body = {{"ldevId", std::stoi(volume.id)}, {"portId", group.port}, {"hostGroupNumber", group.number}};
            if (const auto wanted = number ? number : lun)
                body["lun"] = *wanted;
            const auto job = change(call, rest::Method::post, "luns", body);
            if (!job && is(job.error(), exists))
                return std::optional<Mapping>(); // by another caller: a look says under which number
            if (!job)
                return Error(job.error()).in("path to " + group.id());
            number = number ? number : lun_made(*job);
            if (!number) // the array does not say which; the others must get the same
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
        for (const HostGroup& group : groups_of(host.id))
            if (const auto lun = lun_in(*record, group)) {
                const auto job = change(call, rest::Method::remove, fmt::format("luns/{},{}", group.id(), *lun));
                if (!job && !is(job.error(), absent) && outcome)
                    outcome = Error(job.error()).in("path to " + group.id());
            }
        return outcome;
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        return std::ranges::none_of(groups_of(host.id),
                                    [&](const HostGroup& group) { return lun_in(*record, group).has_value(); });
    }

private:
    static rest::Query of(const HostGroup& group)
    {
        return {{"portId", group.port}, {"hostGroupNumber", std::to_string(group.number)}};
    }

    Result<std::vector<Json>> list(const Call& call, std::string_view kind, const rest::Query& query = {})
    {
        const auto reply = api_.get(call, fmt::format("{}{}", objects, kind), query);
        return reply ? Result<std::vector<Json>>(rest::records_at(*reply, "data")) : reply.error();
    }

    // Every change is a job.
    Result<Json> change(const Call& call, rest::Method method, std::string_view below, const Json& body = nullptr)
    {
        return repeat_while_locked(settling(call), locked, [&]() -> Result<Json> {
            auto answer = api_.ask(call, method, fmt::format("{}{}", objects, below), body);
            return answer ? await(call, std::move(answer->body)) : Result<Json>(answer.error());
        });
    }

    Result<Json> await(const Call& call, Json job)
    {
        const auto id = text_at(job, "jobId");
        if (id.empty()) // some actions answer without a job
            return rest::as_result(std::move(job));
        const auto is_over = [](const Json& now) { return text_at(now, "status") == "Completed"; };
        if (!is_over(job)) {
            auto ended = rest::poll(call, api_.clock(), {.first = 50ms}, [&]() -> Result<std::optional<Json>> {
                auto now = api_.get(call, fmt::format("{}jobs/{}", objects, id));
                if (!now)
                    return now.error();
                return is_over(*now) ? std::optional(std::move(*now)) : std::optional<Json>();
            });
            if (!ended && ended.error().code == Errc::cancelled)
                return ended.error();
            if (!ended)
                return Error{Errc::indeterminate, fmt::format("job {}: {}", id, ended.error().message),
                             ended.error().remedy};
            job = std::move(*ended);
        }
        if (text_at(job, "state") == "Succeeded")
            return rest::as_result(std::move(job));
        return job_error(job).in(fmt::format("{}: job {}", array(), id));
    }

    Result<Json> storage(const Call& call)
    {
        return storage_.get(call, [&]() -> Result<Json> {
            const auto all = list(call, "storages");
            if (!all)
                return Error(all.error()).in("find out which array this is");
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

    Result<Groups> groups_by_login(const Call& call, const std::vector<std::string>& names)
    {
        const auto ports = list(call, "ports", {{"detailInfoType", "logins"}});
        if (!ports)
            return Error(ports.error()).in("look where the host is logged in");
        Groups groups;
        for (const Json& port : *ports)
            for (const Json& login : rest::list_at(port, "logins")) {
                const auto name = lower(text_at(login, "loginWwn") + text_at(login, "loginIscsiName"));
                const auto found = groups_of(text_at(login, "hostGroupId"));
                // Group 0 is everybody's: a path there would show the volume to every host of the port.
                const bool usable =
                    std::ranges::count(names, name) > 0 && found.size() == 1 && found.front().number != 0;
                if (usable && std::ranges::count(groups, found.front()) == 0)
                    groups.push_back(found.front());
            }
        return groups;
    }

    Result<bool> holds_one(const Call& call, const HostGroup& group, const HostIdentity& host,
                           const std::vector<std::string>& names)
    {
        const auto has = [&](Initiator::Kind kind) {
            return std::ranges::count(host.initiators, kind, &Initiator::kind) > 0;
        };
        for (const bool fc : {true, false}) {
            if (!has(fc ? Initiator::Kind::fc : Initiator::Kind::iscsi))
                continue;
            const auto members = list(call, fc ? "host-wwns" : "host-iscsis", of(group));
            if (!members)
                return Error(members.error()).in(fmt::format("look into host group {}", group.id()));
            for (const Json& member : *members)
                if (std::ranges::count(names, lower(text_at(member, fc ? "hostWwn" : "iscsiName"))) > 0)
                    return true;
        }
        return false;
    }

    Result<std::vector<std::string>> warnings_of(const Call& call, const Groups& groups)
    {
        const auto all = list(call, "host-groups");
        if (!all)
            return Error(all.error()).in("look at the host mode options");
        std::vector<std::string> warnings;
        for (const Json& one : *all) {
            const auto group = group_in(one);
            if (std::ranges::count(groups, group) == 0)
                continue;
            for (const int option : xcopy_options)
                if (std::ranges::none_of(rest::list_at(one, "hostModeOptions"),
                                         [&](const Json& on) { return on == option; }))
                    warnings.push_back(
                        fmt::format("host group {} lacks host mode option {}: ESXi will copy by itself, not the array",
                                    group.id(), option));
        }
        return warnings;
    }

    Result<std::optional<Json>> pair_of(const Call& call, const ArrayCopy& copy)
    {
        const auto name = pair_name(copy);
        const auto pairs = list(call, "snapshots", {{"snapshotGroupName", name}, {"pvolLdevId", copy.source.id}});
        if (!pairs)
            return Error(pairs.error()).in("look at the clone");
        for (const Json& pair : *pairs)
            if (text_at(pair, "snapshotGroupName") == name && text_at(pair, "pvolLdevId") == copy.source.id) {
                if (const auto target = text_at(pair, "svolLdevId"); target != copy.target.id)
                    return error(Errc::conflict, fmt::format("clone {} goes to LDEV {}", name, target),
                                 "look at it on the array; delete it when nobody needs it");
                return std::optional(pair);
            }
        return std::optional<Json>();
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
    vantara::Settings settings{.storage_id = check.may_have("STORAGE_ID"), .groups = {}};
    if (!settings.storage_id.empty() && !is_digits(settings.storage_id))
        check.complain(
            fmt::format("STORAGE_ID '{}' is neither a storageDeviceId nor a serial number", settings.storage_id));
    if (const auto list = check.may_have("HOSTGROUP_ID_LIST"); !list.empty()) {
        std::vector<std::string> bad;
        settings.groups = vantara::parse_groups(list, ':', bad);
        if (!bad.empty())
            check.complain(fmt::format("HOSTGROUP_ID_LIST: {} is not a port and a host group number (CL1-A,1:CL2-B,2)",
                                       fmt::join(bad, ", ")));
    }
    if (const auto speed = lower(check.may_have("COPY_SPEED")); !speed.empty()) {
        if (speed != "slower" && speed != "medium" && speed != "faster")
            check.complain(fmt::format("COPY_SPEED '{}' is not slower, medium or faster", speed));
        settings.copy_speed = speed;
    }
    int port = 443;
    if (const auto text = check.may_have("STORAGE_PORT"); !text.empty()) {
        port = to_int(text).value_or(0);
        if (port < 1 || port > 65535)
            check.complain(fmt::format("STORAGE_PORT '{}' is not a number from 1 to 65535", text));
    }
    auto rules = check.rules(port);
    if (rules) // where it is honoured, no polling is needed
        rules->headers.push_back({"Response-Job-Status", "Completed"});
    const auto login = rest::basic_header(config.username, config.password);
    auto session = rest::session_of(vantara::SignInSteps{config.username, config.password},
                                    {config.password, Secret(login.value.substr(6))});
    return made<vantara::Vantara>(wire, std::move(rules), vantara::decode_error, rest::session(std::move(session)),
                                  clock, std::move(settings));
}

} // namespace xcopy
