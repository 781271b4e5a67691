#include "vendors/driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Pure Storage FlashArray, REST 2 (facts/arrays/pureFlashArray.md).
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

// The newest version of that family in {"version":["1.0",…,"2.26"]}, not newer than `known`; empty: none.
std::string newest_version(const Json& versions, int family, int known)
{
    std::vector<int> newest;
    for (const auto& text : rest::texts_at(versions, "version"))
        if (const auto one = version_in(text); one.size() == 2 && one[0] == family && one[1] <= known)
            newest = std::max(newest, one);
    return newest.empty() ? std::string() : fmt::format("{}", fmt::join(newest, "."));
}

struct SignInSteps {
    std::string user;
    Secret password;
    Secret token;
    std::string logout_path{};

    Result<std::vector<rest::Header>> open(const Call& call, const rest::Send& send)
    {
        const auto versions = rest::sign_in_json(call, send, {.url = "/api/api_version"});
        if (!versions)
            return versions.error();
        const auto version = newest_version(*versions, 2, newest_known);
        if (version.empty())
            return Error{Errc::unsupported, "the array offers no REST 2", "update Purity to 6.0 or newer"};
        auto api_token =
            token.empty() ? fetch_token(call, send, newest_version(*versions, 1, 999)) : Result<Secret>(token);
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

    std::optional<rest::Request> close() const
    {
        return rest::Request{.method = rest::Method::post, .url = logout_path};
    }

    // A user's API token comes from REST 1.
    Result<Secret> fetch_token(const Call& call, const rest::Send& send, const std::string& version) const
    {
        if (version.empty())
            return Error{Errc::unsupported, "the array offers no REST 1, which gives a user its API token",
                         "set STORAGE_TOKEN instead of STORAGE_USERNAME and STORAGE_PASSWORD"};
        const Json body = {{"username", user}, {"password", password.reveal()}};
        const auto reply = rest::sign_in_json(call, send,
                                              {.method = rest::Method::post,
                                               .url = fmt::format("/api/{}/auth/apitoken", version),
                                               .body = rest::to_text(body)});
        if (!reply)
            return reply.error();
        const auto found = text_at(*reply, "api_token");
        return found.empty() ? Result<Secret>(Error{Errc::failed, "the reply holds no API token"}) : Secret(found);
    }
};

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    const auto errors = json ? rest::records_at(*json, "errors") : std::vector<Json>(); // beside items in a 200 too
    if (errors.empty())
        return std::nullopt;
    const auto context = text_at(errors.front(), "context");
    const auto message = text_at(errors.front(), "message");
    return explain(error_rows, "pure", {"", context.empty() ? message : context + ": " + message}, reply.status);
}

rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    const auto token = text_at(answer.body, "continuation_token");
    const bool more = rest::is_true(answer.body, "more_items_remaining") && !token.empty();
    return {rest::records_at(answer.body, "items"),
            more ? fmt::format("{}&continuation_token={}", path, rest::percent_encode(token)) : ""};
}

// A connection names a host or a host group and nothing else, so both stand among the initiators.
ArrayHost parse_host(const Json& host)
{
    ArrayHost parsed{"host:" + text_at(host, "name"), text_at(host, "name"), {"host:" + text_at(host, "name")}};
    if (const auto group = text_at(host, "host_group.name"); !group.empty())
        parsed.initiator_ids.push_back("group:" + group);
    for (const char* kind : {"iqns", "wwns"})
        for (auto name : rest::texts_at(host, kind)) {
            if (kind[0] == 'w')
                std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
            parsed.initiator_ids.push_back(lower(name));
        }
    return parsed;
}

// Names of hosts and groups: what else there is would be a pattern or a list.
bool is_name(std::string_view name)
{
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == ':' || c == '.';
    });
}

rest::Query connection(const Volume& volume, const ArrayHost& host)
{
    const auto [kind, name] = halves(host.id);
    return {{kind == "host" ? "host_names" : "host_group_names", name}, {"volume_names", volume.name}};
}

