#include "vendors/powermax/powermax.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace xcopy::powermax {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t cylinder = 15 * 128 * 1024; // bytes: 15 tracks of 128 KiB
constexpr std::size_t wwn_length = 32;
constexpr int most_attempts = 8;
constexpr auto longest_pause = 30000ms;
constexpr auto connections_appear_within = 30s; // they may be missing right after a view was made
constexpr std::string_view not_found = "powermax_not_found";
constexpr std::string_view locked = "powermax_locked";

// Errors have texts and no codes.
constexpr ErrorRow error_rows[] = {
    {"cannot be found", Errc::not_found, "", "check the names in the array's secret against Unisphere", not_found},
    {"could not find", Errc::not_found, "", "check that the array's secret is that of the volume's PowerMax",
     not_found},
    {"symmetrix not found", Errc::conflict, "this Unisphere does not manage that array",
     "check STORAGE_HOSTNAME and POWERMAX_SYMMETRIX_ID", "powermax_no_symmetrix"},
    {"already exists", Errc::conflict, "it exists already", "", "powermax_exists"},
    {"device lock", Errc::busy, "another change of the array's configuration is under way", "run again", locked},
    {"operation is already in progress", Errc::busy, "another change of the array's configuration is under way",
     "run again", locked},
    {"mismatch between the initiator and the director port", Errc::unsupported,
     "the port group and the host speak different protocols",
     "name a port group of the host's protocol in POWERMAX_PORT_GROUP_NAME", "powermax_protocol"},
    {"maximum allowed devices", Errc::unsupported, "the storage group is full", "remove leftovers xcopy-*"},
    {"cannot find role", Errc::denied, "the account has no role on this array", "give it the role StorageAdmin"},
};

std::string short_hash(std::string_view text) // FNV-1a: the same in every version, for names that must be found again
{
    std::uint32_t hash = 2166136261U;
    for (const char byte : text)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
    return fmt::format("{:08x}", hash);
}

std::string view_name(const Volume& volume, const ArrayHost& host)
{
    return fmt::format("xcopy-{}-{}", volume.id, short_hash(host.id));
}

std::string group_name(const Volume& volume, const ArrayHost& host)
{
    return view_name(volume, host) + "-SG";
}

bool is_name(std::string_view name)
{
    return !name.empty() && name.size() <= 64 &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

Result<void> check_ids(const Volume& volume, const ArrayHost& host)
{
    const auto colon = host.id.find(':');
    const auto kind = host.id.substr(0, colon);
    const bool known = (kind == "host" || kind == "hostgroup") && is_name(host.id.substr(colon + 1));
    if (volume.id.size() != 5 || !is_hex(volume.id) || !known)
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not ids of a volume and a host", volume.id, host.id)};
    return {};
}

std::vector<std::string> texts(const Json& record, std::string_view field)
{
    std::vector<std::string> found;
    for (const Json& one : rest::list_at(record, field))
        if (one.is_string())
            found.push_back(one.get<std::string>());
    return found;
}

Json volume_change(std::string_view action, const std::string& device)
{
    const Json volumes = {{"volumeId", {device}}, {"remoteSymmSGInfoParam", {{"force", false}}}};
    return action == "add" ? Json{{"expandStorageGroupParam", {{"addSpecificVolumeParam", volumes}}}}
                           : Json{{"removeVolumeParam", volumes}};
}

} // namespace

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400 || reply.status == 401 || json == nullptr)
        return std::nullopt;
    const auto message = text_at(*json, "message");
    return message.empty() ? std::nullopt : std::optional(explain(error_rows, "powermax", {"", message}, reply.status));
}

Result<Place> place_of(const VolumeHandle& handle, const std::string& symmetrix)
{
    const auto parts = split(handle.handle, '-');
    if (handle.handle.size() > 36 && is_uuid(handle.handle.substr(handle.handle.size() - 36)))
        return Error{Errc::unsupported, fmt::format("volume {} is a file system", handle.handle),
                     "use a StorageClass for block volumes"};
    const auto bad = [&] {
        return Error{Errc::bad_request,
                     fmt::format("'{}' is not a volume handle of PowerMax (…-<12 digits>-<5 hex>)", handle.handle),
                     "the PersistentVolume must have been made by csi-powermax.dellemc.com"};
    };
    if (parts.size() < 3)
        return bad();
    const auto arrays = split(parts[parts.size() - 2], ':');
    const auto devices = split(parts.back(), ':');
    if (arrays.size() != devices.size() || arrays.size() > 2)
        return bad();
    for (std::size_t i = 0; i < arrays.size(); ++i)
        if (arrays[i].size() != 12 || !is_digits(arrays[i]) || devices[i].size() != 5 || !is_hex(devices[i]))
            return bad();
    const std::size_t side = arrays.size() == 2 && arrays[1] == symmetrix ? 1 : 0;
    const auto length = handle.handle.size() - parts.back().size() - parts[parts.size() - 2].size() - 2;
    return Place{handle.handle.substr(0, length), arrays[side], upper(devices[side])};
}

