#include "vendors/pureFlashArray/pureFlashArray.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace xcopy::pure {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view naa_prefix = "naa.624a9370";
constexpr std::size_t serial_length = 24;
constexpr int newest_known = 26; // REST 2.26: written for it; versions are frozen, so newer arrays offer it too
constexpr std::string_view check_array = "check that STORAGE_HOSTNAME is the volume's FlashArray";

// Refusals have no codes; their texts are matched.
constexpr ErrorRow error_rows[] = {
    {"volume does not exist", Errc::not_found, "no such volume", check_array, "pure_no_volume"},
    {"host does not exist", Errc::not_found, "no such host", "run again: it is looked up anew", "pure_no_host"},
    {"connection does not exist", Errc::not_found, "the volume is not connected", "", "pure_no_connection"},
    {"connection already exists", Errc::conflict, "the volume is connected already", "", "pure_connected"},
    {"already exists", Errc::conflict, "it exists already", "", "pure_exists"},
    {"already in use", Errc::conflict, "an initiator belongs to another host", "", "pure_initiator_in_use"},
    {"has been destroyed", Errc::unsupported, "the volume is in the recycle bin", "recover it on the array"},
    {"non-nvme connected", Errc::unsupported, "the volume is connected to NVMe hosts, which excludes SCSI hosts",
     "let Kubernetes reach this FlashArray by FC or iSCSI, for ESXi copies through SCSI"},
    {"limit reached", Errc::unsupported, "a limit of the array is reached", "remove what is not needed any more"},
    {"contains file systems or policies", Errc::unsupported, "the target's pod has file systems or policies",
     "use a volume outside that pod"},
};

rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    rest::Page page{.records = {}, .next = {}};
    for (const Json& item : rest::list_at(answer.body, "items"))
        page.records.push_back(item);
    const auto token = text_at(answer.body, "continuation_token");
    if (text_at(answer.body, "more_items_remaining") == "true" && !token.empty())
        page.next = fmt::format("{}&continuation_token={}", path, rest::percent_encode(token));
    return page;
}

// WWNs and IQNs in one spelling.
std::string plain(std::string name)
{
    name = lower(name);
    if (!name.starts_with("iqn.") && !name.starts_with("eui."))
        std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
    return name;
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const char* kind : {"iqns", "wwns"})
        for (const Json& name : rest::list_at(host, kind))
            if (name.is_string())
                ports.push_back(plain(name.get<std::string>()));
    return ports;
}

// A connection names a host or a host group and nothing else, so both stand among the initiators.
ArrayHost parse_host(const Json& host)
{
    ArrayHost parsed{"host:" + text_at(host, "name"), text_at(host, "name"), ports_of(host)};
    parsed.initiator_ids.push_back(parsed.id);
    if (const auto group = text_at(host, "host_group.name"); !group.empty())
        parsed.initiator_ids.push_back("group:" + group);
    return parsed;
}

std::optional<int> lun_of(const Json& connection)
{
    const auto lun = rest::number_at(connection, "lun").value_or(-1); // of a vVol: more than 32 bits
    return lun >= 0 && lun <= 4095 ? std::optional(static_cast<int>(lun)) : std::nullopt;
}

// Names of hosts and groups: what else there is would be a pattern or a list.
bool is_name(std::string_view name)
{
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == ':' || c == '.';
    });
}

Result<rest::Query> connection(const Volume& volume, const ArrayHost& host)
{
    const auto colon = host.id.find(':');
    const auto kind = host.id.substr(0, colon);
    const auto name = colon == std::string::npos ? std::string() : host.id.substr(colon + 1);
    if (!is_uuid(volume.id) || !is_name(name) || (kind != "host" && kind != "group"))
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not ids of a volume and a host", volume.id, host.id)};
    return rest::Query{{kind == "host" ? "host_names" : "host_group_names", name}, {"volume_names", volume.name}};
}

