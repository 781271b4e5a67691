#include "vendors/vantara/vantara.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace xcopy::vantara {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view objects = "/ConfigurationManager/v1/objects/";
constexpr int most_attempts = 8;
constexpr auto longest_pause = 30000ms;
constexpr int xcopy_options[] = {54, 63}; // host mode options without which the array refuses XCOPY

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
        int major = 0;
        int minor = 0;
        if (const auto parts = split(number, '.'); parts.size() >= 2) {
            std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), major);
            std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), minor);
        }
        if (number.empty())
            return Error{Errc::unavailable, "the array did not say the version of its REST API"};
        if (major < 1 || (major == 1 && minor < 9))
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

std::unique_ptr<rest::SignIn> sign_in(const ArrayConfig& config)
{
    const auto steps = std::make_shared<SignInSteps>(SignInSteps{config.username, config.password});
    const auto login = rest::basic_header(config.username, config.password);
    return rest::session({.open = [steps](const Call& call, const rest::Send& send) { return steps->open(call, send); },
                          .lapsed = {},
                          .renewed = {},
                          .logout = [steps](const auto&) { return steps->close(); },
                          .secrets = {config.password, Secret(login.value.substr(6))}});
}

// The last part of ".../luns/CL1-A,1,5".
std::optional<int> lun_made(const Json& job)
{
    for (const Json& resource : rest::list_at(job, "affectedResources")) {
        const auto text = resource.is_string() ? resource.get<std::string>() : std::string();
        const auto parts = split(text.substr(text.rfind('/') + 1), ',');
        int lun = -1;
        if (parts.size() == 3 && is_digits(parts[2])) {
            std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), lun);
            return lun;
        }
    }
    return std::nullopt;
}

Result<std::vector<HostGroup>> check_ids(const Volume& volume, const ArrayHost& host)
{
    auto groups = groups_of(host);
    if (groups.empty() || !is_digits(volume.id) || volume.id.size() > 5)
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not an LDEV and host groups", volume.id, host.id)};
    return groups;
}

std::string pair_name(const ArrayCopy& copy) // 32 characters at most
{
    std::string job = lower(copy.id);
    std::erase_if(job, [](char c) { return !is_hex(std::string_view(&c, 1)); });
    return "xcopy-" + (job.size() > 26 ? job.substr(job.size() - 26) : job);
}

} // namespace

Vantara::Vantara(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                 Settings settings, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), settings_(std::move(settings))
{}

// Every change is a job. One that was refused for a lock was not done, so it is asked for again.
Result<Json> Vantara::change(const Call& call, rest::Method method, std::string_view below, const Json& body)
{
    auto pause = 1000ms;
    for (int attempt = 1;; ++attempt) {
        auto answer = api_.ask(call, method, std::string(objects) + std::string(below), body);
        auto done = answer ? await(call, std::move(answer->body)) : Result<Json>(answer.error());
        if (done || !is(done.error(), locked) || attempt == most_attempts)
            return done;
        if (auto waited = api_.clock().wait(call, pause); !waited)
            return waited.error().code == Errc::cancelled ? Result<Json>(waited.error()) : done;
        pause = std::min(longest_pause, pause * 2);
    }
}

Result<Json> Vantara::await(const Call& call, Json job)
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
    return job_error(job).in(fmt::format("{}: job {}", api_.rules().array, id));
}

Result<Json> Vantara::storage(const Call& call)
{
    const auto turn = learning_.enter(call);
    if (!turn)
        return turn.error();
    if (!storage_) {
        const auto reply = api_.get(call, std::string(objects) + "storages");
        if (!reply)
            return Error(reply.error()).in("find out which array this is");
        for (const Json& one : rest::list_at(*reply, "data"))
            if (settings_.storage_id.empty() || text_at(one, "storageDeviceId") == settings_.storage_id ||
                text_at(one, "serialNumber") == settings_.storage_id)
                storage_ = one;
        if (!storage_)
            return Error{Errc::conflict, fmt::format("{} is not array '{}'", api_.rules().array, settings_.storage_id),
                         "check STORAGE_HOSTNAME and STORAGE_ID"};
    }
    return rest::as_result(*storage_);
}