Result<Volume> parse_volume(const Json& item)
{
    Volume volume{.id = text_at(item, "id"), .name = text_at(item, "name"), .serial = upper(text_at(item, "serial"))};
    volume.naa = std::string(naa_prefix) + lower(volume.serial);
    if (volume.serial.size() != serial_length || volume.name.empty())
        return about(volume, Errc::failed,
                     fmt::format("its serial number '{}' is not one of FlashArray", volume.serial));
    if (rest::is_true(item, "destroyed"))
        return about(volume, Errc::unsupported, "it was destroyed and lies in the recycle bin",
                     "recover it on the array");
    if (text_at(item, "subtype") == "protocol_endpoint" || text_at(item, "promotion_status") == "demoted")
        return about(volume, Errc::unsupported, "it is a protocol endpoint or demoted and cannot be written",
                     "use a regular volume, or promote its pod");
    return proven(volume, rest::number_at(item, "provisioned").value_or(0), {naa_prefix}); // there is no "size"
}

class FlashArray final : public Driver, public LunNumbers, public VolumeCopier {
public:
    FlashArray(Wiring wiring, std::string name_prefix) : Driver(std::move(wiring)), name_prefix_(std::move(name_prefix))
    {}

    Result<ArrayInfo> info(const Call& call) override
    {
        const auto arrays = list(call, "arrays");
        if (!arrays)
            return arrays.error();
        ArrayInfo info{"Pure Storage", "FlashArray", "", arrays->empty() ? "" : text_at(arrays->front(), "version")};
        if (const auto controllers = list(call, "controllers"))
            for (const Json& controller : *controllers)
                if (info.model.empty())
                    info.model = text_at(controller, "model");
        return info;
    }

    // PX-CSI writes the volume's id into the handle; Portworx Enterprise its own, so there the name counts.
    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        if (!is_digits(handle.handle) && !is_uuid(handle.handle))
            return not_a_handle(handle, "Portworx or PX-CSI", "pxd.portworx.com");
        if (is_uuid(handle.handle)) {
            auto volume = volume_by(call, {{"ids", handle.handle}}, handle.handle);
            if (volume && volume->id != handle.handle)
                return answered_another("volume " + handle.handle);
            if (volume || volume.error().code != Errc::not_found || name_prefix_.empty())
                return volume;
        }
        const auto claim = handle.attribute("csi.storage.k8s.io/pv/name");
        if (name_prefix_.empty() || !is_name(claim))
            return error(Errc::not_found, fmt::format("handle {} is not the id of a volume", handle.handle),
                         "set PURE_CLUSTER_PREFIX (px_ and the first 8 characters of the StorageCluster's clusterUid) "
                         "and give the PersistentVolume's name as attribute csi.storage.k8s.io/pv/name");
        const auto name = fmt::format("{}-{}", name_prefix_, claim);
        auto volume = volume_by(call, {{"names", name}}, name);
        return volume && volume->name != name ? answered_another("volume " + name) : volume;
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects;
        objects.list = [&](const auto&, const auto&, bool) -> Result<std::vector<ArrayHost>> {
            return each(list(call, "hosts"), [](const Json& item) { // those of other arrays cannot be connected to
                return text_at(item, "is_local") == "false" ? std::nullopt : std::optional(parse_host(item));
            });
        };
        objects.write = [&](const ArrayHost* own, const std::string& name, const Spellings& ports) -> Result<void> {
            Json body = own ? Json::object() : Json{{"personality", "esxi"}};
            for (const auto& port : ports) {
                const Initiator fc{.kind = Initiator::Kind::fc, .wwpn = port};
                body[std::string(own ? "add_" : "") + (is_hex(port) ? "wwns" : "iqns")].push_back(
                    is_hex(port) ? upper(fc.with_colons()) : port);
            }
            return done(change(call, own ? rest::Method::patch : rest::Method::post, "hosts", {{"names", name}}, body));
        };
        return ensure_host_object(settling(call), host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 4095; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto [kind, name] = halves(host.id);
        const auto items = list(call, "connections", {{kind == "group" ? "host_group_names" : "host_names", name}});
        return in_step("list the LUN numbers of " + host.name, numbers_in(items, "lun"));
    }

