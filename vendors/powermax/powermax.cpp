#include "vendors/driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// Dell PowerMax and VMAX All Flash, through Unisphere (facts/arrays/powermax.md). A volume reaches a host by a masking view: a
// host or host group, a port group and a storage group. Every disk gets a storage group and a view of its own, named after
// volume and host, so that the next run finds what a dead one left half made.
namespace xcopy::powermax {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t cylinder = 15 * 128 * 1024; // bytes: 15 tracks of 128 KiB
constexpr auto connections_appear_within = 30s;     // they may be missing right after a view was made
constexpr const char* name_form = R"([\w-]{1,64})"; // of hosts, groups and views
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
    {"device lock", Errc::busy, "another change of the configuration is under way", "run again", locked},
    {"operation is already in progress", Errc::busy, "another change of the configuration is under way", "run again",
     locked},
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
    return parts_of(name, name_form).has_value();
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (reply.status < 400 || reply.status == 401 || json == nullptr)
        return std::nullopt;
    const auto message = text_at(*json, "message");
    return message.empty() ? std::nullopt : std::optional(explain(error_rows, "powermax", {"", message}, reply.status));
}

struct Place { // "csi-…-<12 digits>-<5 hex>", read from the right; of an SRDF/Metro volume the side on our array
    std::string identifier; // the volume's name on the array
    std::string symmetrix;
    std::string device;
};

Result<Place> place_of(const VolumeHandle& handle, const std::string& symmetrix)
{
    const auto& text = handle.handle;
    if (text.size() > 36 && is_uuid(text.substr(text.size() - 36)))
        return Error{Errc::unsupported, fmt::format("volume {} is a file system", text),
                     "use a StorageClass for block volumes"};
    const auto parts = parts_of(text, R"((.+)-(\d{12})(:\d{12})?-([\da-f]{5})(:[\da-f]{5})?)");
    if (!parts || parts->at(2).empty() != parts->at(4).empty())
        return not_a_handle(handle, "PowerMax (…-<12 digits>-<5 hex>)", "csi-powermax.dellemc.com");
    if (parts->at(2) == ":" + symmetrix)
        return Place{parts->at(0), symmetrix, upper(parts->at(4).substr(1))};
    return Place{parts->at(0), parts->at(1), upper(parts->at(3))};
}

Result<Volume> parse_volume(const Json& record)
{
    Volume volume{.id = upper(text_at(record, "volumeId")), .name = text_at(record, "volume_identifier")};
    // After a migration the host sees the effective one. Never computed: volumes with a mobility id follow no rule.
    const bool moved = rest::is_true(record, "has_effective_wwn");
    volume.naa = "naa." + lower(text_at(record, moved ? "effective_wwn" : "wwn"));
    if (const auto status = text_at(record, "status"); status != "Ready")
        return about(volume, Errc::unavailable, "it is " + status, "bring the volume to the state Ready");
    const auto bytes = rest::number_at(record, "cap_cyl").value_or(0) * static_cast<std::int64_t>(cylinder);
    return proven(volume, bytes, {"naa.6000097", "naa.6006048"});
}

struct View {
    std::string name;
    Mapping mapping;
};

struct Masking {
    std::vector<std::string> groups; // storage groups that hold the volume
    std::vector<View> views;
};

