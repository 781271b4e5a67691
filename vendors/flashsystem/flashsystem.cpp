#include "vendors/copying_driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// IBM FlashSystem, SAN Volume Controller, Storwize: Storage Virtualize 8.1.3 and newer (facts/arrays/flashsystem.md).
namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;
using Phase = ArrayCopyState::Phase;
using namespace std::chrono_literals;

namespace {

constexpr int copy_rate = 130; // at most 512 MB/s
constexpr const char* command_code = R"(CMMVC\d{4}[EW])";
constexpr std::string_view at_rest = "idle_or_copied,stopped"; // a FlashCopy mapping
constexpr const char* own_user = "give the account the role Administrator, and us alone: a sign-in elsewhere ends ours";

constexpr ErrorRow error_rows[] = {
    {"CMMVC5753E,CMMVC5754E,CMMVC5804E,CMMVC5842E,CMMVC5868E", Errc::not_found, "no such object, mapping or name", ""},
    {"CMMVC5878E,CMMVC6035E", Errc::conflict, "this mapping, or an object of this name, exists", ""},
    {"CMMVC5879E", Errc::busy, "the LUN number is taken on this host", ""},
    {"CMMVC5844E", Errc::bad_request, "the LUN number is too high", "choose a lower --lun"},
    {"CMMVC6071E,CMMVC9375E", Errc::conflict, "another host has it, and 'force' was not heeded", "map it by hand"},
    {"CMMVC5867E,CMMVC6578E,CMMVC6581E", Errc::conflict, "another host has this initiator", "see lsfabric, lshost"},
    {"CMMVC9331E", Errc::conflict, "the volume is mapped with another protocol", "use a volume of FC or iSCSI hosts"},
    {"CMMVC5709E,CMMVC5713E", Errc::bad_request, "the command does not take these parameters", ""},
    {"CMMVC7205E", Errc::unsupported, "this code level does not know the command", ""},
    {"CMMVC6253E", Errc::denied, "the account's role does not allow this", own_user},
    {"CMMVC5924E", Errc::unsupported, "the volumes differ in size", "expandvdisksize -unit b, or let a host copy it"},
    {"CMMVC6466E", Errc::conflict, "the target is that of another FlashCopy mapping", "end it and remove it (rmfcmap)"},
    {"CMMVC5903E,CMMVC5907E,CMMVC5912E", Errc::unavailable, "the FlashCopy mapping is in another state", ""},
    {"volume protection|protection period|protection time|recent I/O|recently active", Errc::unavailable,
     "volume protection does not let go of a volume that saw I/O a moment ago", // its number is published nowhere (6.4)
     "run again after vdisk_protection_time, or chsystem/chmdiskgrp -vdiskprotectionenabled no",
     "flashsystem_protected"},
}; // facts 5 to 7

bool is_command_error(const Error& error) // the command was refused, or this code level does not know it
{
    return error.reason.starts_with("flashsystem_CMMVC") || error.code == Errc::not_found;
}

std::string holder_in(const Json& mapping) // of lsvdiskhostmap: "host:14" or "hostcluster:3"
{
    return text_at(mapping, "mapping_type") == "shared" ? "hostcluster:" + text_at(mapping, "host_cluster_id")
                                                        : "host:" + text_at(mapping, "host_id");
}

bool is_refused(const rest::Reply& reply) // for want of a session
{
    return (reply.status == 401 || reply.status == 403) && first_match(reply.body, command_code).empty();
}

struct Handle {
    std::string system; // with topology; else empty
    std::string id;     // empty in the oldest form
    std::string uid;    // 32 upper-case hex digits
};

Result<Handle> parse_handle(const VolumeHandle& handle)
{
    const auto parts = parts_of(handle.handle, R"(SVC:(?:(?:([\da-f]+):)?(\d+);)?(6005076[\da-f]{25}))"); // NAA 6, IBM
    if (!parts) // DS8K: and A9000: are of the same CSI driver
        return not_a_handle(handle, "FlashSystem (SVC:id;uid, SVC:system:id;uid or SVC:uid)", "block.csi.ibm.com");
    return Handle{parts->at(0), parts->at(1), upper(parts->at(2))};
}

Result<Volume> parse_volume(const Json& row)
{
    const auto uid = text_at(row, "vdisk_UID");
    const Volume volume{is_digits(text_at(row, "id")) ? text_at(row, "id") : "", text_at(row, "name"),
                        "naa." + lower(uid), uid};
    if (text_at(row, "status") == "offline")
        return about(volume, Errc::unsupported, "it is offline", "bring the volume online");
    if (contains_ignoring_case(text_at(row, "protocol"), "nvme"))
        return about(volume, Errc::unsupported, "it is mapped by NVMe", "use a volume of FC or iSCSI hosts");
    return proven(volume, rest::number_at(row, "capacity").value_or(0), {"naa.6005076"});
}

Spellings ports_in(const Records& rows)
{
    Spellings ports;
    for (const Json& row : rows)
        for (const char* field : {"WWPN", "remote_wwpn", "iscsi_name"})
            if (const auto port = capital_hex(text_at(row, field)); !port.empty())
                ports.push_back(port);
    return ports;
}

ArrayCopyRecord parse_copy(const Json& row)
{
    const auto status = text_at(row, "status");
    const int percent = percent_at(row, {"progress"});
    ArrayCopyRecord record{rest::percent_encode(text_at(row, "id")), status, {Phase::failed, percent}, "", ""};
    record.source = text_at(row, "source_vdisk_id");
    record.target = text_at(row, "target_vdisk_id");
    if (status == "idle_or_copied") // before the start too: only 100 % makes it done (facts 7)
        record.state.phase = percent == 100 ? Phase::done : Phase::absent;
    else if (is_listed(status, "copying,preparing,prepared,stopping"))
        record.state.phase = Phase::running;
    else
        record.state.message = fmt::format("FlashCopy mapping {} is {} at {} %", text_at(row, "name"), status, percent);
    return record;
}

bool is_no_answer(const rest::Reply& reply)
{
    if (reply.status < 300)
        return !reply.body.empty() && !rest::parse_json(reply.body);
    return (reply.status == 409 || reply.status >= 500) && first_match(reply.body, command_code).empty();
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    const bool is_text = json != nullptr && json->is_string();
    if (reply.status < 300 && !is_text) // rows may hold any name, even one like a code
        return std::nullopt;
    const ArrayWords words{first_match(reply.body, command_code), is_text ? json->get<std::string>() : reply.body};
    if (words.code.ends_with('W')) // done, but not as we think
        return Error{Errc::indeterminate, fmt::format("the array warns: {}", words.message), "", words.code};
    if (!words.code.empty())
        return explain(error_rows, "flashsystem", words, reply.status);
    if (is_refused(reply))
        return Error{Errc::denied, fmt::format("the session is not accepted (HTTP {})", reply.status), own_user};
    return std::nullopt;
}

Afterwards afterwards(const Error& error)
{
    const auto code = halves(error.reason, '_').second;
    if (is_listed(code, "CMMVC5878E,CMMVC5842E,CMMVC5867E,CMMVC6578E,CMMVC6581E,CMMVC6035E"))
        return Afterwards::look_again;
    const bool no_answer = error.reason.empty() && (error.code == Errc::conflict || error.code == Errc::failed);
    const bool not_now = is_transient(error.code) && error.code != Errc::busy;
    return no_answer || not_now ? Afterwards::wait_first : Afterwards::give_up;
}

class FlashSystem final : public CopyingDriver, public LunNumbers {
public:
    using CopyingDriver::CopyingDriver;

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(one(call, "lssystem"), [](const Json& system) {
            return ArrayInfo{"IBM", "FlashSystem", text_at(system, "product_name"),
                             split(text_at(system, "code_level"), ' ').front()};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto wanted = parse_handle(handle);
        const auto system = wanted ? one(call, "lssystem") : wanted.error();
        if (!system)
            return system.error();
        // The CSI driver writes the alias, which is the id unless somebody changed it.
        const auto is_here = [&](const char* field) { return upper(text_at(*system, field)) == upper(wanted->system); };
        if (!wanted->system.empty() && !is_here("id_alias") && !is_here("id"))
            return wrong_array(handle.handle, "system " + wanted->system, "system " + text_at(*system, "id"));
        const auto row = volume_row(call, *wanted);
        const auto volume = then(row, [&](const Json& found) { return in_step(array(), parse_volume(found)); });
        const auto unprotected = volume ? check_protection(call, *system, *row) : volume.error();
        return unprotected ? volume : unprotected.error();
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects{.one_protocol = true, .spell = &Initiator::in_capitals};
        objects.list = [&](const Spellings& ports, const std::string& own, bool) {
            HostSearch search{.hints = {{[&] { return list(call, "lshostports"); }, "host_id"}},
                              .is_no_hint = is_command_error, // not every code level has lshostports (facts 5)
                              .everyone = {[&] { return list(call, "lshost"); }, "name"},
                              .initiators_in = ports_in,
                              .read = [&](const std::string& id_or_name) { return read_host(call, id_or_name); }};
            for (const auto& port : ports)
                if (is_hex(port))
                    search.hints.push_back({[&] { return list(call, "lsfabric", {{"wwpn", port}}); }, "name"});
            return holders_of(ports, own, host, search);
        };
        // Without "protocol" it is right for FC on every code level; for iSCSI newer ones need it and older ones refuse it.
        objects.write = [&](const ArrayHost* own, const std::string& name, const Spellings& ports) {
            const bool is_fc = is_hex(ports.front());
            Json options = is_fc ? Json{{"fcwwpn", join(ports, ":")}, {"force", true}} // logged in or not
                                 : Json{{"iscsiname", join(ports, ",")}};
            if (own)
                return done(api_.post(call, "/addhostport/" + halves(own->id).second, options));
            options.update({{"name", name}, {"type", "generic"}});
            if (!is_fc)
                options["protocol"] = "iscsi";
            auto made = api_.post(call, "/mkhost", options);
            if (!made && made.error().code == Errc::bad_request && options.erase("protocol") > 0)
                made = api_.post(call, "/mkhost", options);
            return done(made);
        };
        return ensure_host_object(settling(call), host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 511; } // of older hosts; newer ones have 2048 numbers (facts 6.2)

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        return numbers_in(list(call, "lshostvdiskmap/" + halves(host.id).second), "SCSI_id");
    }

    // FlashCopy of a raw device's volume (facts 7), without autodelete: the mapping that stays proves that all was copied.
    bool copies(DiskBacking::Kind kind) const override { return kind == DiskBacking::Kind::rdm; }

    Result<Volume> find_source(const Call& call, const DiskBacking& disk) override
    {
        const auto uid = naa_digits(disk, "6005076", "a volume of FlashSystem or SAN Volume Controller");
        return then(uid ? volume_row(call, {"", "", upper(*uid)}) : uid.error(), parse_volume);
    }

    Result<void> check(const Call& call, const ArrayCopy& copy) override
    {
        const auto command = fmt::format("expandvdisksize -size {} -unit b {}",
                                         copy.target.size_bytes - copy.source.size_bytes, copy.source.name);
        auto fits = check_equal_sizes(copy, command + ", or copy through a host (XCOPY)");
        for (const auto& volume : {copy.source, copy.target})
            fits = fits ? verify(call, volume) : fits;
        if (!fits)
            return fits;
        const auto maps = list(call, "lsfcmap", {{"filtervalue", "target_vdisk_name=" + copy.target.name}});
        const auto others = kept(kept(maps, "target_vdisk_id", copy.target.id),
                                 [&](const Json& row) { return text_at(row, "name") != copy_name(copy); });
        if (!others || others->empty())
            return done(others);
        return about(copy.target, Errc::unsupported,
                     fmt::format("it is the target of FlashCopy mapping {} already", text_at(others->front(), "name")),
                     "let that copy end and remove it (rmfcmap), or copy through a host (XCOPY)");
    }

    Result<void> forget(const Call& call, const ArrayCopy& copy) override { return forget_ended(call, copy); }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, id] = halves(host.id);
        return is_digits(volume.id) && is_digits(id) && (kind == "host" || kind == "hostcluster");
    }