Result<Json> Vantara::ldev(const Call& call, std::string_view id)
{
    auto reply = api_.get(call, fmt::format("{}ldevs/{}", objects, id));
    if (reply && text_at(*reply, "ldevId") != id)
        return Error{Errc::failed,
                     fmt::format("{}: asked for LDEV {} the array answered with another one", api_.rules().array, id)};
    return reply;
}

Result<ArrayInfo> Vantara::info(const Call& call)
{
    const auto one = storage(call);
    if (!one)
        return one.error();
    return ArrayInfo{"Hitachi", "Vantara", text_at(*one, "model"), text_at(*one, "dkcMicroVersion")};
}

Result<Volume> Vantara::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto place = place_of(handle);
    if (!place)
        return place.error();
    const auto array = storage(call);
    if (!array)
        return array.error();
    if (text_at(*array, "storageDeviceId") != place->storage)
        return Error{Errc::conflict,
                     fmt::format("wrong array configured: LDEV {} is on array {}, {} is {}", place->ldev,
                                 place->storage, api_.rules().array, text_at(*array, "storageDeviceId")),
                     "use the secret of the array the StorageClass belongs to"};
    const auto record = ldev(call, place->ldev);
    if (!record)
        return Error(record.error()).in(fmt::format("find LDEV {}", place->ldev));
    auto volume = parse_ldev(*record);
    if (!volume)
        return Error(volume.error()).in(api_.rules().array);
    // LDEV numbers are given out again; the label shows that this is still the PersistentVolume's.
    if (!volume->name.empty() && volume->name != place->nickname)
        return Error{Errc::conflict,
                     fmt::format("{}: LDEV {} is called '{}', the handle says '{}'", api_.rules().array, volume->id,
                                 volume->name, place->nickname),
                     "the volume was replaced or renamed: look at it on the array"};
    return volume;
}

Result<std::vector<HostGroup>> Vantara::groups_by_login(const Call& call, const std::vector<std::string>& names)
{
    const auto ports = api_.get(call, std::string(objects) + "ports", {{"detailInfoType", "logins"}});
    if (!ports)
        return Error(ports.error()).in("look where the host is logged in");
    std::vector<HostGroup> groups;
    for (const Json& port : rest::list_at(*ports, "data"))
        for (const Json& login : rest::list_at(port, "logins")) {
            const auto name = lower(text_at(login, "loginWwn") + text_at(login, "loginIscsiName"));
            const auto found = groups_of({text_at(login, "hostGroupId"), "", {}});
            // Group 0 is everybody's: a path there would show the volume to every host of the port.
            const bool usable = std::ranges::count(names, name) > 0 && found.size() == 1 && found.front().number != 0;
            if (usable && std::ranges::count(groups, found.front()) == 0)
                groups.push_back(found.front());
        }
    return groups;
}

Result<bool> Vantara::holds_one(const Call& call, const HostGroup& group, const HostIdentity& host,
                                const std::vector<std::string>& names)
{
    const auto has = [&](Initiator::Kind kind) {
        return std::ranges::count(host.initiators, kind, &Initiator::kind) > 0;
    };
    for (const bool fc : {true, false}) {
        if (!has(fc ? Initiator::Kind::fc : Initiator::Kind::iscsi))
            continue;
        const auto members = api_.get(call, std::string(objects) + (fc ? "host-wwns" : "host-iscsis"),
                                      {{"portId", group.port}, {"hostGroupNumber", std::to_string(group.number)}});
        if (!members)
            return Error(members.error()).in(fmt::format("look into host group {}", group.id()));
        for (const Json& member : rest::list_at(*members, "data"))
            if (std::ranges::count(names, lower(text_at(member, fc ? "hostWwn" : "iscsiName"))) > 0)
                return true;
    }
    return false;
}

