#include "vendors/copying_driver.hpp"
#include "vendors/flashsystem/parse.hpp"
#include "vendors/registry.hpp"

#include <fmt/ranges.h>
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

std::string map_name(const ArrayCopy& copy)
{
    return "xcopy-" + copy.id;
}

Json port_options(const Spellings& ports)
{
    if (is_wwpn(ports.front())) // "force": it need not be logged in at this moment
        return {{"fcwwpn", fmt::format("{}", fmt::join(ports, ":"))}, {"force", true}};
    return {{"iscsiname", fmt::format("{}", fmt::join(ports, ","))}};
}

class FlashSystem final : public CopyingDriver, public LunNumbers {
public:
    using CopyingDriver::CopyingDriver;

    Result<ArrayInfo> info(const Call& call) override
    {
        const auto systems = list(call, "lssystem");
        if (!systems)
            return systems.error();
        const Json system = systems->empty() ? Json() : systems->front();
        return ArrayInfo{"IBM", "FlashSystem", text_at(system, "product_name"),
                         split(text_at(system, "code_level"), ' ').front()};
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto wanted = parse_handle(handle.handle);
        if (!wanted)
            return wanted.error();
        const auto systems = list(call, "lssystem");
        if (!systems)
            return systems.error();
        const Json system = systems->empty() ? Json() : systems->front();
        // The CSI driver writes the alias, which is the id unless somebody changed it.
        const auto is_here = [&](const char* field) { return upper(text_at(system, field)) == upper(wanted->system); };
        if (!wanted->system.empty() && !is_here("id_alias") && !is_here("id"))
            return wrong_array(handle.handle, "system " + wanted->system, "system " + text_at(system, "id"));
        const auto row = volume_row(call, *wanted);
        if (!row)
            return row.error();
        auto volume = parse_volume(*row);
        if (!volume)
            return std::move(volume.error()).in(array());
        const auto unprotected = check_protection(call, system, *row);
        return unprotected ? volume : unprotected.error();
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects{.one_protocol = true, .spell = port};
        objects.list = [&](const Spellings& ports, const std::string& own, bool) -> Result<std::vector<ArrayHost>> {
            auto found = owners(call, host, ports);
            if (found && found->empty()) {
                auto ours = read_host(call, own);
                if (!ours)
                    return ours.error();
                if (*ours)
                    found->push_back(std::move(**ours));
            }
            return found;
        };
        objects.write = [&](const ArrayHost* own, const std::string& name, const Spellings& ports) {
            return own ? change(call, "addhostport/" + halves(own->id).second, port_options(ports))
                       : make_host(call, name, ports);
        };
        return ensure_host_object(settling(call), host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 511; } // of older hosts; newer ones have 2048 numbers (facts 6.2)

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto rows = list(call, "lshostvdiskmap/" + halves(host.id).second);
        return rows ? Result<std::set<int>>(numbers_in(*rows, "SCSI_id")) : rows.error();
    }

    // FlashCopy of a raw device's volume onto a PersistentVolume's (facts 7). Without autodelete: the mapping stays and
    // proves that all was copied.
    bool copies(DiskBacking::Kind kind) const override { return kind == DiskBacking::Kind::rdm; }

    Result<Volume> find_source(const Call& call, const DiskBacking& disk) override
    {
        const auto wanted = parse_handle("SVC:" + hex_in(disk)); // the UID alone
        const auto row = wanted ? volume_row(call, *wanted)
                                : error(Errc::not_found, fmt::format("'{}' is no volume of such an array", disk.id),
                                        "copy through a host (XCOPY)");
        return row ? parse_volume(*row) : row.error();
    }

