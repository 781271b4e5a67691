#include "vendors/powerflex/powerflex.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy::powerflex {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::size_t id_length = 16;
constexpr std::string_view check_array =
    "check STORAGE_HOSTNAME and POWERFLEX_SYSTEM_ID against the secret vxflexos-config";

// Numbers that are published nowhere are known by their text.
constexpr ErrorRow error_rows[] = {
    {"78", Errc::not_found, "no such volume", check_array},
    {"79", Errc::not_found, "no such volume", check_array},
    {"could not find the volume", Errc::not_found, "no such volume", check_array, "powerflex_79"},
    {"must be a hexadecimal number", Errc::bad_request, "the volume's id is none", "", "powerflex_88"},
    {"80", Errc::not_found, "no such SDC", "check that the SDC of the ESXi host is registered"},
    {"81", Errc::conflict, "the volume is mapped to this SDC already", ""},
    {"already mapped to this sdc", Errc::conflict, "the volume is mapped to this SDC already", "", "powerflex_81"},
    {"82", Errc::conflict, "the volume is mapped to all SDCs", ""},
    {"84", Errc::not_found, "the volume is not mapped to this SDC", ""},
    {"is not mapped to", Errc::not_found, "the volume is not mapped to this SDC", "", "powerflex_84"},
    {"86", Errc::conflict, "the volume is mapped to all SDCs, so it cannot be taken from one",
     "unmap it from all by hand"},
    {"87", Errc::conflict, "there are too many mappings", "remove mappings that are not needed any more"},
    {"may not be mapped to additional", Errc::conflict, "the volume may have one mapping only",
     "the gateway ignored allowMultipleMappings: update it", "powerflex_one_mapping"},
    {"sdc is not approved", Errc::unsupported, "the SDC is not approved",
     "approve it: scli --approve_sdc, or the action approveSdc of the system", "powerflex_not_approved"},
    {"removal operation is currently", Errc::busy, "the volume is being removed", "use another volume"},
    {"no_permissions", Errc::denied, "the account may not do this",
     "give it the role Frontend Configure or StorageAdmin"},
    {"permission denied", Errc::denied, "the account may not do this",
     "give it the role Frontend Configure or StorageAdmin", "powerflex_no_permissions"},
};

bool is_id(std::string_view text)
{
    return text.size() == id_length && is_hex(text);
}

// A JSON string, quoted; the body of the legacy login and of /api/version.
std::string quoted_text(const rest::Reply& reply)
{
    const auto json = rest::parse_json(reply.body);
    return json && json->is_string() ? json->get<std::string>() : std::string();
}

rest::Header bearer(const std::string& token)
{
    return {"Authorization", "Bearer " + token};
}

// The older login works on 3.x and 4.x; where it is gone, the one of PowerFlex Manager. 3.x takes the token as the
// password of Basic, 4.x as Bearer.
struct SignInWays {
    std::string user;
    Secret password;
    std::string refresh_token{}; // of the newer login, to end it

    Result<std::vector<rest::Header>> open(const Call& call, const rest::Send& send)
    {
        refresh_token.clear();
        const auto legacy = send(call, {.url = "/api/login", .headers = {rest::basic_header(user, password)}});
        if (!legacy)
            return legacy.error();
        if (legacy->status == 404 || legacy->status == 405 || legacy->status == 410)
            return open_newer(call, send);
        const auto reply = rest::sign_in_reply(*legacy);
        if (!reply)
            return reply.error();
        const auto token = quoted_text(*reply);
        if (token.empty())
            return Error{Errc::failed, "the reply holds no token"};
        const auto as_password = rest::basic_header("", Secret(token));
        auto version = send(call, {.url = "/api/version", .headers = {as_password}});
        if (version && version->status == 401)
            version = send(call, {.url = "/api/version", .headers = {bearer(token)}});
        if (!version)
            return version.error();
        const auto number = quoted_text(*version);
        if (number.empty())
            return Error{Errc::unavailable, fmt::format("HTTP {} instead of a version", version->status)};
        return std::vector<rest::Header>{number.front() < '4' && number.find('.') == 1 ? as_password : bearer(token)};
    }

    Result<std::vector<rest::Header>> open_newer(const Call& call, const rest::Send& send)
    {
        const Json body = {{"username", user}, {"password", password.reveal()}};
        const auto reply = rest::sign_in_step(
            call, send, {.method = rest::Method::post, .url = "/rest/auth/login", .body = rest::to_text(body)});
        if (!reply)
            return reply.error();
        if (const auto json = rest::parse_json(reply->body))
            refresh_token = text_at(*json, "refresh_token");
        return rest::from_reply_field(*reply, "access_token", "Authorization", "Bearer ");
    }

    rest::Request close() const
    {
        if (refresh_token.empty())
            return {.url = "/api/logout"};
        return {.method = rest::Method::post,
                .url = "/rest/auth/logout",
                .body = rest::to_text({{"refresh_token", refresh_token}})};
    }
};

