#include "vendors/powerstore/powerstore.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace xcopy::powerstore {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view naa_prefix = "naa.68ccf098";
constexpr std::size_t naa_length = 36;
constexpr int page_limit = 2000;

// Codes differ between releases, so the HTTP status decides and these only explain.
constexpr ErrorRow error_rows[] = {
    {"0xE0A08001000E", Errc::not_found, "no such volume", "check that STORAGE_HOSTNAME is the volume's PowerStore"},
    {"0xE0A07001000C", Errc::not_found, "no such volume", "check that STORAGE_HOSTNAME is the volume's PowerStore"},
    {"0xE0A010010003", Errc::not_found, "no such host", "run again: it is looked up anew"},
    {"0xE0A01001002F", Errc::bad_request, "the array does not like an initiator's name",
     "check the names the host reports (esxcli storage core adapter list)"},
    {"401", Errc::denied, "the account is not accepted", "check STORAGE_USERNAME and STORAGE_PASSWORD"},
    {"403", Errc::denied, "the account may not do this",
     "give the account of STORAGE_USERNAME the role Storage Operator or higher"},
};

// "/api/rest/host_volume_mapping?…&offset=100": where the way to the next page stands in a header.
rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    rest::Page page{.records = {}, .next = {}};
    if (answer.body.is_array())
        for (const Json& record : answer.body)
            page.records.push_back(record);
    const rest::Reply reply{.headers = answer.headers};
    const auto range = reply.header("Content-Range"); // "0-99/1234", on some with "items " before it
    if (answer.status != 206 || !range || page.records.empty())
        return page;
    const auto dash = range->find('-');
    const auto slash = range->find('/');
    std::size_t last = 0;
    std::size_t total = 0;
    if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
        return page;
    std::from_chars(range->data() + dash + 1, range->data() + slash, last);
    std::from_chars(range->data() + slash + 1, range->data() + range->size(), total);
    if (last + 1 < total)
        page.next = fmt::format("{}&offset={}", path, last + 1);
    return page;
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const Json& initiator : rest::list_at(host, "host_initiators"))
        ports.push_back(lower(text_at(initiator, "port_name")));
    return ports;
}

// Through its group where it is in one: the array maps nothing to a single member. "host:…" and "host_group:…" stand among
// the initiators, for a mapping names one of them and nothing else.
ArrayHost parse_host(const Json& host)
{
    const auto group = text_at(host, "host_group_id");
    ArrayHost parsed{"host:" + text_at(host, "id"), text_at(host, "name"), ports_of(host)};
    parsed.initiator_ids.push_back(parsed.id);
    if (!group.empty()) {
        parsed.id = "host_group:" + group;
        parsed.initiator_ids.push_back(parsed.id);
    }
    return parsed;
}

std::optional<Mapping> parse_mapping(const Json& record, const Volume& volume)
{
    const auto host = text_at(record, "host_id");
    const auto group = text_at(record, "host_group_id");
    if (text_at(record, "volume_id") != volume.id || (host.empty() && group.empty()))
        return std::nullopt;
    Mapping mapping;
    mapping.host.id = group.empty() ? "host:" + host : "host_group:" + group;
    mapping.host.name = mapping.host.id;
    mapping.host.initiator_ids = {mapping.host.id};
    if (const auto lun = rest::number_at(record, "logical_unit_number"))
        mapping.lun = static_cast<int>(*lun);
    return mapping;
}

// {"host_id": "…"} or {"host_group_id": "…"}.
Result<Json> holder(const Volume& volume, const ArrayHost& host)
{
    const auto colon = host.id.find(':');
    const auto kind = host.id.substr(0, colon);
    const auto id = colon == std::string::npos ? std::string() : host.id.substr(colon + 1);
    if (!is_uuid(volume.id) || !is_uuid(id) || (kind != "host" && kind != "host_group"))
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not ids of a volume and a host", volume.id, host.id)};
    return rest::as_result({{kind + "_id", id}});
}

Json initiators_json(const std::vector<Initiator>& initiators)
{
    Json list = Json::array();
    for (const Initiator& one : initiators)
        list.push_back(
            {{"port_name", one.with_colons()}, {"port_type", one.kind == Initiator::Kind::fc ? "FC" : "iSCSI"}});
    return list;
}

