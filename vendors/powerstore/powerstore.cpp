#include "vendors/powerstore/powerstore.hpp"

#include "vendors/driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::powerstore {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view check_array = "check that STORAGE_HOSTNAME is the volume's PowerStore";

// Codes differ between releases, so the HTTP status decides and these only explain.
constexpr ErrorRow error_rows[] = {
    {"0xE0A08001000E,0xE0A07001000C", Errc::not_found, "no such volume", check_array},
    {"0xE0A010010003", Errc::not_found, "no such host", "run again: it is looked up anew"},
    {"0xE0A01001002F", Errc::bad_request, "the array does not like an initiator's name",
     "check the names the host reports (esxcli storage core adapter list)"},
    {"401", Errc::denied, "the account is not accepted", "check STORAGE_USERNAME and STORAGE_PASSWORD"},
    {"403", Errc::denied, "the account may not do this",
     "give the account of STORAGE_USERNAME the role Storage Operator or higher"},
};

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400)
        return std::nullopt;
    ArrayWords words;
    if (json != nullptr)
        if (const Json& messages = rest::list_at(*json, "messages"); !messages.empty())
            words = {text_at(messages.front(), "code"), text_at(messages.front(), "message_l10n")};
    if (reply.status == 401 || reply.status == 403)
        words.code = std::to_string(reply.status);
    return words.code.empty() ? std::nullopt : std::optional(explain(error_rows, "powerstore", words, reply.status));
}

// The way to the next page stands in a header: "0-99/1234", on some with "items " before it.
rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    rest::Page page{rest::records_at(answer.body, ""), ""};
    const rest::Reply reply{.headers = answer.headers};
    const auto [range, all] = halves(reply.header("Content-Range").value_or(""), '/');
    const auto last = to_int(halves(range, '-').second);
    if (answer.status == 206 && !page.records.empty() && last && *last + 1 < to_int(all).value_or(0))
        page.next = fmt::format("{}&offset={}", path, *last + 1);
    return page;
}

// Through its group where it is in one: the array maps nothing to a single member. "host:…" and "host_group:…" stand among
// the initiators, for a mapping names one of them and nothing else.
ArrayHost parse_host(const Json& host)
{
    const auto group = text_at(host, "host_group_id");
    ArrayHost parsed{"host:" + text_at(host, "id"), text_at(host, "name"), {"host:" + text_at(host, "id")}};
    if (!group.empty())
        parsed.initiator_ids.push_back(parsed.id = "host_group:" + group);
    for (const Json& initiator : rest::list_at(host, "host_initiators"))
        parsed.initiator_ids.push_back(lower(text_at(initiator, "port_name")));
    return parsed;
}

Mapping parse_mapping(const Json& record)
{
    const auto group = text_at(record, "host_group_id");
    const auto id = group.empty() ? "host:" + text_at(record, "host_id") : "host_group:" + group;
    return {{id, id, {id}}, number_in(record, "logical_unit_number")};
}

Json holder(const ArrayHost& host) // {"host_id": "…"} or {"host_group_id": "…"}
{
    const auto [kind, id] = halves(host.id);
    return {{kind + "_id", id}};
}

class PowerStore final : public Driver, public LunNumbers {
public:
    using Driver::Driver;

    Result<ArrayInfo> info(const Call& call) override
    {
        const auto software = list(call, "software_installed", {{"select", "id,release_version,is_cluster"}});
        if (!software)
            return software.error();
        ArrayInfo info{"Dell", "PowerStore", "", ""};
        for (const Json& one : *software)
            if (rest::is_true(one, "is_cluster"))
                info.version = text_at(one, "release_version");
        if (const auto all = list(call, "appliance", {{"select", "id,model"}}); all && !all->empty())
            info.model = text_at(all->front(), "model");
        return info;
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle);
        if (!place)
            return place.error();
        const auto here = place->array.empty() ? place->array : global_id(call);
        if (!here)
            return Error(here.error()).in("find out which array this is");
        if (*here != place->array)
            return wrong_array(place->volume, "PowerStore " + place->array, *here);
        const auto record = in_step("find volume " + place->volume,
                                    api_.get(call, "/api/rest/volume/" + place->volume, {{"select", "*"}}));
        if (!record)
            return record.error();
        if (text_at(*record, "id") != place->volume)
            return answered_another("volume " + place->volume);
        return in_step(array(), parse_volume(*record));
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects{.spell = &Initiator::with_colons};
        objects.list = [&](const auto&, const auto&, bool) -> Result<std::vector<ArrayHost>> {
            return each(list(call, "host", {{"select", "id,name,host_group_id,host_initiators"}}), parse_host);
        };
        objects.write = [&](const ArrayHost* own, const std::string& name, const Spellings& ports) -> Result<void> {
            Json initiators = Json::array();
            for (const auto& port : ports)
                initiators.push_back({{"port_name", port}, {"port_type", port.starts_with("iqn.") ? "iSCSI" : "FC"}});
            const auto reply = own ? api_.patch(call, "/api/rest/host/" + halves(own->initiator_ids.front()).second,
                                                {{"add_initiators", initiators}})
                                   : api_.post(call, "/api/rest/host",
                                               {{"name", name}, {"os_type", "ESXi"}, {"initiators", initiators}});
            return done(reply);
        };
        return ensure_host_object(settling(call), host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 1023; } // what ESXi sees by default; the array takes up to 16383

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        std::set<std::string> holders{host.id};
        std::ranges::copy_if(host.initiator_ids, std::inserter(holders, holders.end()),
                             [](const std::string& id) { return id.starts_with("host"); });
        std::string either;
        for (const auto& holder : holders) {
            const auto [kind, id] = halves(holder);
            either += fmt::format("{}{}_id.eq.{}", either.empty() ? "" : ",", kind, id);
        }
        const auto records =
            list(call, "host_volume_mapping",
                 {{"select", "id,host_id,host_group_id,logical_unit_number"}, {"or", "(" + either + ")"}});
        return in_step("list the LUN numbers of " + host.name, numbers_in(records, "logical_unit_number"));
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, id] = halves(host.id);
        return is_uuid(volume.id) && is_uuid(id) && (kind == "host" || kind == "host_group");
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto records = list(
            call, "host_volume_mapping",
            {{"select", "id,host_id,host_group_id,volume_id,logical_unit_number"}, {"volume_id", "eq." + volume.id}});
        return each(kept(records, "volume_id", volume.id), parse_mapping);
    }

    // Answers 204, so the number has to be looked up.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        Json body = holder(host);
        if (lun)
            body["logical_unit_number"] = *lun; // an integer: a string is refused
        const auto reply = api_.post(call, fmt::format("/api/rest/volume/{}/attach", volume.id), body);
        return then(reply, [](const Json&) { return std::optional<Mapping>(); });
    }

    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return done(api_.post(call, fmt::format("/api/rest/volume/{}/detach", volume.id), holder(host)));
    }

    Afterwards after_error(const Error& error) const override // it may be done already, whatever the refusal's code
    {
        const bool refused = error.code == Errc::bad_request || error.code == Errc::conflict;
        return refused || error.code == Errc::failed ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    Result<std::vector<Json>> list(const Call& call, std::string_view resource, rest::Query query)
    {
        query.emplace_back("limit", "2000");
        const auto path = rest::with_query(fmt::format("/api/rest/{}", resource), query);
        return rest::all_records(api_, call, path,
                                 [&](const rest::Answer& answer) { return split_page(answer, path); });
    }

    Result<std::string> global_id(const Call& call)
    {
        return global_id_.get(call, [&]() -> Result<std::string> {
            const auto clusters = list(call, "cluster", {{"select", "id,global_id,name"}});
            if (!clusters)
                return clusters.error();
            const auto id = clusters->empty() ? std::string() : text_at(clusters->front(), "global_id");
            if (id.empty())
                return error(Errc::failed, "the array does not say which one it is");
            return id;
        });
    }

    Learned<std::string> global_id_;
};