std::unique_ptr<rest::SignIn> sign_in(const ArrayConfig& config)
{
    const auto ways = std::make_shared<SignInWays>(SignInWays{config.username, config.password});
    return rest::session({.open = [ways](const Call& call, const rest::Send& send) { return ways->open(call, send); },
                          .lapsed = {},
                          .renewed = {},
                          .logout = [ways](const auto&) { return ways->close(); },
                          .secrets = {config.password}});
}

Mapping parse_mapping(const Json& info)
{
    const bool nvme = lower(text_at(info, "hostType")) == "nvmehost";
    const auto id = text_at(info, nvme ? "hostId" : "sdcId");
    return {.host = {(nvme ? "nvme:" : "sdc:") + id, text_at(info, "sdcName"), {}}, .lun = std::nullopt};
}

// The id that the array knows; NVMe hosts are somebody else's and never touched.
Result<std::string> sdc_of(const Volume& volume, const ArrayHost& host)
{
    const auto id = host.id.starts_with("sdc:") ? host.id.substr(4) : std::string();
    if (!is_id(volume.id) || !is_id(id))
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not ids of a volume and an SDC", volume.id, host.id)};
    return id;
}

} // namespace

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    if (reply.status < 400)
        return std::nullopt;
    ArrayWords words;
    if (json != nullptr && json->is_object()) {
        words = {text_at(*json, "errorCode"), text_at(*json, "message")};
        if (const Json& details = rest::list_at(*json, "details");
            !details.empty() && (words.code.empty() || words.code == "0"))
            words = {text_at(details.front(), "rc"), text_at(details.front(), "errorMessage")};
        if (words.code == "0")
            words.code.clear();
    }
    if (words.message.empty() || reply.status == 401)
        return std::nullopt;
    return explain(error_rows, "powerflex", words, reply.status);
}

Result<Place> place_of(const VolumeHandle& handle)
{
    if (handle.handle.find('/') != std::string::npos)
        return Error{Errc::unsupported, fmt::format("volume {} is a file system", handle.handle),
                     "use a StorageClass for block volumes"};
    const auto dash = handle.handle.rfind('-');
    Place place{dash == std::string::npos ? "" : lower(handle.handle.substr(0, dash)),
                lower(handle.handle.substr(dash == std::string::npos ? 0 : dash + 1))};
    if (!is_id(place.volume) || (!place.system.empty() && !is_id(place.system)))
        return Error{Errc::bad_request,
                     fmt::format("'{}' is not a volume handle of PowerFlex (<system id>-<volume id>)", handle.handle),
                     "the PersistentVolume must have been made by csi-vxflexos.dellemc.com"};
    return place;
}

Result<Volume> parse_volume(const Json& record, std::string_view system_id)
{
    Volume volume{.id = lower(text_at(record, "id")), .name = text_at(record, "name")};
    volume.naa = fmt::format("eui.{}{}", system_id, volume.id);
    const auto kilobytes = rest::number_at(record, "sizeInKb").value_or(0);
    if (kilobytes <= 0)
        return Error{Errc::failed, fmt::format("volume {}: the array gave no size", volume.name)};
    volume.size_bytes = static_cast<std::uint64_t>(kilobytes) * 1024;
    return volume;
}

PowerFlex::PowerFlex(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                     std::string system, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), wanted_system_(std::move(system))
{}

Result<PowerFlex::System> PowerFlex::system(const Call& call)
{
    const auto turn = choosing_.enter(call);
    if (!turn)
        return turn.error();
    if (!system_) {
        auto chosen = choose_system(call);
        if (!chosen)
            return Error(chosen.error()).in("find the system");
        system_ = std::move(*chosen);
    }
    return *system_;
}

Result<PowerFlex::System> PowerFlex::choose_system(const Call& call)
{
    const auto systems = api_.get(call, "/api/types/System/instances");
    if (!systems)
        return systems.error();
    if (systems->is_array())
        for (const Json& one : *systems)
            if (text_at(one, "id") == lower(wanted_system_) || text_at(one, "name") == wanted_system_)
                return System{lower(text_at(one, "id")), text_at(one, "systemVersionName"),
                              !text_at(one, "restrictedSdcMode").empty() &&
                                  text_at(one, "restrictedSdcMode") != "None"};
    return Error{Errc::conflict, fmt::format("{} knows no system '{}'", api_.rules().array, wanted_system_),
                 std::string(check_array)};
}

Result<ArrayInfo> PowerFlex::info(const Call& call)
{
    const auto system = this->system(call);
    if (!system)
        return system.error();
    return ArrayInfo{"Dell", "PowerFlex", "", system->version};
}

Result<Volume> PowerFlex::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto place = place_of(handle);
    if (!place)
        return place.error();
    const auto system = this->system(call);
    if (!system)
        return system.error();
    if (!place->system.empty() && place->system != system->id)
        return Error{Errc::conflict,
                     fmt::format("wrong array configured: volume {} is on system {}, {} is system {}", place->volume,
                                 place->system, api_.rules().array, system->id),
                     "use the secret of the array the StorageClass belongs to"};
    const auto record = read_volume(call, place->volume);
    if (!record)
        return Error(record.error()).in(fmt::format("find volume {}", place->volume));
    auto volume = parse_volume(*record, system->id);
    return volume ? volume : Error(volume.error()).in(api_.rules().array);
}