Json ports_json(const std::vector<Initiator>& initiators, const std::string& prefix)
{
    Json body = Json::object();
    for (const Initiator& one : initiators) {
        const bool fc = one.kind == Initiator::Kind::fc;
        body[prefix + (fc ? "wwns" : "iqns")].push_back(fc ? upper(one.with_colons()) : one.plain());
    }
    return body;
}

struct SignInSteps {
    std::string user;
    Secret password;
    Secret token;
    std::string logout_path{};

    Result<std::vector<rest::Header>> open(const Call& call, const rest::Send& send)
    {
        const auto reply = rest::sign_in_step(call, send, {.url = "/api/api_version"});
        if (!reply)
            return reply.error();
        const auto versions = rest::parse_json(reply->body);
        if (!versions)
            return Error{Errc::unavailable, versions.error().message};
        const auto version = newest_version(*versions, "2.", newest_known);
        if (version.empty())
            return Error{Errc::unsupported, "the array offers no REST 2", "update Purity to 6.0 or newer"};
        auto api_token =
            token.empty() ? fetch_token(call, send, newest_version(*versions, "1.", 999)) : Result<Secret>(token);
        if (!api_token)
            return api_token.error();
        logout_path = fmt::format("/api/{}/logout", version);
        const auto login = rest::sign_in_step(call, send,
                                              {.method = rest::Method::post,
                                               .url = fmt::format("/api/{}/login", version),
                                               .headers = {{"api-token", api_token->reveal()}}});
        if (!login)
            return login.error();
        return rest::from_reply_header(*login, "x-auth-token", "x-auth-token");
    }

    // A user's API token comes from REST 1.
    Result<Secret> fetch_token(const Call& call, const rest::Send& send, const std::string& version) const
    {
        if (version.empty())
            return Error{Errc::unsupported, "the array offers no REST 1, which gives a user its API token",
                         "set STORAGE_TOKEN instead of STORAGE_USERNAME and STORAGE_PASSWORD"};
        const Json body = {{"username", user}, {"password", password.reveal()}};
        const auto reply = rest::sign_in_step(call, send,
                                              {.method = rest::Method::post,
                                               .url = fmt::format("/api/{}/auth/apitoken", version),
                                               .body = rest::to_text(body)});
        if (!reply)
            return reply.error();
        const auto json = rest::parse_json(reply->body);
        const auto found = json ? text_at(*json, "api_token") : std::string();
        return found.empty() ? Result<Secret>(Error{Errc::failed, "the reply holds no API token"}) : Secret(found);
    }
};

std::unique_ptr<rest::SignIn> sign_in(const ArrayConfig& config)
{
    const auto steps = std::make_shared<SignInSteps>(SignInSteps{config.username, config.password, config.token});
    return rest::session(
        {.open = [steps](const Call& call, const rest::Send& send) { return steps->open(call, send); },
         .lapsed = {},
         .renewed = {},
         .logout =
             [steps](const auto&) { return rest::Request{.method = rest::Method::post, .url = steps->logout_path}; },
         .secrets = {config.password, config.token}});
}

} // namespace

std::string newest_version(const Json& versions, std::string_view family, int known)
{
    int newest = -1;
    for (const Json& one : rest::list_at(versions, "version")) {
        const auto text = one.is_string() ? one.get<std::string>() : std::string();
        int minor = -1;
        if (text.starts_with(family))
            std::from_chars(text.data() + family.size(), text.data() + text.size(), minor);
        if (minor <= known)
            newest = std::max(newest, minor);
    }
    return newest < 0 ? std::string() : fmt::format("{}{}", family, newest);
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (json == nullptr)
        return std::nullopt;
    const Json& errors = rest::list_at(*json, "errors"); // beside items in a 200 too
    if (errors.empty())
        return std::nullopt;
    auto message = text_at(errors.front(), "message");
    if (const auto context = text_at(errors.front(), "context"); !context.empty())
        message = fmt::format("{}: {}", context, message);
    return explain(error_rows, "pure", {"", message}, reply.status);
}

