#include "vendors/driver.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Dell PowerFlex 3.x and 4.x, by its gateway or PowerFlex Manager (facts/arrays/powerflex.md). No LUN numbers and no
// initiators: an ESXi host is an SDC, known by the GUID of its kernel module, which registers itself.
namespace xcopy::powerflex {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view check_array =
    "check STORAGE_HOSTNAME and POWERFLEX_SYSTEM_ID against the secret vxflexos-config";

// Numbers that are published nowhere are known by their text.
constexpr ErrorRow error_rows[] = {
    {"78,79", Errc::not_found, "no such volume", check_array},
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
    return text.size() == 16 && is_hex(text);
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

    std::optional<rest::Request> close() const
    {
        if (refresh_token.empty())
            return rest::Request{.url = "/api/logout"};
        return rest::Request{.method = rest::Method::post,
                             .url = "/rest/auth/logout",
                             .body = rest::to_text({{"refresh_token", refresh_token}})};
    }
};

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
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

struct Place { // "<system>-<volume>", or the volume alone on old PersistentVolumes
    std::string system;
    std::string volume;
};

Result<Place> place_of(const VolumeHandle& handle)
{
    if (handle.handle.find('/') != std::string::npos)
        return Error{Errc::unsupported, fmt::format("volume {} is a file system", handle.handle),
                     "use a StorageClass for block volumes"};
    const auto parts = parts_of(lower(handle.handle), "(?:([0-9a-f]{16})-)?([0-9a-f]{16})");
    if (!parts)
        return not_a_handle(handle, "PowerFlex (<system id>-<volume id>)", "csi-vxflexos.dellemc.com");
    return Place{parts->at(0), parts->at(1)};
}

Mapping parse_mapping(const Json& info) // NVMe hosts are somebody else's and never touched
{
    const bool nvme = lower(text_at(info, "hostType")) == "nvmehost";
    const auto id = text_at(info, nvme ? "hostId" : "sdcId");
    return {{(nvme ? "nvme:" : "sdc:") + id, text_at(info, "sdcName")}, std::nullopt};
}

struct System {
    std::string id;
    std::string version;
    bool restricted = false; // only SDCs that were approved may be mapped to
};

class PowerFlex final : public Driver {
public:
    PowerFlex(Wiring wiring, std::string system) : Driver(std::move(wiring)), wanted_(std::move(system)) {}

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(this_system(call), [](const System& here) {
            return ArrayInfo{"Dell", "PowerFlex", "", here.version};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle);
        const auto here = place ? this_system(call) : place.error();
        if (!here)
            return here.error();
        if (!place->system.empty() && place->system != here->id)
            return wrong_array(place->volume, "system " + place->system, "system " + here->id);
        const auto record = in_step("find volume " + place->volume, read_volume(call, place->volume));
        if (!record)
            return record.error();
        Volume volume{.id = place->volume, .name = text_at(*record, "name")};
        volume.naa = fmt::format("eui.{}{}", here->id, volume.id);
        volume.size_bytes = static_cast<std::uint64_t>(rest::number_at(*record, "sizeInKb").value_or(0)) * 1024;
        if (volume.size_bytes == 0)
            return about(volume, Errc::failed, "the array gave no size");
        return volume;
    }

    // Finds it; nobody can make one.
    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        const auto here = this_system(call);
        if (!here)
            return here.error();
        const auto sdcs = api_.get(call, fmt::format("/api/instances/System::{}/relationships/Sdc", here->id));
        if (!sdcs)
            return Error(sdcs.error()).in("list the SDCs");
        for (const Json& sdc : rest::records_at(*sdcs, "")) {
            const auto guid = lower(text_at(sdc, "sdcGuid"));
            const bool is_host = std::ranges::any_of(host.initiators, [&](const Initiator& one) {
                return one.kind == Initiator::Kind::sdc && lower(one.name) == guid;
            });
            if (!is_host || lower(text_at(sdc, "osType")) != "esx")
                continue;
            const auto name = text_at(sdc, "name").empty() ? guid : text_at(sdc, "name");
            if (text_at(sdc, "mdmConnectionState") == "Disconnected")
                return error(Errc::unavailable, fmt::format("the SDC {} is disconnected", name),
                             "check the network between that host and the MDMs");
            if (here->restricted && text_at(sdc, "sdcApproved") == "false")
                return error(Errc::unsupported, fmt::format("the SDC {} is not approved", name),
                             "approve it: the system is in restricted SDC mode");
            return ArrayHost{"sdc:" + lower(text_at(sdc, "id")), name, {guid}};
        }
        return error(Errc::not_found,
                     fmt::format("no SDC of an ESXi host has the GUID that host {} reports", host.name),
                     "install and configure the SDC (scini) on that host, or use a host that has it", "no_sdc");
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, id] = halves(host.id);
        return kind == "sdc" && is_id(id) && is_id(volume.id);
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto infos = then(read_volume(call, volume.id), [](const Json& record) {
            return rest::records_at(record, "mappedSdcInfo"); // null when there is none
        });
        return each(infos, parse_mapping);
    }

    // Flags are strings; without this one a second SDC is refused.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int>) override
    {
        const auto mapped =
            act(call, volume, "addMappedSdc", {{"sdcId", halves(host.id).second}, {"allowMultipleMappings", "true"}});
        return mapped ? Result<std::optional<Mapping>>(std::nullopt) : mapped.error();
    }

    // Only this SDC: an unmap of all would take the volume from the Kubernetes nodes, and their limits with it.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return act(call, volume, "removeMappedSdc", {{"sdcId", halves(host.id).second}});
    }

    Afterwards after_error(const Error& error) const override
    {
        return is(error, "powerflex_81") ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    Result<System> this_system(const Call& call)
    {
        return system_.get(call, [&]() -> Result<System> {
            const auto systems = api_.get(call, "/api/types/System/instances");
            if (!systems)
                return Error(systems.error()).in("find the system");
            for (const Json& one : rest::records_at(*systems, ""))
                if (text_at(one, "id") == lower(wanted_) || text_at(one, "name") == wanted_) {
                    const auto mode = text_at(one, "restrictedSdcMode");
                    return System{lower(text_at(one, "id")), text_at(one, "systemVersionName"),
                                  !mode.empty() && mode != "None"};
                }
            return error(Errc::conflict, fmt::format("it knows no system '{}'", wanted_), check_array);
        });
    }

    Result<Json> read_volume(const Call& call, const std::string& id)
    {
        auto record = api_.get(call, "/api/instances/Volume::" + id);
        return record && lower(text_at(*record, "id")) != id ? answered_another("volume " + id) : record;
    }

    Result<void> act(const Call& call, const Volume& volume, std::string_view action, const Json& body)
    {
        return done(api_.post(call, fmt::format("/api/instances/Volume::{}/action/{}", volume.id, action), body));
    }

    const std::string wanted_; // id or name
    Learned<System> system_;
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "PowerFlex", "powerflex");
    check.need_account();
    const auto system = check.need("POWERFLEX_SYSTEM_ID");
    auto session = rest::session_of(SignInWays{config.username, config.password}, {config.password});
    return made<PowerFlex>(wire, check.rules(), decode_error, rest::session(std::move(session)), clock, system);
}

} // namespace xcopy::powerflex