Result<std::vector<rest::Header>> read_session(const rest::Reply& reply)
{
    auto headers = rest::from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
    if (!headers)
        return headers;
    if (const auto cookie = rest::cookies_of(reply))
        headers->push_back(*cookie);
    const auto json = rest::parse_json(reply.body);
    if (json && json->is_array() && !json->empty() && text_at(json->front(), "is_password_change_required") == "true")
        return Error{Errc::denied, "the account must change its password first",
                     "sign in to PowerStore Manager as STORAGE_USERNAME once and set a new password"};
    return headers;
}

std::unique_ptr<rest::SignIn> sign_in(const ArrayConfig& config)
{
    const auto token_of = [](const rest::Reply& reply) {
        const auto newer = rest::from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
        return newer ? *newer : std::vector<rest::Header>{};
    };
    const auto login = rest::basic_header(config.username, config.password);
    return rest::session(
        {.open = rest::one_step(
             {.url = "/api/rest/login_session?select=id,is_password_change_required", .headers = {login}},
             read_session),
         // 403: the token is stale, or the role too low; one new sign-in tells which
         .lapsed = [](const rest::Reply& reply) { return reply.status == 401 || reply.status == 403; },
         .renewed = token_of,
         .logout = [](const auto&) { return rest::Request{.method = rest::Method::post, .url = "/api/rest/logout"}; },
         .secrets = {config.password, Secret(login.value.substr(6))}});
}

} // namespace

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    if (reply.status < 400)
        return std::nullopt;
    ArrayWords words;
    if (json != nullptr)
        if (const Json& messages = rest::list_at(*json, "messages"); !messages.empty())
            words = {text_at(messages.front(), "code"), text_at(messages.front(), "message_l10n")};
    if (reply.status == 401 || reply.status == 403)
        words.code = std::to_string(reply.status);
    if (words.code.empty())
        return std::nullopt;
    return explain(error_rows, "powerstore", words, reply.status);
}

Result<Place> place_of(const VolumeHandle& handle)
{
    const auto local = split(handle.handle, ':').front(); // of a metro volume: ours, then the remote one
    const auto parts = split(local, '/');
    if (!is_uuid(parts[0]) || parts.size() > 3)
        return Error{Errc::bad_request,
                     fmt::format("'{}' is not a volume handle of PowerStore (<uuid>/<global id>/scsi)", handle.handle),
                     "the PersistentVolume must have been made by csi-powerstore.dellemc.com"};
    const auto protocol = parts.size() == 3 ? parts[2] : handle.attribute("Protocol");
    if (lower(protocol) == "nfs")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share", handle.handle),
                     "use a StorageClass for block volumes"};
    const bool names_array = parts.size() > 1 && parts[1].starts_with("PS"); // else its address: the legacy form
    return Place{parts[0], names_array ? parts[1] : std::string()};
}

Result<Volume> parse_volume(const Json& record)
{
    Volume volume{.id = text_at(record, "id"), .name = text_at(record, "name"), .naa = lower(text_at(record, "wwn"))};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (volume.naa.size() != naa_length || !volume.naa.starts_with(naa_prefix) || !is_hex(volume.naa.substr(4)))
        return refuse(Errc::failed, fmt::format("its WWN '{}' is not one of PowerStore", volume.naa), "");
    if (text_at(record, "type") == "Snapshot")
        return refuse(Errc::unsupported, "it is a snapshot", "use a volume");
    if (text_at(record, "is_replication_destination") == "true")
        return refuse(Errc::unsupported, "it is the destination of a replication and cannot be written",
                      "use the volume on the other side, or end the replication");
    if (const auto state = text_at(record, "state"); state != "Ready")
        return refuse(Errc::unavailable, fmt::format("it is {}", state), "bring the volume to the state Ready");
    const auto size = rest::number_at(record, "size").value_or(0);
    if (size <= 0)
        return refuse(Errc::failed, "the array gave no size", "");
    volume.size_bytes = static_cast<std::uint64_t>(size);
    return volume;
}

PowerStore::PowerStore(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                       rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock)
{}

// A refusal may mean that it is done already, whatever its code: a look tells.
Settling PowerStore::settling(const Call& call)
{
    return {.call = call,
            .clock = api_.clock(),
            .after_error =
                [](const Error& error) {
                    const bool refused = error.code == Errc::bad_request || error.code == Errc::conflict;
                    return refused || error.code == Errc::failed ? Afterwards::look_again : Afterwards::give_up;
                },
            .rounds = 2};
}