Result<Volume> parse_volume(const Json& record)
{
    Volume volume{.id = upper(text_at(record, "volumeId")), .name = text_at(record, "volume_identifier")};
    // After a migration the host sees the effective one. Never computed: volumes with a mobility id follow no rule.
    const bool moved = text_at(record, "has_effective_wwn") == "true";
    const auto wwn = lower(text_at(record, moved ? "effective_wwn" : "wwn"));
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {} ({}): {}", volume.id, volume.name, why), std::string(remedy)};
    };
    if (wwn.size() != wwn_length || !is_hex(wwn) || !(wwn.starts_with("6000097") || wwn.starts_with("6006048")))
        return refuse(Errc::failed, fmt::format("its WWN '{}' is not one of PowerMax", wwn), "");
    if (const auto status = text_at(record, "status"); status != "Ready")
        return refuse(Errc::unavailable, fmt::format("it is {}", status), "bring the volume to the state Ready");
    volume.naa = "naa." + wwn;
    const auto cylinders = rest::number_at(record, "cap_cyl").value_or(0);
    if (cylinders <= 0)
        return refuse(Errc::failed, "the array gave no size", "");
    volume.size_bytes = static_cast<std::uint64_t>(cylinders) * cylinder;
    return volume;
}

PowerMax::PowerMax(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                   std::string symmetrix, std::string port_group, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), symmetrix_(std::move(symmetrix)),
      port_group_(std::move(port_group))
{}

Settling PowerMax::settling(const Call& call)
{
    return {.call = call,
            .clock = api_.clock(),
            .after_error =
                [](const Error& error) {
                    const bool look =
                        is(error, "powermax_exists") || is(error, not_found) || error.code == Errc::failed;
                    return look ? Afterwards::look_again : Afterwards::give_up;
                },
            .rounds = 3};
}

Result<std::string> PowerMax::base(const Call& call)
{
    const auto turn = learning_.enter(call);
    if (!turn)
        return turn.error();
    if (base_.empty()) {
        const auto version = api_.get(call, "/univmax/restapi/version");
        if (!version)
            return Error(version.error()).in("find out Unisphere's version");
        const auto offered = rest::number_at(*version, "api_version").value_or(0);
        if (offered < 90)
            return Error{
                Errc::unsupported,
                fmt::format("{}: REST version '{}' is too old", api_.rules().array, text_at(*version, "api_version")),
                "update Unisphere to 9.0 or newer"};
        base_ =
            fmt::format("/univmax/restapi/{}", std::min<std::int64_t>(offered, 100)); // 100 is served by all newer ones
    }
    return base_;
}

Result<std::string> PowerMax::path(const Call& call, std::string_view below)
{
    const auto base = this->base(call);
    if (!base)
        return base.error();
    return fmt::format("{}/sloprovisioning/symmetrix/{}/{}", *base, symmetrix_, below);
}

Result<Json> PowerMax::get(const Call& call, std::string_view below, const rest::Query& query)
{
    const auto path = this->path(call, below);
    return path ? api_.get(call, *path, query) : Result<Json>(path.error());
}

// Unisphere changes one array's configuration at a time; whoever comes second is told so with a 500 and was not served.
Result<void> PowerMax::change(const Call& call, rest::Method method, std::string_view below, const Json& body)
{
    const auto path = this->path(call, below);
    if (!path)
        return path.error();
    auto pause = 1000ms;
    for (int attempt = 1;; ++attempt) {
        const auto answer = api_.ask(call, method, *path, body);
        auto done = !answer                 ? Result<void>(answer.error())
                    : answer->status == 202 ? await(call, answer->body)
                                            : Result<void>();
        if (done || !is(done.error(), locked) || attempt == most_attempts)
            return done;
        if (auto waited = api_.clock().wait(call, pause); !waited)
            return waited.error().code == Errc::cancelled ? waited.error() : done;
        pause = std::min(longest_pause, pause * 2);
    }
}