Result<Volume> parse_volume(const Json& item)
{
    Volume volume{.id = text_at(item, "id"), .name = text_at(item, "name"), .serial = upper(text_at(item, "serial"))};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (volume.serial.size() != serial_length || !is_hex(volume.serial) || volume.id.empty() || volume.name.empty())
        return refuse(Errc::failed, fmt::format("its serial number '{}' is not one of FlashArray", volume.serial), "");
    if (text_at(item, "destroyed") == "true")
        return refuse(Errc::unsupported, "it was destroyed and lies in the recycle bin", "recover it on the array");
    if (text_at(item, "subtype") == "protocol_endpoint" || text_at(item, "promotion_status") == "demoted")
        return refuse(Errc::unsupported, "it is a protocol endpoint or demoted and cannot be written",
                      "use a regular volume, or promote its pod");
    volume.naa = std::string(naa_prefix) + lower(volume.serial);
    const auto size = rest::number_at(item, "provisioned").value_or(0); // there is no "size"
    if (size <= 0)
        return refuse(Errc::failed, "the array gave no size", "");
    volume.size_bytes = static_cast<std::uint64_t>(size);
    return volume;
}

Result<std::string> serial_of(std::string_view device)
{
    std::string name = lower(device);
    if (name.starts_with("vml.") && name.size() >= 46)
        name = "naa." + name.substr(14, 32); // type, LUN and reserved bytes come first
    if (name.size() != naa_prefix.size() + serial_length || !name.starts_with(naa_prefix) || !is_hex(name.substr(4)))
        return Error{Errc::not_found, fmt::format("'{}' is not a LUN of a FlashArray", device), "let a host copy it"};
    return upper(name.substr(naa_prefix.size()));
}

FlashArray::FlashArray(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                       std::string name_prefix, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), name_prefix_(std::move(name_prefix))
{}

Result<std::string> FlashArray::base(const Call& call)
{
    const auto turn = learning_.enter(call);
    if (!turn)
        return turn.error();
    if (base_.empty()) {
        const auto versions = api_.get(call, "/api/api_version");
        if (!versions)
            return Error(versions.error()).in("find out the array's version");
        base_ = "/api/" + newest_version(*versions, "2.", newest_known);
    }
    return base_;
}

FlashArray::Items FlashArray::list(const Call& call, std::string_view resource, rest::Query query)
{
    const auto base = this->base(call);
    if (!base)
        return base.error();
    query.emplace_back("limit", "1000");
    const auto path = rest::with_query(fmt::format("{}/{}", *base, resource), query);
    return rest::all_records(api_, call, path, [&](const rest::Answer& answer) { return split_page(answer, path); });
}

Result<ArrayInfo> FlashArray::info(const Call& call)
{
    const auto arrays = list(call, "arrays", {});
    if (!arrays)
        return arrays.error();
    ArrayInfo info{"Pure Storage", "FlashArray", "", arrays->empty() ? "" : text_at(arrays->front(), "version")};
    if (const auto controllers = list(call, "controllers", {}))
        for (const Json& controller : *controllers)
            if (info.model.empty())
                info.model = text_at(controller, "model");
    return info;
}

Result<Volume> FlashArray::volume_by(const Call& call, const rest::Query& query, std::string_view what)
{
    const auto items = list(call, "volumes", query);
    if (!items)
        return Error(items.error()).in(fmt::format("find volume {}", what));
    if (items->size() != 1)
        return Error{Errc::not_found, fmt::format("{}: {} volumes are {}", api_.rules().array, items->size(), what),
                     std::string(check_array)};
    auto volume = parse_volume(items->front());
    return volume ? volume : Error(volume.error()).in(api_.rules().array);
}