    Result<void> check(const Call& call, const ArrayCopy& copy) override
    {
        if (auto sizes = check_sizes(copy); !sizes)
            return sizes;
        const auto& [source, target] = std::tie(copy.source, copy.target);
        for (const auto& volume : {source, target})
            if (auto still = verify(call, volume); !still)
                return still;
        const auto bytes = target.size_bytes - source.size_bytes;
        if (auto equal = check_equal_sizes(
                copy,
                fmt::format("expandvdisksize -size {} -unit b {}, or copy through a host (XCOPY)", bytes, source.name));
            !equal)
            return equal;
        const auto rows = list(call, "lsfcmap", {{"filtervalue", "target_vdisk_name=" + target.name}});
        for (const Json& row : rows ? *rows : Rows())
            if (text_at(row, "target_vdisk_id") == target.id && text_at(row, "name") != map_name(copy))
                return error(
                    Errc::unsupported,
                    fmt::format("{} is the target of FlashCopy mapping {} already", target.name, text_at(row, "name")),
                    "let that copy end and remove it (rmfcmap), or copy through a host (XCOPY)");
        return rows ? Result<void>() : rows.error();
    }

    Result<void> forget(const Call& call, const ArrayCopy& copy) override
    {
        const auto now = look(call, copy);
        if (now && now->phase == Phase::running)
            return error(Errc::busy, fmt::format("FlashCopy mapping {} is at {} %", map_name(copy), now->percent),
                         "wait for its end, or cancel the copy");
        return now ? cancel(call, copy) : now.error();
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        return is_digits(volume.id) && parse_target(host).has_value();
    }