    // A mapping of a host cluster shows as a row for each member: one mapping, which we never take away.
    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        if (!is_digits(volume.id))
            return no_ids(volume, {.id = "host:0"});
        return each(map_rows(call, volume), [&](const Json& row) {
            return then(read_host(call, text_at(row, "host_id")), [&](const std::optional<ArrayHost>& host) {
                if (!host) // gone in between, and its mapping with it
                    return std::optional<Mapping>();
                const auto id = holder_in(row);
                const auto name = id == host->id ? host->name : text_at(row, "host_cluster_name");
                return std::optional(Mapping{{id, name, host->initiator_ids}, number_in(row, "SCSI_id")});
            });
        });
    }

    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto [kind, id] = halves(host.id);
        Json options = {{kind, id}, {"force", true}}; // others have it too
        if (lun)
            options["scsi"] = std::to_string(*lun);
        const std::string command = kind == "host" ? "/mkvdiskhostmap/" : "/mkvolumehostclustermap/";
        return then(api_.post(call, command + volume.id, options), [&](const Json& made) {
            const auto number = number_in(made, "id"); // what is "created" is the LUN number
            return number && *number == lun.value_or(*number) ? std::optional(Mapping{host, number}) : std::nullopt;
        });
    }

    // Looked at first, for ids are given out again; a mapping of a cluster is never taken away.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto gone = is_gone(call, volume, host);
        if (!gone || *gone)
            return done(gone);
        if (const auto [kind, id] = halves(host.id); kind == "host")
            return done(api_.post(call, "/rmvdiskhostmap/" + volume.id, {{"host", id}}));
        return error(Errc::unsupported, "a cluster's mapping is never taken away", "by hand: rmvolumehostclustermap");
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto rows = or_none(map_rows(call, volume), is_not_found); // the volume is gone, and its mappings with it
        return then(rows, [&](const Records& all) { return std::ranges::count(all, host.id, holder_in) == 0; });
    }

    Result<std::optional<ArrayCopyRecord>> record_of(const Call& call, const ArrayCopy& copy) override
    {
        const auto name = copy_name(copy);
        const auto rows = kept(list(call, "lsfcmap", {{"filtervalue", "name=" + name}}), "name", name);
        const auto records = each(rows, [&](Json row) {
            const auto progress = text_at(row, "progress").empty() // not every code level lists it
                                      ? one(call, "lsfcmapprogress/" + rest::percent_encode(text_at(row, "id")))
                                      : rest::as_result(row);
            return then(progress, [&](const Json& of) {
                row["progress"] = text_at(of, "progress");
                return parse_copy(row);
            });
        });
        return then(records, first_of<ArrayCopyRecord>);
    }

    // Before the start it is idle at 0 %, prepared, or on its way there.
    bool has_begun(const ArrayCopyRecord& now) const override
    {
        return now.state.phase == Phase::done ||
               !is_listed(now.status, "idle_or_copied,stopped,preparing,prepared,stopping");
    }

    // Create, prepare (which discards what the target holds), start when that is done.
    Result<std::optional<ArrayCopyState>> begin(const Call& call, const ArrayCopy& copy,
                                                const std::optional<ArrayCopyRecord>& now) override
    {
        const Json mapping = {
            {"source", copy.source.id}, {"target", copy.target.id}, {"name", copy_name(copy)}, {"copyrate", copy_rate}};
        const bool is_prepared = now && now->status == "prepared";
        if (now && !is_prepared && !is_listed(now->status, at_rest)) // on its way
            return std::optional<ArrayCopyState>();
        const char* next = is_prepared ? "/startfcmap/" : "/prestartfcmap/";
        const auto step = now ? api_.post(call, next + now->id, Json::object()) : api_.post(call, "/mkfcmap", mapping);
        return then(step, [&](const Json&) { // one that fails right after its start is not begun anew
            return is_prepared ? std::optional(ArrayCopyState{Phase::running}) : std::nullopt;
        });
    }

    Result<void> end(const Call& call, const ArrayCopy&, const ArrayCopyRecord& now) override
    {
        const std::string command = is_listed(now.status, at_rest) ? "/rmfcmap/" : "/stopfcmap/";
        return done(api_.post(call, command + now.id, {{"force", true}}));
    }

    // Volume protection may let go after a while, if not for minutes.
    Settling settling(const Call& call) const override
    {
        return {.call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 5, .first_pause = 2s};
    }