Result<void> PowerMax::await(const Call& call, const Json& job)
{
    const auto id = text_at(job, "jobId");
    if (!is_digits(id))
        return Error{Errc::indeterminate, "the array took the change as a job without saying which"};
    const auto path = fmt::format("{}/system/symmetrix/{}/job/{}", base_, symmetrix_, id);
    const auto ended = rest::poll(call, api_.clock(), {.first = 50ms}, [&]() -> Result<std::optional<Json>> {
        auto now = api_.get(call, path);
        if (!now)
            return now.error();
        const auto status = text_at(*now, "status");
        return status == "SUCCEEDED" || status == "FAILED" ? std::optional(std::move(*now)) : std::optional<Json>();
    });
    if (!ended)
        return Error{Errc::indeterminate, fmt::format("job {}: {}", id, ended.error().message), ended.error().remedy};
    if (text_at(*ended, "status") == "SUCCEEDED")
        return {};
    return explain(error_rows, "powermax", {"", text_at(*ended, "result")}, 500).in("job " + id);
}

Result<ArrayInfo> PowerMax::info(const Call& call)
{
    const auto base = this->base(call);
    if (!base)
        return base.error();
    const auto system = api_.get(call, fmt::format("{}/system/symmetrix/{}", *base, symmetrix_));
    if (!system)
        return system.error();
    const auto version = text_at(*system, "ucode").empty() ? text_at(*system, "microcode") : text_at(*system, "ucode");
    return ArrayInfo{"Dell", "PowerMax", text_at(*system, "model"), version};
}

Result<Volume> PowerMax::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto place = place_of(handle, symmetrix_);
    if (!place)
        return place.error();
    const auto elsewhere = handle.attribute("powermax/SYMID");
    if (place->symmetrix != symmetrix_ || (!elsewhere.empty() && elsewhere.find(symmetrix_) == std::string::npos))
        return Error{Errc::conflict,
                     fmt::format("wrong array configured: volume {} is on array {}, POWERMAX_SYMMETRIX_ID is {}",
                                 place->device, place->symmetrix, symmetrix_),
                     "use the secret of the array the StorageClass belongs to"};
    const auto record = get(call, "volume/" + place->device);
    if (!record)
        return Error(record.error()).in(fmt::format("find volume {}", place->device));
    auto volume = parse_volume(*record);
    if (!volume)
        return Error(volume.error()).in(api_.rules().array);
    // Device numbers are given out again; the name shows that this is still the PersistentVolume's.
    if (volume->id != place->device || volume->name != place->identifier)
        return Error{Errc::conflict,
                     fmt::format("{}: volume {} is called '{}', the handle says '{}'", api_.rules().array, volume->id,
                                 volume->name, place->identifier),
                     "the volume was replaced or renamed: look at it in Unisphere"};
    return volume;
}

Result<Initiator::Kind> PowerMax::port_group_kind(const Call& call)
{
    {
        const auto turn = learning_.enter(call);
        if (!turn)
            return turn.error();
        if (kind_)
            return *kind_;
    }
    const auto group = get(call, "portgroup/" + port_group_);
    if (!group)
        return Error(group.error()).in(fmt::format("look at port group {}", port_group_));
    const auto turn = learning_.enter(call);
    if (!turn)
        return turn.error();
    if (!kind_) { // older arrays name only the type
        const auto protocol = lower(text_at(*group, "port_group_protocol") + text_at(*group, "type"));
        if (protocol.find("nvme") != std::string::npos)
            return Error{Errc::unsupported, fmt::format("port group {} is for NVMe", port_group_),
                         "name one for FC or iSCSI in POWERMAX_PORT_GROUP_NAME"};
        kind_ = protocol.find("iscsi") != std::string::npos ? Initiator::Kind::iscsi : Initiator::Kind::fc;
    }
    return *kind_;
}