class PowerMax final : public Driver {
public:
    PowerMax(Wiring wiring, std::string symmetrix, std::string port_group)
        : Driver(std::move(wiring)), symmetrix_(std::move(symmetrix)), port_group_(std::move(port_group))
    {}

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(get(call, ""), [](const Json& system) {
            return ArrayInfo{"Dell", "PowerMax", text_at(system, "model"),
                             rest::first_text_at(system, {"ucode", "microcode"})};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto place = place_of(handle, symmetrix_);
        if (!place)
            return place.error();
        const auto elsewhere = handle.attribute("powermax/SYMID");
        if (place->symmetrix != symmetrix_ || (!elsewhere.empty() && elsewhere.find(symmetrix_) == std::string::npos))
            return wrong_array(place->device, "array " + place->symmetrix, "array " + symmetrix_);
        const auto volume =
            in_step("find volume " + place->device, then(get(call, "volume/" + place->device), parse_volume));
        if (volume && volume->id != place->device)
            return answered_another("volume " + place->device);
        return volume ? unless_renamed(*volume, place->identifier) : volume;
    }

    // Finds it; hosts are the administrator's.
    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
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
            const auto listed = in_step("look for initiator " + name,
                                        get(call, "initiator", {{"in_a_host", "true"}, {"initiator_hba", name}}));
            if (!listed)
                return listed.error();
            for (const auto& id : rest::texts_at(*listed, "initiatorId")) {
                if (!lower(id).ends_with(name)) // "FA-1D:4:<wwpn>"; filters are not trusted
                    continue;
                const auto initiator = get(call, "initiator/" + rest::percent_encode(id));
                if (!initiator)
                    return Error(initiator.error()).in(fmt::format("look at initiator {}", id));
                if (const auto owner = rest::first_text_at(*initiator, {"host_id", "host"}); is_name(owner))
                    return ArrayHost{"host:" + owner, owner, {"host:" + owner}};
            }
        }
        return error(Errc::not_found,
                     fmt::format("no host object on array {} has an initiator of ESXi host {}", symmetrix_, host.name),
                     "register the ESXi host with its initiators in Unisphere", "no_host");
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, name] = halves(host.id);
        return volume.id.size() == 5 && is_hex(volume.id) && is_name(name) && (kind == "host" || kind == "hostgroup");
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override // without LUN numbers
    {
        const auto views = then(masking_of(call, volume), [](const Masking& masking) { return masking.views; });
        return each(views, [](const View& view) { return view.mapping; });
    }

    // connect() looks by itself.
    Result<std::optional<Mapping>> reaching(const Call&, const Volume&, const ArrayHost&, bool) override
    {
        return std::optional<Mapping>();
    }

    // What is there already is left as it is, so a half-made view is completed.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int>) override
    {
        const auto masking = masking_of(call, volume);
        if (!masking)
            return masking.error();
        View ours{view_name(volume, host), {host, std::nullopt}};
        const auto reaches = [&](const View& view) { return mapping_that_reaches({view.mapping}, host).has_value(); };
        if (const auto view = std::ranges::find_if(masking->views, reaches); view != masking->views.end())
            ours = *view;
        else if (const auto made = make_view(call, volume, host, *masking); !made)
            return made.error();
        return then(in_step("read the LUN number", lun_of(call, volume, ours.name)), [&](std::optional<int> lun) {
            return std::optional(Mapping{ours.mapping.host, lun});
        });
    }

    // View, volume, group, in this order: the array refuses any other. Only what bears our names is touched.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto name = group_name(volume, host);
        const auto group = "storagegroup/" + name;
        auto view = change(call, rest::Method::remove, "maskingview/" + view_name(volume, host));
        if (!view && !is(view.error(), not_found))
            return view;
        const auto record = or_none(get(call, "volume/" + volume.id), not_found);
        if (!record)
            return record.error();
        if (std::ranges::count(rest::texts_at(*record, "storageGroupId"), name) > 0)
            if (auto taken = edit_group(call, volume, name, "remove"); !taken && !is(taken.error(), not_found))
                return taken;
        return or_none(change(call, rest::Method::remove, group), not_found);
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        for (const auto& below : {"maskingview/" + view_name(volume, host), "storagegroup/" + group_name(volume, host)})
            if (const auto there = get(call, below); there || !is(there.error(), not_found))
                return there ? Result<bool>(false) : there.error();
        return true;
    }

    Afterwards after_error(const Error& error) const override
    {
        const bool look = is(error, "powermax_exists") || is(error, not_found) || error.code == Errc::failed;
        return look ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    // Below the array, on the newest version of the interface up to 100, which all newer ones serve.
    Result<std::string> path(const Call& call, std::string_view below)
    {
        const auto version = version_.get(call, [&]() -> Result<std::int64_t> {
            const auto reply = api_.get(call, "/univmax/restapi/version");
            if (!reply)
                return Error(reply.error()).in("find out Unisphere's version");
            const auto offered = rest::number_at(*reply, "api_version").value_or(0);
            if (offered < 90)
                return error(Errc::unsupported,
                             fmt::format("REST version '{}' is too old", text_at(*reply, "api_version")),
                             "update Unisphere to 9.0 or newer");
            return std::min<std::int64_t>(offered, 100);
        });
        if (!version)
            return version.error();
        const bool is_provisioning = !below.empty() && !below.starts_with("job/");
        return fmt::format("/univmax/restapi/{}/{}/symmetrix/{}{}{}", *version,
                           is_provisioning ? "sloprovisioning" : "system", symmetrix_, below.empty() ? "" : "/", below);
    }

    Result<Json> get(const Call& call, std::string_view below, const rest::Query& query = {})
    {
        return then(path(call, below), [&](const std::string& where) { return api_.get(call, where, query); });
    }

    // Unisphere changes one array's configuration at a time; whoever comes second is told so with a 500.
    Result<void> change(const Call& call, rest::Method method, std::string_view below, const Json& body = nullptr)
    {
        const auto where = path(call, below);
        if (!where)
            return where.error();
        return repeat_while_locked(settling(call), locked, [&]() -> Result<void> {
            const auto answer = api_.ask(call, method, *where, body);
            return answer && answer->status == 202 ? await(call, answer->body) : done(answer);
        });
    }

    Result<void> await(const Call& call, const Json& job)
    {
        const auto id = text_at(job, "jobId");
        if (!is_digits(id))
            return Error{Errc::indeterminate, "the array took the change as a job without saying which"};
        const auto where = path(call, "job/" + id);
        const auto ended = where ? rest::await_job(api_, call, *where,
                                                   [](const Json& now) {
                                                       return text_at(now, "status") == "SUCCEEDED" ||
                                                              text_at(now, "status") == "FAILED";
                                                   })
                                 : where.error();
        if (!ended || text_at(*ended, "status") == "SUCCEEDED")
            return done(ended);
        return explain(error_rows, "powermax", {"", text_at(*ended, "result")}, 500).in("job " + id);
    }

    Result<Initiator::Kind> port_group_kind(const Call& call)
    {
        return kind_.get(call, [&]() -> Result<Initiator::Kind> {
            const auto group = get(call, "portgroup/" + port_group_);
            if (!group)
                return Error(group.error()).in("look at port group " + port_group_);
            // Older arrays name only the type.
            const auto protocol = lower(text_at(*group, "port_group_protocol") + text_at(*group, "type"));
            if (protocol.find("nvme") != std::string::npos)
                return Error{Errc::unsupported, fmt::format("port group {} is for NVMe", port_group_),
                             "name one for FC or iSCSI in POWERMAX_PORT_GROUP_NAME"};
            return protocol.find("iscsi") != std::string::npos ? Initiator::Kind::iscsi : Initiator::Kind::fc;
        });
    }

    Result<View> read_view(const Call& call, const std::string& name)
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

    Result<Masking> masking_of(const Call& call, const Volume& volume)
    {
        const auto record = get(call, "volume/" + rest::percent_encode(volume.id));
        if (!record)
            return record.error();
        Masking masking{.groups = rest::texts_at(*record, "storageGroupId"), .views = {}};
        for (const auto& name : masking.groups) {
            const auto group = or_none(get(call, "storagegroup/" + rest::percent_encode(name)), not_found);
            if (!group)
                return group.error();
            for (const auto& view : rest::texts_at(*group, "maskingview")) { // none where it is gone in between
                auto read = or_none(read_view(call, view), not_found);
                if (!read)
                    return read.error();
                if (!read->name.empty())
                    masking.views.push_back(std::move(*read));
            }
        }
        return masking;
    }

    // In hex, the same for all paths of one host. Nothing where the array does not show it in time.
    Result<std::optional<int>> lun_of(const Call& call, const Volume& volume, const std::string& view)
    {
        std::optional<int> number;
        const auto found =
            rest::poll(call.within(connections_appear_within), api_.clock(), {}, [&]() -> Result<std::optional<Json>> {
                auto reply = get(call, fmt::format("maskingview/{}/connections", view), {{"volume_id", volume.id}});
                if (!reply)
                    return reply.error();
                for (const Json& path : rest::list_at(*reply, "maskingViewConnection"))
                    if (const auto value = hex_to_int(text_at(path, "host_lun_address")))
                        number = value;
                return number ? std::optional(std::move(*reply)) : std::optional<Json>();
            });
        if (!found && found.error().code != Errc::timed_out)
            return found.error();
        return number;
    }

    Result<void> edit_group(const Call& call, const Volume& volume, const std::string& group, std::string_view action)
    {
        const Json volumes = {{"volumeId", {volume.id}}, {"remoteSymmSGInfoParam", {{"force", false}}}};
        const Json edit = action == "add" ? Json{{"expandStorageGroupParam", {{"addSpecificVolumeParam", volumes}}}}
                                          : Json{{"removeVolumeParam", volumes}};
        return change(call, rest::Method::put, "storagegroup/" + group,
                      {{"executionOption", "SYNCHRONOUS"}, {"editStorageGroupActionParam", edit}});
    }

    Result<void> make_view(const Call& call, const Volume& volume, const ArrayHost& host, const Masking& masking)
    {
        const auto group = group_name(volume, host);
        if (std::ranges::count(masking.groups, group) == 0) {
            auto made = change(call, rest::Method::post, "storagegroup",
                               {{"storageGroupId", group},
                                {"srpId", "None"}, // a volume may have a service level through one group only
                                {"emulation", "FBA"},
                                {"executionOption", "SYNCHRONOUS"}});
            if (!made && !is(made.error(), "powermax_exists"))
                return made;
            if (auto added = edit_group(call, volume, group, "add"); !added)
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

    const std::string symmetrix_;
    const std::string port_group_;
    Learned<std::int64_t> version_;
    Learned<Initiator::Kind> kind_; // of the port group
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "PowerMax", "powermax");
    check.need_account();
    const auto symmetrix = check.need("POWERMAX_SYMMETRIX_ID", R"(\d{12})", "a serial number of 12 digits");
    const auto port_group = check.need("POWERMAX_PORT_GROUP_NAME", name_form, "a name Unisphere allows");
    return made<PowerMax>(wire, check.rules(8443), decode_error, rest::basic(config.username, config.password), clock,
                          symmetrix, port_group);
}

} // namespace xcopy::powermax