// PX-CSI writes the volume's id into the handle; Portworx Enterprise its own, so there the name counts.
Result<Volume> FlashArray::find_volume(const Call& call, const VolumeHandle& handle)
{
    if (is_uuid(handle.handle)) {
        auto volume = volume_by(call, {{"ids", handle.handle}}, handle.handle);
        if (volume && volume->id != handle.handle)
            return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with another one",
                                                   api_.rules().array, handle.handle)};
        if (volume || volume.error().code != Errc::not_found || name_prefix_.empty())
            return volume;
    }
    const auto claim = handle.attribute("csi.storage.k8s.io/pv/name");
    if (!is_digits(handle.handle) && !is_uuid(handle.handle))
        return Error{Errc::bad_request, fmt::format("'{}' is not a volume handle of Portworx or PX-CSI", handle.handle),
                     "the PersistentVolume must have been made by pxd.portworx.com"};
    if (name_prefix_.empty() || !is_name(claim))
        return Error{
            Errc::not_found, fmt::format("{}: handle {} is not the id of a volume", api_.rules().array, handle.handle),
            "set PURE_CLUSTER_PREFIX (px_ and the first 8 characters of the StorageCluster's clusterUid) and give "
            "the PersistentVolume's name as attribute csi.storage.k8s.io/pv/name"};
    const auto name = fmt::format("{}-{}", name_prefix_, claim);
    auto volume = volume_by(call, {{"names", name}}, name);
    if (volume && volume->name != name)
        return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with another one",
                                               api_.rules().array, name)};
    return volume;
}

// The object that owns most of the host's initiators; our own where nobody owns any. Hosts of other arrays of the fleet
// cannot be connected to here.
Result<std::optional<Json>> FlashArray::host_of_owner(const Call& call, const HostIdentity& host)
{
    const auto hosts = list(call, "hosts", {});
    if (!hosts)
        return hosts.error();
    std::optional<Json> best;
    std::ptrdiff_t most = 0;
    for (const Json& item : *hosts) {
        if (text_at(item, "is_local") == "false")
            continue;
        const auto ports = ports_of(item);
        const auto owned = std::ranges::count_if(
            host.initiators, [&](const Initiator& one) { return std::ranges::count(ports, one.plain()) > 0; });
        if (owned > most || (owned == most && text_at(item, "name") == "xcopy-" + host.uuid)) {
            best = item;
            most = owned;
        }
    }
    return best;
}

Result<ArrayHost> FlashArray::ensure_host(const Call& call, const HostIdentity& host)
{
    if (!is_uuid(host.uuid) || host.initiators.empty())
        return Error{Errc::unsupported, fmt::format("host {} has no UUID or no FC or iSCSI adapter", host.name),
                     "use a host that is connected to the array"};
    const auto base = this->base(call);
    if (!base)
        return base.error();
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
        std::erase_if(missing, [&](const Initiator& one) { return std::ranges::count(ports, one.plain()) > 0; });
        if (text_at(*found, "name") == name && !missing.empty())
            return std::optional<ArrayHost>();
        return std::optional(parse_host(*found)); // another's object is used as it is
    };
    const auto change = [&]() -> Result<void> {
        Json body = ports_json(missing, found ? "add_" : "");
        if (!found)
            body["personality"] = "esxi";
        const auto path = *base + "/hosts";
        const auto reply =
            found ? api_.patch(call, path, body, {{"names", name}}) : api_.post(call, path, body, {{"names", name}});
        return reply ? Result<void>() : Error(reply.error()).in("host " + name);
    };
    const Settling how{.call = call, .clock = api_.clock(), .after_error = [](const Error& error) {
                           const bool another = is(error, "pure_exists") || is(error, "pure_initiator_in_use");
                           return another ? Afterwards::look_again : Afterwards::give_up;
                       }};
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("host object for {}", host.name));
}

Result<std::set<int>> FlashArray::used_by(const Call& call, const ArrayHost& host)
{
    const bool group = host.id.starts_with("group:");
    const auto items =
        list(call, "connections", {{group ? "host_group_names" : "host_names", host.id.substr(host.id.find(':') + 1)}});
    if (!items)
        return Error(items.error()).in(fmt::format("list the LUN numbers of {}", host.name));
    std::set<int> numbers;
    for (const Json& item : *items)
        if (const auto lun = lun_of(item))
            numbers.insert(*lun);
    return numbers;
}