    // A copy is a change of metadata: done when the call returns. There is nothing to cancel or to forget.
    VolumeCopier* volume_copier() override { return this; }
    bool copies(DiskBacking::Kind) const override { return true; }
    Result<void> check(const Call&, const ArrayCopy& copy) override { return check_sizes(copy); }
    Result<void> cancel(const Call&, const ArrayCopy&) override { return {}; }
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; }

    Result<Volume> find_source(const Call& call, const DiskBacking& backing) override
    {
        const auto hex = hex_in(backing);
        if (backing.kind == DiskBacking::Kind::rdm) {
            if (!("naa." + hex).starts_with(naa_prefix))
                return Error{Errc::not_found, fmt::format("'{}' is not a LUN of a FlashArray", backing.id),
                             "let a host copy it"};
            const auto serial = upper(hex.substr(hex.size() - serial_length));
            return volume_by(call, {{"filter", fmt::format("serial='{}'", serial)}}, "serial " + serial);
        }
        const auto id = halves(lower(backing.id), '.').second; // "rfc4122.<uuid>"
        if (!is_uuid(id))
            return Error{Errc::not_found, fmt::format("'{}' is not a virtual volume of a FlashArray", backing.id),
                         "let a host copy it"};
        const auto value = "rfc4122." + id;
        const auto tags = list(call, "volumes/tags",
                               {{"namespaces", "vasa-integration.purestorage.com"},
                                {"filter", fmt::format("key='PURE_VVOL_ID' AND value='{}'", value)}});
        if (!tags)
            return Error(tags.error()).in("find the virtual volume " + id);
        for (const Json& tag : *tags)
            if (text_at(tag, "value") == value && text_at(tag, "key") == "PURE_VVOL_ID")
                return volume_by(call, {{"names", text_at(tag, "resource.name")}}, text_at(tag, "resource.name"));
        return error(Errc::not_found, "no virtual volume " + id, check_array);
    }

    // Overwriting again with the same source gives the same content, so a lost reply is simply asked again. The target
    // has the source's size then; what Kubernetes was promised is given back.
    Result<ArrayCopyState> start(const Call& call, const ArrayCopy& copy) override
    {
        for (int attempt = 1;; ++attempt) {
            const auto reply =
                change(call, rest::Method::post, "volumes", {{"names", copy.target.name}, {"overwrite", "true"}},
                       {{"source", {{"name", copy.source.name}}}});
            if (!reply && (reply.error().code != Errc::indeterminate || attempt == 3))
                return Error(reply.error()).in(fmt::format("copy {} over {}", copy.source.name, copy.target.name));
            if (reply)
                break;
        }
        const auto now = volume_by(call, {{"names", copy.target.name}}, copy.target.name);
        if (!now)
            return now.error();
        if (now->size_bytes < copy.target.size_bytes)
            if (const auto grown = change(call, rest::Method::patch, "volumes", {{"names", copy.target.name}},
                                          {{"provisioned", copy.target.size_bytes}});
                !grown)
                return Error(grown.error()).in(fmt::format("grow {} to its size", copy.target.name));
        return look(call, copy);
    }

    Result<ArrayCopyState> look(const Call& call, const ArrayCopy& copy) override
    {
        const auto items = in_step("look at the copy", list(call, "volumes", {{"names", copy.target.name}}));
        if (!items)
            return items.error();
        if (items->size() != 1 || text_at(items->front(), "id") != copy.target.id)
            return error(Errc::failed, fmt::format("volume {} is not what it was", copy.target.name));
        const bool done = text_at(items->front(), "source.id") == copy.source.id ||
                          text_at(items->front(), "source.name") == copy.source.name;
        return done ? ArrayCopyState{.phase = ArrayCopyState::Phase::done, .percent = 100} : ArrayCopyState{};
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, name] = halves(host.id);
        return is_uuid(volume.id) && is_name(name) && (kind == "host" || kind == "group");
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto items = list(call, "connections", {{"volume_names", volume.name}});
        return each(kept(items, "volume.name", volume.name), [](const Json& item) {
            const auto group = text_at(item, "host_group.name"); // its connection has a row for every member
            const auto id = group.empty() ? "host:" + text_at(item, "host.name") : "group:" + group;
            return Mapping{{id, id, {id}}, number_in(item, "lun")}; // of a vVol: more than 32 bits
        });
    }

    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto reply = change(call, rest::Method::post, "connections", connection(volume, host),
                                  lun ? Json{{"lun", *lun}} : Json::object());
        return then(reply, [&](const Json& made) {
            const auto items = rest::records_at(made, "items");
            const auto number = items.empty() ? std::nullopt : number_in(items.front(), "lun");
            return number ? std::optional(Mapping{host, number}) : std::nullopt;
        });
    }

    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return done(change(call, rest::Method::remove, "connections", connection(volume, host), nullptr));
    }

    Afterwards after_error(const Error& error) const override
    {
        const bool by_another =
            is(error, "pure_connected") || is(error, "pure_exists") || is(error, "pure_initiator_in_use");
        return by_another ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    Result<std::string> path(const Call& call, std::string_view resource, rest::Query query)
    {
        const auto base = base_.get(call, [&]() -> Result<std::string> {
            const auto versions = api_.get(call, "/api/api_version");
            if (!versions)
                return Error(versions.error()).in("find out the array's version");
            return "/api/" + newest_version(*versions, 2, newest_known);
        });
        return base ? rest::with_query(fmt::format("{}/{}", *base, resource), query) : base;
    }

    Result<std::vector<Json>> list(const Call& call, std::string_view resource, rest::Query query = {})
    {
        query.emplace_back("limit", "1000");
        return then(path(call, resource, std::move(query)), [&](const std::string& first) {
            return rest::all_records(api_, call, first,
                                     [&](const rest::Answer& answer) { return split_page(answer, first); });
        });
    }

    Result<Json> change(const Call& call, rest::Method method, std::string_view resource, rest::Query query,
                        const Json& body)
    {
        const auto answer = then(path(call, resource, std::move(query)),
                                 [&](const std::string& where) { return api_.ask(call, method, where, body); });
        return then(answer, [](const rest::Answer& given) { return given.body; });
    }

    Result<Volume> volume_by(const Call& call, const rest::Query& query, std::string_view what)
    {
        const auto items = in_step(fmt::format("find volume {}", what), list(call, "volumes", query));
        if (!items)
            return items.error();
        if (items->size() != 1)
            return error(Errc::not_found, fmt::format("{} volumes are {}", items->size(), what), check_array);
        return in_step(array(), parse_volume(items->front()));
    }

    const std::string name_prefix_; // PURE_CLUSTER_PREFIX
    Learned<std::string> base_;     // "/api/2.26"
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "FlashArray", "pureFlashArray");
    if (config.token.empty() && (config.username.empty() || config.password.empty()))
        check.complain(
            "STORAGE_TOKEN is empty, and so is STORAGE_USERNAME or STORAGE_PASSWORD: one of the two ways is needed");
    auto rules = check.rules();
    if (rules)
        rules->headers.push_back({"User-Agent", "xcopy"}); // Pure asks callers to name themselves
    auto sign_in = rest::session(
        rest::session_of(SignInSteps{config.username, config.password, config.token}, {config.password, config.token}));
    return made<FlashArray>(wire, std::move(rules), decode_error, std::move(sign_in), clock,
                            check.may_have("PURE_CLUSTER_PREFIX"));
}

} // namespace xcopy::pure