Result<ArrayHost> PowerMax::ensure_host(const Call& call, const HostIdentity& host)
{
    const auto kind = port_group_kind(call);
    if (!kind)
        return kind.error();
    std::vector<std::string> names;
    for (const Initiator& one : host.initiators)
        if (one.kind == *kind)
            names.push_back(one.plain());
    std::ranges::sort(names); // the same answer whatever their order
    if (names.empty())
        return Error{Errc::unsupported,
                     fmt::format("host {} has no adapter of the protocol of port group {}", host.name, port_group_),
                     "name a port group of the host's protocol in POWERMAX_PORT_GROUP_NAME"};
    for (const auto& name : names) {
        const auto listed = get(call, "initiator", {{"in_a_host", "true"}, {"initiator_hba", name}});
        if (!listed)
            return Error(listed.error()).in(fmt::format("look for initiator {}", name));
        for (const auto& id : texts(*listed, "initiatorId")) {
            if (!lower(id).ends_with(name)) // "FA-1D:4:<wwpn>"; filters are not trusted
                continue;
            const auto initiator = get(call, "initiator/" + rest::percent_encode(id));
            if (!initiator)
                return Error(initiator.error()).in(fmt::format("look at initiator {}", id));
            auto owner = text_at(*initiator, "host_id");
            if (owner.empty())
                owner = text_at(*initiator, "host");
            if (is_name(owner))
                return ArrayHost{"host:" + owner, owner, {"host:" + owner}};
        }
    }
    return Error{Errc::not_found,
                 fmt::format("{}: no host object on array {} has an initiator of ESXi host {}", api_.rules().array,
                             symmetrix_, host.name),
                 "register the ESXi host with its initiators in Unisphere", "no_host"};
}

Result<PowerMax::View> PowerMax::read_view(const Call& call, const std::string& name)
{
    const auto record = get(call, "maskingview/" + name);
    if (!record)
        return record.error();
    View view{.name = name, .mapping = {}};
    if (const auto host = text_at(*record, "hostId"); !host.empty()) {
        view.mapping.host = {"host:" + host, host, {"host:" + host}};
        return view;
    }
    const auto group = text_at(*record, "hostGroupId");
    view.mapping.host = {"hostgroup:" + group, group, {}};
    const auto members = get(call, "hostgroup/" + rest::percent_encode(group));
    if (!members)
        return members.error();
    for (const Json& one : rest::list_at(*members, "host"))
        view.mapping.host.initiator_ids.push_back("host:" + text_at(one, "hostId"));
    return view;
}

Result<PowerMax::Masking> PowerMax::masking_of(const Call& call, const Volume& volume)
{
    const auto record = get(call, "volume/" + rest::percent_encode(volume.id));
    if (!record)
        return record.error();
    Masking masking{.groups = texts(*record, "storageGroupId"), .views = {}};
    for (const auto& name : masking.groups) {
        const auto group = get(call, "storagegroup/" + rest::percent_encode(name));
        if (!group && is(group.error(), not_found))
            continue; // gone in between
        if (!group)
            return group.error();
        for (const auto& view : texts(*group, "maskingview")) {
            auto read = read_view(call, view);
            if (!read && is(read.error(), not_found))
                continue;
            if (!read)
                return read.error();
            masking.views.push_back(std::move(*read));
        }
    }
    return masking;
}

Result<std::vector<Mapping>> PowerMax::mappings_of(const Call& call, const Volume& volume)
{
    auto masking = masking_of(call, volume);
    if (!masking)
        return Error(masking.error()).in(fmt::format("list the masking views of {}", volume.name));
    std::vector<Mapping> mappings;
    for (View& view : masking->views)
        mappings.push_back(std::move(view.mapping));
    return mappings;
}

// In hex, the same for all paths of one host. Nothing where the array does not show it in time.
Result<std::optional<int>> PowerMax::lun_of(const Call& call, const Volume& volume, const std::string& view)
{
    std::optional<int> number;
    const auto found =
        rest::poll(call.within(connections_appear_within), api_.clock(), {}, [&]() -> Result<std::optional<Json>> {
            auto reply = get(call, fmt::format("maskingview/{}/connections", view), {{"volume_id", volume.id}});
            if (!reply)
                return reply.error();
            for (const Json& path : rest::list_at(*reply, "maskingViewConnection")) {
                const auto hex = text_at(path, "host_lun_address");
                int value = 0;
                const auto end = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16).ptr;
                if (!hex.empty() && end == hex.data() + hex.size())
                    number = value;
            }
            return number ? std::optional(std::move(*reply)) : std::optional<Json>();
        });
    if (!found && found.error().code != Errc::timed_out)
        return found.error();
    return number;
}