private:
    Result<Records> list(const Call& call, const std::string& command, const Json& options = Json::object())
    {
        return then(api_.read_by_post(call, "/" + command, options), [](const Json& reply) { // may be nothing at all
            return reply.is_object() ? Records{reply} : rest::records_at(reply, "");
        });
    }

    Result<Json> one(const Call& call, const std::string& command)
    {
        return then(list(call, command), [](const Records& rows) { return rows.empty() ? Json() : rows.front(); });
    }

    // A filter may do anything, so what comes back is compared; and an id in a handle may be another volume's by now.
    Result<Json> volume_row(const Call& call, const Handle& wanted)
    {
        const auto is_meant = [&](const Json& row) { return upper(text_at(row, "vdisk_UID")) == wanted.uid; };
        const auto look = [&](const std::string& command, const Json& options) {
            return kept(or_none(list(call, command, options), is_command_error), is_meant);
        };
        auto rows = look("lsvdisk", {{"bytes", true}, {"filtervalue", "vdisk_UID=" + wanted.uid}});
        if (rows && rows->empty() && !wanted.id.empty())
            rows = look("lsvdisk/" + wanted.id, {{"bytes", true}});
        if (!rows || !rows->empty())
            return then(rows, [](const Records& found) { return rest::as_result(found.front()); });
        return error(Errc::not_found, fmt::format("no volume has the UID {}", wanted.uid),
                     "check that STORAGE_HOSTNAME is the array of the StorageClass, and that the volume still exists");
    }

    // With protection on in system and pool (facts 3; silence counts as on), a mapping stays for minutes after I/O.
    Result<void> check_protection(const Call& call, const Json& system, const Json& volume)
    {
        if (text_at(system, "vdisk_protection_enabled") != "yes")
            return {};
        const auto id = text_at(volume, "mdisk_grp_id"); // "many" where its copies are in different pools
        const auto pool = is_digits(id) ? one(call, "lsmdiskgrp/" + id) : rest::as_result(Json());
        const auto of_pool = pool ? text_at(*pool, "vdisk_protection_enabled") : "";
        if (!pool || of_pool == "no")
            return done(pool);
        const auto name = text_at(volume, "mdisk_grp_name");
        return error(Errc::unsupported,
                     fmt::format("volume protection of the system and {} pool {} would keep the mapping after the copy",
                                 of_pool.empty() ? "perhaps of" : "of", name),
                     fmt::format("while migrating: chmdiskgrp {0} {1}, or for all pools chsystem {0}",
                                 "-vdiskprotectionenabled no", name),
                     "flashsystem_protection_on");
    }

    // Ids are given out again: before a volume is changed by its id, the id is that volume's.
    Result<void> verify(const Call& call, const Volume& volume)
    {
        return then(one(call, "lsvdisk/" + volume.id),
                    [&](const Json& row) { return unless_replaced(volume, row, "vdisk_UID"); });
    }

    // None where the id is another volume's by now; without any, nothing else shows whose id it is.
    Result<Records> map_rows(const Call& call, const Volume& volume)
    {
        const auto is_ours = [&](const Json& row) { return unless_replaced(volume, row, "vdisk_UID").has_value(); };
        const auto rows = kept(list(call, "lsvdiskhostmap/" + volume.id), is_ours);
        const auto still = rows && rows->empty() ? verify(call, volume) : Result<void>();
        return still ? rows : still.error();
    }

    Result<std::optional<ArrayHost>> read_host(const Call& call, const std::string& id_or_name)
    {
        const auto row = or_none(one(call, "lshost/" + rest::percent_encode(id_or_name)), is_not_found);
        return then(row, [](const Json& host) {
            const ArrayHost found{"host:" + text_at(host, "id"), text_at(host, "name"),
                                  ports_in(rest::records_at(host, "nodes"))};
            return is_digits(text_at(host, "id")) ? std::optional(found) : std::nullopt;
        });
    }
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "IBM FlashSystem", "flashsystem");
    check.need_account();
    auto rules = check.rules(7443);
    if (rules) {
        rules->base_url += "/rest/v1";
        rules->retry = {.attempts = 8, .no_answer = is_no_answer}; // half a minute: the config node may move
        rules->max_concurrent = 2; // the array runs one command at a time, for few clients
    }
    const auto session = rest::key_session(
        {.path = "/auth",
         .headers = {{"X-Auth-Username", config.username},
                     {"X-Auth-Password", config.password.reveal()},
                     {"Content-Type", "application/json"}},
         .key_field = "token",
         .header = "X-Auth-Token",
         .secrets = {config.password},
         .has_logout = false, // there is none
         .lapsed = is_refused,
         // A user has one token: a sign-in elsewhere ends ours, and ours theirs. Growing pauses let both get on (facts 2).
         .renewals = {250ms, 1s, 2s, 4s, 8s}});
    return made<FlashSystem>(wire, std::move(rules), decode_error, rest::session(session), clock);
}

} // namespace xcopy::flashsystem