Result<std::vector<Mapping>> FlashArray::mappings_of(const Call& call, const Volume& volume)
{
    const auto items = list(call, "connections", {{"volume_names", volume.name}});
    if (!items)
        return Error(items.error()).in(fmt::format("list the connections of {}", volume.name));
    std::vector<Mapping> mappings;
    for (const Json& item : *items) {
        const auto group = text_at(item, "host_group.name");
        const auto id = group.empty() ? "host:" + text_at(item, "host.name") : "group:" + group;
        const bool seen = std::ranges::any_of(mappings, [&](const Mapping& one) { return one.host.id == id; });
        if (text_at(item, "volume.name") == volume.name && !seen) // a group's connection has a row for every member
            mappings.push_back({{id, id, {id}}, lun_of(item)});
    }
    return mappings;
}

Result<Mapping> FlashArray::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto query = connection(volume, host);
    if (!query)
        return query.error();
    const auto base = this->base(call);
    if (!base)
        return base.error();
    const Json body = lun ? Json{{"lun", *lun}} : Json::object();
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = api_.post(call, *base + "/connections", body, *query);
        if (reply) {
            const Json& items = rest::list_at(*reply, "items");
            const auto number = items.empty() ? std::nullopt : lun_of(items.front());
            return number ? std::optional(Mapping{host, number}) : std::optional<Mapping>();
        }
        // What the array says of a number in use is published nowhere; whether it is, can be seen.
        if (lun && reply.error().code != Errc::indeterminate && !is(reply.error(), "pure_connected"))
            if (const auto used = used_by(call, host); used && used->contains(*lun))
                return Error{Errc::busy, fmt::format("LUN {} is taken: {}", *lun, reply.error().message)};
        return reply.error();
    };
    const Settling how{.call = call, .clock = api_.clock(), .after_error = [](const Error& error) {
                           return is(error, "pure_connected") ? Afterwards::look_again : Afterwards::give_up;
                       }};
    auto mapped = settle<Mapping>(how, look, change);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("connect {} to {}", volume.name, host.name));
}

Result<void> FlashArray::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto query = connection(volume, host);
    if (!query)
        return query.error();
    const auto base = this->base(call);
    if (!base)
        return base.error();
    const auto is_gone = [&]() -> Result<bool> {
        const auto mappings = mappings_of(call, volume);
        if (!mappings)
            return mappings.error();
        return std::ranges::none_of(*mappings, [&](const Mapping& one) { return one.host.id == host.id; });
    };
    const auto remove = [&]() -> Result<void> {
        const auto reply = api_.remove(call, *base + "/connections", *query);
        return reply ? Result<void>() : reply.error();
    };
    auto unmapped = settle_removal({.call = call, .clock = api_.clock()}, is_gone, remove);
    return unmapped ? unmapped
                    : Error(unmapped.error()).in(fmt::format("disconnect {} from {}", volume.name, host.name));
}

Result<Volume> FlashArray::find_source(const Call& call, const DiskBacking& backing)
{
    if (backing.kind == DiskBacking::Kind::rdm) {
        const auto serial = serial_of(backing.id);
        if (!serial)
            return serial.error();
        return volume_by(call, {{"filter", fmt::format("serial='{}'", *serial)}}, "serial " + *serial);
    }
    auto id = lower(backing.id);
    for (std::string_view prefix : {"vvol:", "rfc4122."})
        if (id.starts_with(prefix))
            id.erase(0, prefix.size());
    if (!is_uuid(id))
        return Error{Errc::not_found, fmt::format("'{}' is not a virtual volume of a FlashArray", backing.id),
                     "let a host copy it"};
    const auto tags = list(call, "volumes/tags",
                           {{"namespaces", "vasa-integration.purestorage.com"},
                            {"filter", fmt::format("key='PURE_VVOL_ID' AND value='rfc4122.{}'", id)}});
    if (!tags)
        return Error(tags.error()).in("find the virtual volume " + id);
    for (const Json& tag : *tags)
        if (text_at(tag, "value") == "rfc4122." + id && text_at(tag, "key") == "PURE_VVOL_ID")
            return volume_by(call, {{"names", text_at(tag, "resource.name")}}, text_at(tag, "resource.name"));
    return Error{Errc::not_found, fmt::format("{}: no virtual volume {}", api_.rules().array, id),
                 std::string(check_array)};
}