// What is there already is left as it is, so a half-made view is completed.
Result<void> PowerMax::make_view(const Call& call, const Volume& volume, const ArrayHost& host, const Masking& masking)
{
    const auto group = group_name(volume, host);
    if (std::ranges::count(masking.groups, group) == 0) {
        const auto made = change(call, rest::Method::post, "storagegroup",
                                 {{"storageGroupId", group},
                                  {"srpId", "None"}, // a volume may have a service level through one group only
                                  {"emulation", "FBA"},
                                  {"executionOption", "SYNCHRONOUS"}});
        if (!made && !is(made.error(), "powermax_exists"))
            return made;
        const auto added = change(
            call, rest::Method::put, "storagegroup/" + group,
            {{"executionOption", "SYNCHRONOUS"}, {"editStorageGroupActionParam", volume_change("add", volume.id)}});
        if (!added)
            return added;
    }
    const bool is_group = host.id.starts_with("hostgroup:");
    const auto name = host.id.substr(host.id.find(':') + 1);
    const Json who = is_group ? Json{{"useExistingHostGroupParam", {{"hostGroupId", name}}}}
                              : Json{{"useExistingHostParam", {{"hostId", name}}}};
    return change(call, rest::Method::post, "maskingview",
                  {{"maskingViewId", view_name(volume, host)},
                   {"hostOrHostGroupSelection", who},
                   {"portGroupSelection", {{"useExistingPortGroupParam", {{"portGroupId", port_group_}}}}},
                   {"storageGroupSelection", {{"useExistingStorageGroupParam", {{"storageGroupId", group}}}}},
                   {"executionOption", "SYNCHRONOUS"}});
}

Result<Mapping> PowerMax::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int>)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    Masking masking;
    const auto look = [&]() -> Result<std::optional<View>> {
        auto now = masking_of(call, volume);
        if (!now)
            return now.error();
        masking = std::move(*now);
        for (const View& view : masking.views)
            if (view.mapping.host.id == host.id ||
                share_an_initiator(view.mapping.host.initiator_ids, host.initiator_ids))
                return std::optional(view);
        return std::optional<View>();
    };
    const auto change = [&]() -> Result<std::optional<View>> {
        const auto made = make_view(call, volume, host, masking);
        if (!made)
            return made.error();
        return std::optional(View{view_name(volume, host), Mapping{host, std::nullopt}});
    };
    auto view = settle<View>(settling(call), look, change);
    if (!view)
        return Error(view.error()).in(fmt::format("map {} to {}", volume.name, host.name));
    const auto lun = lun_of(call, volume, view->name);
    if (!lun)
        return Error(lun.error()).in(fmt::format("read the LUN number of {}", volume.name));
    return Mapping{view->mapping.host, *lun};
}

Result<void> PowerMax::take_away(const Call& call, std::string_view below, const std::function<Result<void>()>& remove)
{
    const auto is_gone = [&]() -> Result<bool> {
        const auto there = get(call, below);
        if (!there && is(there.error(), not_found))
            return true;
        return there ? Result<bool>(false) : there.error();
    };
    return settle_removal(settling(call), is_gone, remove);
}

// View, volume, group, in this order: the array refuses any other. Only what bears our names is touched.
Result<void> PowerMax::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    const auto view = "maskingview/" + view_name(volume, host);
    const auto group = "storagegroup/" + group_name(volume, host);
    auto done = take_away(call, view, [&] { return change(call, rest::Method::remove, view); });
    bool empty = false; // a group that is not there, or does not hold the volume
    if (done) {
        const auto record = get(call, "volume/" + volume.id);
        empty = record && std::ranges::count(texts(*record, "storageGroupId"), group_name(volume, host)) == 0;
        if (!record && !is(record.error(), not_found))
            done = record.error();
    }
    if (done && !empty)
        done = take_away(call, group, [&] {
            return change(call, rest::Method::put, group,
                          {{"executionOption", "SYNCHRONOUS"},
                           {"editStorageGroupActionParam", volume_change("remove", volume.id)}});
        });
    if (done)
        done = take_away(call, group, [&] { return change(call, rest::Method::remove, group); });
    return done ? done : Error(done.error()).in(fmt::format("unmap {} from {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_powermax(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    ConfigCheck check(config, "PowerMax", "powermax");
    check.need_account();
    const auto symmetrix = check.need("POWERMAX_SYMMETRIX_ID");
    const auto port_group = check.need("POWERMAX_PORT_GROUP_NAME");
    if (!symmetrix.empty() && (symmetrix.size() != 12 || !is_digits(symmetrix)))
        check.complain(fmt::format("POWERMAX_SYMMETRIX_ID '{}' is not a serial number of 12 digits", symmetrix));
    if (!port_group.empty() && !is_name(port_group))
        check.complain(fmt::format("POWERMAX_PORT_GROUP_NAME '{}' is not a name Unisphere allows", port_group));
    auto rules = check.rules(8443);
    if (!rules)
        return rules.error();
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(std::make_unique<PowerMax>(
        transport, std::move(*rules), rest::basic(config.username, config.password), symmetrix, port_group, clock));
}

} // namespace xcopy::powermax