PowerStore::Records PowerStore::list(const Call& call, std::string_view resource, rest::Query query)
{
    query.emplace_back("limit", std::to_string(page_limit));
    const auto path = rest::with_query(fmt::format("/api/rest/{}", resource), query);
    return rest::all_records(api_, call, path, [&](const rest::Answer& answer) { return split_page(answer, path); });
}

Result<ArrayInfo> PowerStore::info(const Call& call)
{
    const auto software = list(call, "software_installed", {{"select", "id,release_version,is_cluster"}});
    if (!software)
        return software.error();
    ArrayInfo info{"Dell", "PowerStore", "", ""};
    for (const Json& one : *software)
        if (text_at(one, "is_cluster") == "true")
            info.version = text_at(one, "release_version");
    if (const auto appliances = list(call, "appliance", {{"select", "id,model"}}); appliances && !appliances->empty())
        info.model = text_at(appliances->front(), "model");
    return info;
}

Result<std::string> PowerStore::global_id(const Call& call)
{
    const auto turn = learning_.enter(call);
    if (!turn)
        return turn.error();
    if (global_id_.empty()) {
        const auto clusters = list(call, "cluster", {{"select", "id,global_id,name"}});
        if (!clusters)
            return clusters.error();
        global_id_ = clusters->empty() ? std::string() : text_at(clusters->front(), "global_id");
        if (global_id_.empty())
            return Error{Errc::failed, api_.rules().array + ": the array does not say which one it is"};
    }
    return global_id_;
}

Result<Volume> PowerStore::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto place = place_of(handle);
    if (!place)
        return place.error();
    if (!place->array.empty()) {
        const auto array = global_id(call);
        if (!array)
            return Error(array.error()).in("find out which array this is");
        if (*array != place->array)
            return Error{Errc::conflict,
                         fmt::format("wrong array configured: volume {} is on PowerStore {}, {} is {}", place->volume,
                                     place->array, api_.rules().array, *array),
                         "use the secret of the array the StorageClass belongs to"};
    }
    const auto record = api_.get(call, "/api/rest/volume/" + place->volume, {{"select", "*"}});
    if (!record)
        return Error(record.error()).in(fmt::format("find volume {}", place->volume));
    if (text_at(*record, "id") != place->volume)
        return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with another one",
                                               api_.rules().array, place->volume)};
    auto volume = parse_volume(*record);
    return volume ? volume : Error(volume.error()).in(api_.rules().array);
}

// The object that owns most of the host's initiators; our own where nobody owns any.
Result<std::optional<Json>> PowerStore::host_of_owner(const Call& call, const HostIdentity& host)
{
    const auto hosts = list(call, "host", {{"select", "id,name,host_group_id,host_initiators"}});
    if (!hosts)
        return hosts.error();
    std::optional<Json> best;
    std::ptrdiff_t most = 0;
    for (const Json& record : *hosts) {
        const auto ports = ports_of(record);
        const auto owned = std::ranges::count_if(
            host.initiators, [&](const Initiator& one) { return std::ranges::count(ports, one.with_colons()) > 0; });
        if (owned > most || (owned == most && text_at(record, "name") == "xcopy-" + host.uuid)) {
            best = record;
            most = owned;
        }
    }
    return best;
}

Result<ArrayHost> PowerStore::ensure_host(const Call& call, const HostIdentity& host)
{
    if (!is_uuid(host.uuid) || host.initiators.empty())
        return Error{Errc::unsupported, fmt::format("host {} has no UUID or no FC or iSCSI adapter", host.name),
                     "use a host that is connected to the array"};
    const auto name = "xcopy-" + host.uuid;
    std::optional<Json> found;
    std::vector<Initiator> missing;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        auto owner = host_of_owner(call, host);
        if (!owner)
            return owner.error();
        found = std::move(*owner);
        missing = host.initiators;
        if (!found)
            return std::optional<ArrayHost>();
        const auto ports = ports_of(*found);
        std::erase_if(missing, [&](const Initiator& one) { return std::ranges::count(ports, one.with_colons()) > 0; });
        if (text_at(*found, "name") == name && !missing.empty())
            return std::optional<ArrayHost>();
        return std::optional(parse_host(*found)); // another's object is used as it is
    };
    const auto change = [&]() -> Result<void> {
        const auto initiators = initiators_json(missing);
        const auto reply =
            found
                ? api_.patch(call, "/api/rest/host/" + text_at(*found, "id"), {{"add_initiators", initiators}})
                : api_.post(call, "/api/rest/host", {{"name", name}, {"os_type", "ESXi"}, {"initiators", initiators}});
        return reply ? Result<void>() : Error(reply.error()).in("host " + name);
    };
    auto ensured = settle<ArrayHost>(settling(call), look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("host object for {}", host.name));
}