Result<std::vector<std::string>> Vantara::warnings_of(const Call& call, const std::vector<HostGroup>& groups)
{
    const auto all = api_.get(call, std::string(objects) + "host-groups");
    if (!all)
        return Error(all.error()).in("look at the host mode options");
    std::vector<std::string> warnings;
    for (const Json& one : rest::list_at(*all, "data")) {
        const HostGroup group{text_at(one, "portId"),
                              static_cast<int>(rest::number_at(one, "hostGroupNumber").value_or(-1))};
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

Result<ArrayHost> Vantara::ensure_host(const Call& call, const HostIdentity& host)
{
    std::vector<std::string> names;
    for (const Initiator& one : host.initiators)
        names.push_back(one.plain());
    std::vector<HostGroup> groups;
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
        return Error{Errc::not_found,
                     fmt::format("{}: no host group {} holds an initiator of host {}", api_.rules().array,
                                 settings_.groups.empty() ? "with a login"
                                                          : "of HOSTGROUP_ID_LIST (" + id_of(settings_.groups) + ")",
                                 host.name),
                     "make a host group (host mode VMWARE_EX, options 54 and 63) for the ESXi host on each port and "
                     "name them in "
                     "HOSTGROUP_ID_LIST",
                     "no_host"};
    std::ranges::sort(groups);
    auto warnings = warnings_of(call, groups);
    if (!warnings)
        return warnings.error();
    ArrayHost found{id_of(groups), host.name, std::move(names), std::move(*warnings)};
    for (const HostGroup& group : groups) // a path names its group and nothing else
        found.initiator_ids.push_back(group.id());
    return found;
}

Result<std::set<int>> Vantara::used_by(const Call& call, const ArrayHost& host)
{
    std::set<int> numbers;
    for (const HostGroup& group : groups_of(host)) {
        const auto paths = api_.get(call, std::string(objects) + "luns",
                                    {{"portId", group.port}, {"hostGroupNumber", std::to_string(group.number)}});
        if (!paths)
            return Error(paths.error()).in(fmt::format("list the LUN numbers of {}", group.id()));
        for (const Json& path : rest::list_at(*paths, "data"))
            if (const auto lun = rest::number_at(path, "lun"))
                numbers.insert(static_cast<int>(*lun));
    }
    return numbers;
}

Result<std::vector<Mapping>> Vantara::mappings_of(const Call& call, const Volume& volume)
{
    const auto record = ldev(call, volume.id);
    if (!record)
        return Error(record.error()).in(fmt::format("list the paths of LDEV {}", volume.id));
    return parse_paths(*record);
}

// A path in each of the host's groups, all under one LUN number. Where some are there, the others get theirs.
Result<Mapping> Vantara::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto groups = check_ids(volume, host);
    if (!groups)
        return groups.error();
    std::vector<HostGroup> missing;
    std::optional<int> number;
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        missing.clear();
        for (const HostGroup& group : *groups) {
            const auto there = lun_in(*record, group);
            number = there ? there : number;
            if (!there)
                missing.push_back(group);
        }
        return missing.empty() ? std::optional(Mapping{host, number}) : std::optional<Mapping>();
    };
    const auto make = [&]() -> Result<std::optional<Mapping>> {
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
    };
    auto mapped = settle<Mapping>({.call = call, .clock = api_.clock()}, look, make);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map LDEV {} to {}", volume.id, host.name));
}

// Exactly the paths of these groups. One that cannot be removed does not keep the others from it.
Result<void> Vantara::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto groups = check_ids(volume, host);
    if (!groups)
        return groups.error();
    const auto is_gone = [&]() -> Result<bool> {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        return std::ranges::none_of(*groups,
                                    [&](const HostGroup& group) { return lun_in(*record, group).has_value(); });
    };
    const auto remove = [&]() -> Result<void> {
        const auto record = ldev(call, volume.id);
        if (!record)
            return record.error();
        Result<void> outcome;
        for (const HostGroup& group : *groups) {
            const auto lun = lun_in(*record, group);
            const auto job = lun ? change(call, rest::Method::remove, fmt::format("luns/{},{}", group.id(), *lun))
                                 : rest::as_result(Json());
            if (!job && !is(job.error(), absent) && outcome)
                outcome = Error(job.error()).in("path to " + group.id());
        }
        return outcome;
    };
    auto unmapped = settle_removal({.call = call, .clock = api_.clock()}, is_gone, remove);
    return unmapped ? unmapped : Error(unmapped.error()).in(fmt::format("unmap LDEV {} from {}", volume.id, host.name));
}