Result<Json> PowerFlex::read_volume(const Call& call, const std::string& id)
{
    auto record = api_.get(call, "/api/instances/Volume::" + id);
    if (record && lower(text_at(*record, "id")) != id)
        return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with another one",
                                               api_.rules().array, id)};
    return record;
}

Result<ArrayHost> PowerFlex::ensure_host(const Call& call, const HostIdentity& host)
{
    const auto system = this->system(call);
    if (!system)
        return system.error();
    const auto sdcs = api_.get(call, fmt::format("/api/instances/System::{}/relationships/Sdc", system->id));
    if (!sdcs)
        return Error(sdcs.error()).in("list the SDCs");
    const auto is_host = [&](const Json& sdc) {
        return lower(text_at(sdc, "osType")) == "esx" &&
               std::ranges::any_of(host.initiators, [&](const Initiator& one) {
                   return one.kind == Initiator::Kind::sdc && lower(one.name) == lower(text_at(sdc, "sdcGuid"));
               });
    };
    const auto found = sdcs->is_array() ? std::ranges::find_if(*sdcs, is_host) : sdcs->end();
    if (found == sdcs->end())
        return Error{
            Errc::not_found,
            fmt::format("{}: no SDC of an ESXi host has the GUID that host {} reports", api_.rules().array, host.name),
            "install and configure the SDC (scini) on that host, or use a host that has it", "no_sdc"};
    const auto name = text_at(*found, "name").empty() ? text_at(*found, "sdcGuid") : text_at(*found, "name");
    if (text_at(*found, "mdmConnectionState") == "Disconnected")
        return Error{Errc::unavailable, fmt::format("{}: the SDC {} is disconnected", api_.rules().array, name),
                     "check the network between that host and the MDMs"};
    if (system->restricted && text_at(*found, "sdcApproved") == "false")
        return Error{Errc::unsupported, fmt::format("{}: the SDC {} is not approved", api_.rules().array, name),
                     "approve it: the system is in restricted SDC mode"};
    return ArrayHost{"sdc:" + lower(text_at(*found, "id")), name, {lower(text_at(*found, "sdcGuid"))}};
}

Result<std::vector<Mapping>> PowerFlex::mappings_of(const Call& call, const Volume& volume)
{
    const auto record = read_volume(call, volume.id);
    if (!record)
        return Error(record.error()).in(fmt::format("list the mappings of {}", volume.name));
    std::vector<Mapping> mappings;
    for (const Json& info : rest::list_at(*record, "mappedSdcInfo")) // null when there is none
        mappings.push_back(parse_mapping(info));
    return mappings;
}

Result<void> PowerFlex::act(const Call& call, const Volume& volume, std::string_view action, const Json& body)
{
    const auto reply = api_.post(call, fmt::format("/api/instances/Volume::{}/action/{}", volume.id, action), body);
    return reply ? Result<void>() : reply.error();
}

Result<Mapping> PowerFlex::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int>)
{
    const auto sdc = sdc_of(volume, host);
    if (!sdc)
        return sdc.error();
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto change = [&] { // flags are strings; without this one a second SDC is refused
        return act(call, volume, "addMappedSdc", {{"sdcId", *sdc}, {"allowMultipleMappings", "true"}});
    };
    const Settling how{.call = call, .clock = api_.clock(), .after_error = [](const Error& error) {
                           return is(error, "powerflex_81") ? Afterwards::look_again : Afterwards::give_up;
                       }};
    auto mapped = settle<Mapping>(how, look, change);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map {} to SDC {}", volume.name, host.name));
}

// Only this SDC: an unmap of all would take the volume from the Kubernetes nodes, and their limits with it.
Result<void> PowerFlex::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto sdc = sdc_of(volume, host);
    if (!sdc)
        return sdc.error();
    const auto is_gone = [&]() -> Result<bool> {
        const auto mappings = mappings_of(call, volume);
        if (!mappings)
            return mappings.error();
        return std::ranges::none_of(*mappings, [&](const Mapping& one) { return one.host.id == host.id; });
    };
    auto unmapped = settle_removal({.call = call, .clock = api_.clock()}, is_gone, [&] {
        return act(call, volume, "removeMappedSdc", {{"sdcId", *sdc}});
    });
    return unmapped ? unmapped
                    : Error(unmapped.error()).in(fmt::format("unmap {} from SDC {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_powerflex(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    ConfigCheck check(config, "PowerFlex", "powerflex");
    check.need_account();
    const auto system = check.need("POWERFLEX_SYSTEM_ID");
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(
        std::make_unique<PowerFlex>(transport, std::move(*rules), sign_in(config), system, clock));
}

} // namespace xcopy::powerflex