Result<std::set<int>> PowerStore::used_by(const Call& call, const ArrayHost& host)
{
    std::string either;
    for (const auto& id : host.initiator_ids)
        for (const std::string kind : {"host", "host_group"})
            if (id.starts_with(kind + ":"))
                either += fmt::format("{}{}_id.eq.{}", either.empty() ? "" : ",", kind, id.substr(kind.size() + 1));
    const auto records = list(call, "host_volume_mapping",
                              {{"select", "id,host_id,host_group_id,logical_unit_number"}, {"or", "(" + either + ")"}});
    if (!records)
        return Error(records.error()).in(fmt::format("list the LUN numbers of {}", host.name));
    std::set<int> numbers;
    for (const Json& record : *records)
        if (const auto lun = rest::number_at(record, "logical_unit_number"))
            numbers.insert(static_cast<int>(*lun));
    return numbers;
}

Result<std::vector<Mapping>> PowerStore::mappings_of(const Call& call, const Volume& volume)
{
    const auto records =
        list(call, "host_volume_mapping",
             {{"select", "id,host_id,host_group_id,volume_id,logical_unit_number"}, {"volume_id", "eq." + volume.id}});
    if (!records)
        return Error(records.error()).in(fmt::format("list the mappings of {}", volume.name));
    std::vector<Mapping> mappings;
    for (const Json& record : *records)
        if (auto mapping = parse_mapping(record, volume))
            mappings.push_back(std::move(*mapping));
    return mappings;
}

Result<Mapping> PowerStore::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto to = holder(volume, host);
    if (!to)
        return to.error();
    Json body = *to;
    if (lun)
        body["logical_unit_number"] = *lun; // an integer: a string is refused
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto change = [&]() -> Result<void> { // answers 204, so the number has to be looked up
        const auto reply = api_.post(call, fmt::format("/api/rest/volume/{}/attach", volume.id), body);
        if (reply)
            return {};
        // What the array says of a number in use is published nowhere; whether it is, can be seen.
        if (lun && reply.error().code != Errc::indeterminate)
            if (const auto used = used_by(call, host); used && used->contains(*lun))
                if (const auto mine = look(); mine && !*mine)
                    return Error{Errc::busy, fmt::format("LUN {} is taken: {}", *lun, reply.error().message)};
        return reply.error();
    };
    auto mapped = settle<Mapping>(settling(call), look, change);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map {} to {}", volume.name, host.name));
}

Result<void> PowerStore::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto from = holder(volume, host);
    if (!from)
        return from.error();
    const auto is_gone = [&]() -> Result<bool> {
        const auto mappings = mappings_of(call, volume);
        if (!mappings)
            return mappings.error();
        return std::ranges::none_of(*mappings, [&](const Mapping& one) { return one.host.id == host.id; });
    };
    const auto remove = [&]() -> Result<void> {
        const auto reply = api_.post(call, fmt::format("/api/rest/volume/{}/detach", volume.id), *from);
        return reply ? Result<void>() : reply.error();
    };
    auto unmapped = settle_removal({.call = call, .clock = api_.clock()}, is_gone, remove);
    return unmapped ? unmapped : Error(unmapped.error()).in(fmt::format("unmap {} from {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_powerstore(const ArrayConfig& config, rest::Transport& transport,
                                               rest::Clock& clock)
{
    ConfigCheck check(config, "PowerStore", "powerstore");
    check.need_account();
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->headers.push_back({"Application-Type", "xcopy"}); // Dell asks callers to name themselves
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(std::make_unique<PowerStore>(transport, std::move(*rules), sign_in(config), clock));
}

} // namespace xcopy::powerstore