// The LDEV's number stands at the end of its NAA; what the array says of that LDEV decides.
Result<Volume> Vantara::find_source(const Call& call, const DiskBacking& backing)
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
        return Error{Errc::not_found,
                     fmt::format("{}: LDEV {} is {}, not naa.{}", api_.rules().array, volume->id, volume->naa, hex),
                     "the disk lies on another array: let a host copy it"};
    return volume;
}

Result<void> Vantara::check(const Call&, const ArrayCopy& copy)
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

Result<std::optional<Json>> Vantara::pair_of(const Call& call, const ArrayCopy& copy)
{
    const auto pairs = api_.get(call, std::string(objects) + "snapshots",
                                {{"snapshotGroupName", pair_name(copy)}, {"pvolLdevId", copy.source.id}});
    if (!pairs)
        return Error(pairs.error()).in("look at the clone");
    for (const Json& pair : rest::list_at(*pairs, "data"))
        if (text_at(pair, "snapshotGroupName") == pair_name(copy) && text_at(pair, "pvolLdevId") == copy.source.id) {
            if (text_at(pair, "svolLdevId") != copy.target.id)
                return Error{Errc::conflict,
                             fmt::format("{}: clone {} goes to LDEV {}", api_.rules().array, pair_name(copy),
                                         text_at(pair, "svolLdevId")),
                             "look at it on the array; delete it when nobody needs it"};
            return std::optional(pair);
        }
    return std::optional<Json>();
}

Result<ArrayCopyState> Vantara::look(const Call& call, const ArrayCopy& copy)
{
    using Phase = ArrayCopyState::Phase;
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

Result<ArrayCopyState> Vantara::start(const Call& call, const ArrayCopy& copy)
{
    using Phase = ArrayCopyState::Phase;
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
        const auto reduced = [](const Json& one) {
            const auto mode = text_at(one, "dataReductionMode");
            return !mode.empty() && mode != "disabled";
        };
        Json body = {{"snapshotGroupName", pair_name(copy)},
                     {"snapshotPoolId", rest::number_at(*source, "poolId").value_or(0)},
                     {"pvolLdevId", std::stoi(copy.source.id)},
                     {"svolLdevId", std::stoi(copy.target.id)},
                     {"isClone", true},
                     {"clonesAutomation", true},
                     {"copySpeed", settings_.copy_speed}};
        if (reduced(*source) || reduced(*target))
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

Result<void> Vantara::cancel(const Call& call, const ArrayCopy& copy)
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

Result<std::unique_ptr<Array>> make_vantara(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    ConfigCheck check(config, "Hitachi VSP", "vantara");
    check.need_account();
    Settings settings{.storage_id = check.may_have("STORAGE_ID"), .groups = {}};
    if (!settings.storage_id.empty() && !is_digits(settings.storage_id))
        check.complain(
            fmt::format("STORAGE_ID '{}' is neither a storageDeviceId nor a serial number", settings.storage_id));
    if (const auto list = check.may_have("HOSTGROUP_ID_LIST"); !list.empty()) {
        const auto groups = parse_groups(list);
        if (groups)
            settings.groups = *groups;
        else
            check.complain(groups.error().message);
    }
    if (const auto speed = lower(check.may_have("COPY_SPEED")); !speed.empty()) {
        if (speed != "slower" && speed != "medium" && speed != "faster")
            check.complain(fmt::format("COPY_SPEED '{}' is not slower, medium or faster", speed));
        settings.copy_speed = speed;
    }
    int port = 443;
    if (const auto text = check.may_have("STORAGE_PORT"); !text.empty()) {
        const auto end = std::from_chars(text.data(), text.data() + text.size(), port).ptr;
        if (end != text.data() + text.size() || port < 1 || port > 65535)
            check.complain(fmt::format("STORAGE_PORT '{}' is not a number from 1 to 65535", text));
    }
    auto rules = check.rules(port);
    if (!rules)
        return rules.error();
    rules->headers.push_back({"Response-Job-Status", "Completed"}); // where it is honoured, no polling is needed
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(
        std::make_unique<Vantara>(transport, std::move(*rules), sign_in(config), std::move(settings), clock));
}

} // namespace xcopy::vantara