    // A mapping of a host cluster shows as a row for each member: one mapping, which we never take away.
    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        if (!is_digits(volume.id))
            return no_ids(volume, {.id = "host:0"});
        const auto rows = map_rows(call, volume);
        if (!rows)
            return rows.error();
        std::vector<Mapping> mappings;
        for (const Json& row : *rows) {
            const auto host = read_host(call, text_at(row, "host_id"));
            if (!host)
                return host.error();
            if (!*host) // gone in between, and its mapping with it
                continue;
            const bool shared = text_at(row, "mapping_type") == "shared";
            const auto id = shared ? "hostcluster:" + text_at(row, "host_cluster_id") : (*host)->id;
            auto known = std::ranges::find(mappings, id, [](const Mapping& one) { return one.host.id; });
            if (known == mappings.end()) {
                known = mappings.insert(known, {{id, shared ? text_at(row, "host_cluster_name") : (*host)->name},
                                                number_in(row, "SCSI_id")});
            }
            known->host.initiator_ids.insert(known->host.initiator_ids.end(), (*host)->initiator_ids.begin(),
                                             (*host)->initiator_ids.end());
        }
        return mappings;
    }

    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const auto target = parse_target(host);
        Json options = {{target->cluster ? "hostcluster" : "host", target->id}, {"force", true}}; // others have it too
        if (lun)
            options["scsi"] = std::to_string(*lun);
        const auto reply =
            run(call, (target->cluster ? "mkvolumehostclustermap/" : "mkvdiskhostmap/") + volume.id, options);
        if (!reply)
            return reply.error();
        const auto number = number_in(*reply, "id"); // what is "created" is the LUN number
        return number && *number == lun.value_or(*number) ? std::optional(Mapping{host, number}) : std::nullopt;
    }

    // Looked at first, for ids are given out again; a mapping of a cluster is never taken away.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto gone = is_gone(call, volume, host);
        if (!gone || *gone)
            return done(gone);
        const auto target = parse_target(host);
        if (target->cluster)
            return error(Errc::unsupported, "a mapping of a host cluster is never taken away",
                         "rmvolumehostclustermap, if it is to go");
        return change(call, "rmvdiskhostmap/" + volume.id, {{"host", target->id}});
    }

    Result<bool> is_gone(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto rows = map_rows(call, volume);
        if (!rows && rows.error().code != Errc::not_found) // else the volume is gone, and its mappings with it
            return rows.error();
        const auto target = parse_target(host);
        return !rows || std::ranges::none_of(*rows, [&](const Json& row) { return target->owns(row); });
    }

    // Ours, by its name; never one between other volumes.
    Result<std::optional<ArrayCopyRecord>> record_of(const Call& call, const ArrayCopy& copy) override
    {
        if (copy.id.empty() || !is_plain_name("x" + copy.id, 58))
            return Error{Errc::bad_request, fmt::format("'{}' is not the id of a copy", copy.id)};
        auto rows = list(call, "lsfcmap", {{"filtervalue", "name=" + map_name(copy)}});
        if (!rows)
            return rows.error();
        const auto ours =
            std::ranges::find_if(*rows, [&](const Json& row) { return text_at(row, "name") == map_name(copy); });
        if (ours == rows->end())
            return std::optional<ArrayCopyRecord>();
        if (!is_digits(text_at(*ours, "id")) || text_at(*ours, "source_vdisk_id") != copy.source.id ||
            text_at(*ours, "target_vdisk_id") != copy.target.id)
            return error(Errc::conflict, fmt::format("FlashCopy mapping {} is between other volumes", map_name(copy)),
                         "look at it with lsfcmap; it is not touched");
        if (text_at(*ours, "progress").empty()) { // not every code level lists it
            const auto progress = list(call, "lsfcmapprogress/" + text_at(*ours, "id"));
            if (!progress)
                return progress.error();
            (*ours)["progress"] = progress->empty() ? "" : text_at(progress->front(), "progress");
        }
        return std::optional(parse_copy(*ours));
    }

    // Before the start it is idle at 0 %, prepared, or on its way there.
    bool has_begun(const ArrayCopyRecord& now) const override
    {
        return now.status == "copying" || now.state.phase == Phase::done ||
               (now.state.phase == Phase::failed && !is_at_rest(now));
    }

    // Create, prepare (which discards what the target holds), start when that is done.
    Result<std::optional<ArrayCopyState>> begin(const Call& call, const ArrayCopy& copy,
                                                const std::optional<ArrayCopyRecord>& now) override
    {
        Result<void> stepped;
        if (!now)
            stepped = change(call, "mkfcmap",
                             {{"source", copy.source.id},
                              {"target", copy.target.id},
                              {"name", map_name(copy)},
                              {"copyrate", copy_rate}});
        else if (is_at_rest(*now))
            stepped = change(call, "prestartfcmap/" + now->id);
        else if (now->status == "prepared") {
            stepped = change(call, "startfcmap/" + now->id);
            if (stepped) // one that fails at once is not begun anew
                return std::optional(ArrayCopyState{Phase::running});
        }
        return stepped ? Result<std::optional<ArrayCopyState>>(std::nullopt) : stepped.error();
    }

    bool has_ended(const std::optional<ArrayCopyRecord>& now) const override { return !now; }

    Result<void> end(const Call& call, const ArrayCopy&, const ArrayCopyRecord& now) override
    {
        return change(call, (is_at_rest(now) ? "rmfcmap/" : "stopfcmap/") + now.id, {{"force", true}});
    }

    // Volume protection may let go after a while, if not for minutes.
    Settling settling(const Call& call) const override
    {
        return {.call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 5, .first_pause = 2s};
    }