Result<std::vector<rest::Header>> read_session(const rest::Reply& reply)
{
    auto headers = rest::from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
    if (!headers)
        return headers;
    if (const auto cookie = rest::cookies_of(reply))
        headers->push_back(*cookie);
    const auto json = rest::parse_json(reply.body);
    if (json && json->is_array() && !json->empty() && rest::is_true(json->front(), "is_password_change_required"))
        return Error{Errc::denied, "the account must change its password first",
                     "sign in to PowerStore Manager as STORAGE_USERNAME once and set a new password"};
    return headers;
}

std::unique_ptr<rest::SignIn> sign_in(const ArrayConfig& config)
{
    const auto login = rest::basic_header(config.username, config.password);
    return rest::session(
        {.open = rest::one_step(
             {.url = "/api/rest/login_session?select=id,is_password_change_required", .headers = {login}},
             read_session),
         // 403: the token is stale, or the role too low; one new sign-in tells which
         .lapsed = [](const rest::Reply& reply) { return reply.status == 401 || reply.status == 403; },
         .renewed =
             [](const rest::Reply& reply) {
                 const auto newer = rest::from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
                 return newer ? *newer : std::vector<rest::Header>{};
             },
         .logout = [](const auto&) { return rest::Request{.method = rest::Method::post, .url = "/api/rest/logout"}; },
         .secrets = {config.password, Secret(login.value.substr(6))}});
}

} // namespace

Result<Place> place_of(const VolumeHandle& handle)
{
    const auto local = split(handle.handle, ':').front(); // of a metro volume: ours, then the remote one
    const auto parts = split(local, '/');
    if (!is_uuid(parts[0]) || parts.size() > 3)
        return not_a_handle(handle, "PowerStore (<uuid>/<global id>/scsi)", "csi-powerstore.dellemc.com");
    if (lower(parts.size() == 3 ? parts[2] : handle.attribute("Protocol")) == "nfs")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share", handle.handle),
                     "use a StorageClass for block volumes"};
    const bool names_array = parts.size() > 1 && parts[1].starts_with("PS"); // else its address: the legacy form
    return Place{parts[0], names_array ? parts[1] : std::string()};
}

Result<Volume> parse_volume(const Json& record)
{
    const Volume volume{
        .id = text_at(record, "id"), .name = text_at(record, "name"), .naa = lower(text_at(record, "wwn"))};
    if (text_at(record, "type") == "Snapshot")
        return about(volume, Errc::unsupported, "it is a snapshot", "use a volume");
    if (rest::is_true(record, "is_replication_destination"))
        return about(volume, Errc::unsupported, "it is the destination of a replication and cannot be written",
                     "use the volume on the other side, or end the replication");
    if (const auto state = text_at(record, "state"); state != "Ready")
        return about(volume, Errc::unavailable, "it is " + state, "bring the volume to the state Ready");
    return proven(volume, rest::number_at(record, "size").value_or(0), {"naa.68ccf098"});
}

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "PowerStore", "powerstore");
    check.need_account();
    auto rules = check.rules();
    if (rules)
        rules->headers.push_back({"Application-Type", "xcopy"}); // Dell asks callers to name themselves
    return made<PowerStore>(wire, std::move(rules), decode_error, sign_in(config), clock);
}

} // namespace xcopy::powerstore