Result<void> FlashArray::check(const Call&, const ArrayCopy& copy)
{
    if (copy.source.id == copy.target.id)
        return Error{Errc::unsupported, "source and target are the same volume", "check the volume handle"};
    if (copy.source.size_bytes > copy.target.size_bytes)
        return Error{
            Errc::unsupported,
            fmt::format("the source has {} bytes, the target {}", copy.source.size_bytes, copy.target.size_bytes),
            fmt::format("make the PersistentVolumeClaim at least {} bytes large", copy.source.size_bytes)};
    return {};
}

// Overwriting again with the same source gives the same content, so a lost reply is simply asked again.
Result<ArrayCopyState> FlashArray::start(const Call& call, const ArrayCopy& copy)
{
    const auto base = this->base(call);
    if (!base)
        return base.error();
    constexpr int attempts = 3;
    for (int attempt = 1;; ++attempt) {
        const auto reply = api_.post(call, *base + "/volumes", {{"source", {{"name", copy.source.name}}}},
                                     {{"names", copy.target.name}, {"overwrite", "true"}});
        if (!reply && (reply.error().code != Errc::indeterminate || attempt == attempts))
            return Error(reply.error()).in(fmt::format("copy {} over {}", copy.source.name, copy.target.name));
        if (reply)
            break;
    }
    if (auto resized = resize(call, copy.target); !resized)
        return resized.error();
    return look(call, copy);
}

// The target has the source's size now; what Kubernetes was promised is given back.
Result<void> FlashArray::resize(const Call& call, const Volume& target)
{
    const auto now = volume_by(call, {{"names", target.name}}, target.name);
    if (!now)
        return now.error();
    if (now->size_bytes >= target.size_bytes)
        return {};
    const auto reply =
        api_.patch(call, base_ + "/volumes", {{"provisioned", target.size_bytes}}, {{"names", target.name}});
    return reply ? Result<void>() : Error(reply.error()).in(fmt::format("grow {} to its size", target.name));
}

Result<ArrayCopyState> FlashArray::look(const Call& call, const ArrayCopy& copy)
{
    const auto items = list(call, "volumes", {{"names", copy.target.name}});
    if (!items)
        return Error(items.error()).in("look at the copy");
    if (items->size() != 1 || text_at(items->front(), "id") != copy.target.id)
        return Error{Errc::failed,
                     fmt::format("{}: volume {} is not what it was", api_.rules().array, copy.target.name)};
    const bool done = text_at(items->front(), "source.id") == copy.source.id ||
                      text_at(items->front(), "source.name") == copy.source.name;
    return done ? ArrayCopyState{.phase = ArrayCopyState::Phase::done, .percent = 100} : ArrayCopyState{};
}

Result<std::unique_ptr<Array>> make_flasharray(const ArrayConfig& config, rest::Transport& transport,
                                               rest::Clock& clock)
{
    ConfigCheck check(config, "FlashArray", "pureFlashArray");
    if (config.token.empty() && (config.username.empty() || config.password.empty()))
        check.complain(
            "STORAGE_TOKEN is empty, and so is STORAGE_USERNAME or STORAGE_PASSWORD: one of the two ways is needed");
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->headers.push_back({"User-Agent", "xcopy"}); // Pure asks callers to name themselves
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(std::make_unique<FlashArray>(transport, std::move(*rules), sign_in(config),
                                                               check.may_have("PURE_CLUSTER_PREFIX"), clock));
}

} // namespace xcopy::pure