private:
    Result<Rows> list(const Call& call, const std::string& command, const Json& options = Json::object())
    {
        const auto reply = api_.read_by_post(call, "/" + command, options);
        return reply ? Result<Rows>(rows_in(*reply)) : reply.error();
    }

    Result<Json> run(const Call& call, const std::string& command, const Json& options = Json::object())
    {
        return api_.post(call, "/" + command, options);
    }

    Result<void> change(const Call& call, const std::string& command, const Json& options = Json::object())
    {
        const auto reply = run(call, command, options);
        return reply ? Result<void>() : reply.error();
    }

    // A filter may do anything, so what comes back is compared; and an id in a handle may be another volume's by now.
    Result<Json> volume_row(const Call& call, const Handle& wanted)
    {
        for (const auto& [command, filter] :
             {std::pair<std::string, std::string>("lsvdisk", wanted.uid), {"lsvdisk/" + wanted.id, ""}}) {
            if (command.ends_with('/'))
                continue;
            Json options = {{"bytes", true}};
            if (!filter.empty())
                options["filtervalue"] = "vdisk_UID=" + filter;
            const auto rows = list(call, command, options);
            if (!rows && !is_command_error(rows.error()))
                return rows.error();
            for (const Json& row : rows ? *rows : Rows())
                if (upper(text_at(row, "vdisk_UID")) == wanted.uid)
                    return rest::as_result(row);
        }
        return error(Errc::not_found, fmt::format("no volume has the UID {}", wanted.uid),
                     "check that STORAGE_HOSTNAME is the array of the StorageClass, and that the volume still exists");
    }

    // With protection on, a mapping stays for minutes after I/O. It is in force where system and pool have it on (facts 3); a
    // pool that does not say counts as on.
    Result<void> check_protection(const Call& call, const Json& system, const Json& volume)
    {
        if (text_at(system, "vdisk_protection_enabled") != "yes")
            return {};
        const auto id = text_at(volume, "mdisk_grp_id"); // "many" where its copies are in different pools
        const auto pools = is_digits(id) ? list(call, "lsmdiskgrp/" + id) : Rows();
        if (!pools)
            return pools.error();
        const auto of_pool = pools->empty() ? "" : text_at(pools->front(), "vdisk_protection_enabled");
        const auto pool = text_at(volume, "mdisk_grp_name");
        if (of_pool == "no")
            return {};
        return error(
            Errc::unsupported,
            fmt::format(
                "volume protection is on for the system and {} pool {}: it would keep the mapping after the copy",
                of_pool.empty() ? "perhaps for" : "for", pool),
            fmt::format("while migrating: chmdiskgrp -vdiskprotectionenabled no {}, or for all pools chsystem "
                        "-vdiskprotectionenabled no",
                        pool),
            "flashsystem_protection_on");
    }

    // Ids are given out again: before a volume is changed by its id, the id is that volume's.
    Result<void> verify(const Call& call, const Volume& volume)
    {
        const auto row = volume_row(call, {.system = "", .id = volume.id, .uid = upper(volume.naa).erase(0, 4)});
        if (row && text_at(*row, "id") != volume.id)
            return error(Errc::not_found, fmt::format("volume {} has another id than {} now", volume.name, volume.id),
                         "run again");
        return row ? Result<void>() : row.error();
    }

    Result<Rows> map_rows(const Call& call, const Volume& volume)
    {
        auto rows = list(call, "lsvdiskhostmap/" + volume.id);
        for (const Json& row : rows ? *rows : Rows())
            if ("naa." + lower(text_at(row, "vdisk_UID")) != volume.naa)
                return error(Errc::not_found,
                             fmt::format("volume {} is gone and its id {} another's", volume.name, volume.id),
                             "run again");
        if (rows && rows->empty()) // then nothing else shows whose id it is
            if (const auto still = verify(call, volume); !still)
                return still.error();
        return rows;
    }

    Result<std::optional<ArrayHost>> read_host(const Call& call, const std::string& id_or_name)
    {
        const auto rows = list(call, "lshost/" + rest::percent_encode(id_or_name));
        if (!rows && rows.error().code != Errc::not_found)
            return rows.error();
        if (!rows || rows->empty() || !is_digits(text_at(rows->front(), "id")))
            return std::optional<ArrayHost>();
        const Json& row = rows->front();
        return std::optional(ArrayHost{"host:" + text_at(row, "id"), text_at(row, "name"), ports_of(row)});
    }

    // Not every code level lists ports, and lsfabric knows those that are logged in (facts 5): both are hints, and every host
    // they name is read. Where they name none, all hosts are read, the likely ones first, until each port is found.
    Result<std::vector<ArrayHost>> owners(const Call& call, const HostIdentity& host, const Spellings& ports)
    {
        struct Question {
            const char* command;
            const char* host; // the field that names it
            Json options;
        };
        std::vector<Question> questions = {{"lshostports", "host_id", Json::object()}};
        for (const auto& port : ports)
            if (is_wwpn(port))
                questions.push_back({"lsfabric", "name", {{"wwpn", port}}});
        questions.push_back({"lshost", "id", Json::object()});

        std::vector<ArrayHost> owners;
        Spellings missing = ports;
        for (const auto& [command, field, options] : questions) {
            const bool all = command == std::string_view("lshost");
            if (missing.empty() || (all && !owners.empty()))
                break;
            auto rows = list(call, command, options);
            if (!rows && (all || !is_command_error(rows.error())))
                return rows.error();
            if (all)
                std::ranges::stable_partition(*rows, [&](const Json& row) {
                    return contains_ignoring_case(text_at(row, "name"), host.uuid) ||
                           contains_ignoring_case(text_at(row, "name"), split(host.name, '.').front());
                });
            for (const Json& row : rows ? *rows : Rows()) {
                const auto name = text_at(row, field);
                const Spellings named = {upper(text_at(row, "WWPN")), lower(text_at(row, "iscsi_name")),
                                         upper(text_at(row, "remote_wwpn"))};
                const auto is_same = [&](const ArrayHost& known) {
                    return known.name == name || known.id == "host:" + name;
                };
                if (missing.empty() || name.empty() || (!all && !share_an_initiator(named, ports)) ||
                    std::ranges::any_of(owners, is_same))
                    continue;
                auto read = read_host(call, name);
                if (!read)
                    return read.error();
                if (!*read || !share_an_initiator((*read)->initiator_ids, ports))
                    continue;
                std::erase_if(missing,
                              [&](const auto& port) { return share_an_initiator({port}, (*read)->initiator_ids); });
                owners.push_back(std::move(**read));
            }
        }
        return owners;
    }

    // Without "protocol" it is right for FC on every code level; for iSCSI newer ones need it and older ones refuse it.
    Result<void> make_host(const Call& call, const std::string& name, const Spellings& ports)
    {
        Json options = port_options(ports);
        options.update({{"name", name}, {"type", "generic"}});
        if (!is_wwpn(ports.front()))
            options["protocol"] = "iscsi";
        auto made = change(call, "mkhost", options);
        if (!made && made.error().code == Errc::bad_request && options.erase("protocol") > 0)
            made = change(call, "mkhost", options);
        return made;
    }
};

} // namespace

} // namespace xcopy::flashsystem

namespace xcopy {

using namespace std::chrono_literals;

Result<std::unique_ptr<Array>> make_flashsystem(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "IBM FlashSystem", "flashsystem");
    check.need_account();
    auto rules = check.rules(7443);
    if (rules) {
        rules->base_url += "/rest/v1";
        rules->retry = {.attempts = 8,
                        .no_answer = flashsystem::is_no_answer}; // half a minute: the config node may move
        rules->max_concurrent = 2; // the array runs one command at a time, for few clients
    }
    const rest::Request login{.method = rest::Method::post,
                              .url = "/auth",
                              .headers = {{"X-Auth-Username", config.username},
                                          {"X-Auth-Password", config.password.reveal()},
                                          {"Content-Type", "application/json"}}};
    // A user has one token, so a sign-in elsewhere ends ours, and ours theirs: growing pauses let both get on (facts 2).
    auto sign_in = rest::session(
        {.open = rest::one_step(
             login, [](const rest::Reply& reply) { return rest::from_reply_field(reply, "token", "X-Auth-Token"); }),
         .lapsed =
             [](const rest::Reply& reply) {
                 return (reply.status == 401 || reply.status == 403) && flashsystem::command_code(reply.body).empty();
             },
         .renewed = {},
         .logout = {}, // there is none
         .secrets = {config.password},
         .renewals = {250ms, 1s, 2s, 4s, 8s}});
    return made<flashsystem::FlashSystem>(wire, std::move(rules), flashsystem::decode_error, std::move(sign_in), clock);
}

} // namespace xcopy
