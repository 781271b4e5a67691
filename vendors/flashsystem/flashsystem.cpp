#include "vendors/flashsystem/flashsystem.hpp"

#include "vendors/config_check.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

FlashSystem::FlashSystem(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                         rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock)
{}

Result<Rows> FlashSystem::list(const Call& call, const std::string& command, const Json& options)
{
    const auto reply = api_.read_by_post(call, "/" + command, options);
    return reply ? Result<Rows>(rows_in(*reply)) : reply.error();
}

Result<Json> FlashSystem::run(const Call& call, const std::string& command, const Json& options)
{
    return api_.post(call, "/" + command, options);
}

Result<void> FlashSystem::change(const Call& call, const std::string& command, const Json& options)
{
    const auto reply = run(call, command, options);
    return reply ? Result<void>() : reply.error();
}

Error FlashSystem::refuse(Errc code, const std::string& message, std::string remedy, std::string reason) const
{
    return {code, fmt::format("{}: {}", api_.rules().array, message), std::move(remedy), std::move(reason)};
}

Result<ArrayInfo> FlashSystem::info(const Call& call)
{
    const auto systems = list(call, "lssystem");
    if (!systems)
        return systems.error();
    const Json system = systems->empty() ? Json() : systems->front();
    return ArrayInfo{"IBM", "FlashSystem", text_at(system, "product_name"),
                     split(text_at(system, "code_level"), ' ').front()};
}

Result<Volume> FlashSystem::find_volume(const Call& call, const VolumeHandle& handle)
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
        return refuse(Errc::conflict,
                      fmt::format("wrong array configured: volume {} is on system {}, this is {}", handle.handle,
                                  wanted->system, text_at(system, "id")),
                      "use the secret of the array the StorageClass belongs to");
    const auto row = volume_row(call, *wanted);
    if (!row)
        return row.error();
    auto volume = parse_volume(*row);
    if (!volume)
        return std::move(volume.error()).in(api_.rules().array);
    const auto unprotected = check_protection(call, system, *row);
    return unprotected ? volume : unprotected.error();
}

// A filter may do anything, so what comes back is compared; and an id in a handle may be another volume's by now.
Result<Json> FlashSystem::volume_row(const Call& call, const Handle& wanted)
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
    return refuse(Errc::not_found, fmt::format("no volume has the UID {}", wanted.uid),
                  "check that STORAGE_HOSTNAME is the array of the StorageClass, and that the volume still exists");
}

// With protection on, a mapping stays for minutes after I/O. It is in force where system and pool have it on (facts 3); a
// pool that does not say counts as on.
Result<void> FlashSystem::check_protection(const Call& call, const Json& system, const Json& volume)
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
    return refuse(
        Errc::unsupported,
        fmt::format("volume protection is on for the system and {} pool {}: it would keep the mapping after the copy",
                    of_pool.empty() ? "perhaps for" : "for", pool),
        fmt::format("while migrating: chmdiskgrp -vdiskprotectionenabled no {}, or for all pools chsystem "
                    "-vdiskprotectionenabled no",
                    pool),
        "flashsystem_protection_on");
}

// Ids are given out again: before a volume is changed by its id, the id is that volume's.
Result<void> FlashSystem::verify(const Call& call, const Volume& volume)
{
    const auto row = volume_row(call, {.system = "", .id = volume.id, .uid = upper(volume.naa).erase(0, 4)});
    if (row && text_at(*row, "id") != volume.id)
        return refuse(Errc::not_found, fmt::format("volume {} has another id than {} now", volume.name, volume.id),
                      "run again");
    return row ? Result<void>() : row.error();
}

Result<Rows> FlashSystem::map_rows(const Call& call, const Volume& volume)
{
    auto rows = list(call, "lsvdiskhostmap/" + volume.id);
    for (const Json& row : rows ? *rows : Rows())
        if ("naa." + lower(text_at(row, "vdisk_UID")) != volume.naa)
            return refuse(Errc::not_found,
                          fmt::format("volume {} is gone and its id {} another's", volume.name, volume.id),
                          "run again");
    if (rows && rows->empty()) // then nothing else shows whose id it is
        if (const auto still = verify(call, volume); !still)
            return still.error();
    return rows;
}

// A mapping of a host cluster shows as a row for each member: one mapping, which we never take away.
Result<std::vector<Mapping>> FlashSystem::mappings_of(const Call& call, const Volume& volume)
{
    if (const auto checked = parse_target(volume, {.id = "host:0"}); !checked)
        return checked.error();
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
            const auto number = rest::number_at(row, "SCSI_id");
            known = mappings.insert(known, {{id, shared ? text_at(row, "host_cluster_name") : (*host)->name},
                                            number ? std::optional(static_cast<int>(*number)) : std::nullopt});
        }
        known->host.initiator_ids.insert(known->host.initiator_ids.end(), (*host)->initiator_ids.begin(),
                                         (*host)->initiator_ids.end());
    }
    return mappings;
}

Result<Mapping> FlashSystem::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto target = parse_target(volume, host);
    if (!target)
        return target.error();
    const auto command = (target->cluster ? "mkvolumehostclustermap/" : "mkvdiskhostmap/") + volume.id;
    Json options = {{target->cluster ? "hostcluster" : "host", target->id}, {"force", true}}; // others have it too
    if (lun)
        options["scsi"] = std::to_string(*lun);
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto make = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = run(call, command, options);
        if (!reply)
            return reply.error();
        const auto number = rest::number_at(*reply, "id"); // what is "created" is the LUN number
        return number && number == lun.value_or(static_cast<int>(*number))
                   ? std::optional(Mapping{host, static_cast<int>(*number)})
                   : std::nullopt;
    };
    auto mapped = settle<Mapping>({.call = call, .clock = api_.clock(), .after_error = afterwards}, look, make);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map {} to {}", volume.name, host.name));
}

Result<void> FlashSystem::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto target = parse_target(volume, host);
    if (!target)
        return target.error();
    const auto is_gone = [&]() -> Result<std::optional<bool>> {
        const auto rows = map_rows(call, volume);
        if (!rows && rows.error().code != Errc::not_found) // else the volume is gone, and its mappings with it
            return rows.error();
        const bool is_there = rows && std::ranges::any_of(*rows, [&](const Json& row) { return target->owns(row); });
        return is_there ? std::optional<bool>() : std::optional(true);
    };
    const auto remove = [&]() -> Result<std::optional<bool>> {
        if (target->cluster)
            return refuse(Errc::unsupported, "a mapping of a host cluster is never taken away",
                          "rmvolumehostclustermap, if it is to go");
        const auto done = change(call, "rmvdiskhostmap/" + volume.id, {{"host", target->id}});
        return done ? Result<std::optional<bool>>(std::optional(true)) : done.error();
    };
    // Five rounds, for protection may let go after a while, if not for minutes.
    const auto gone =
        settle<bool>({.call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 5, .first_pause = 2s},
                     is_gone, remove);
    return gone ? Result<void>() : Error(gone.error()).in(fmt::format("unmap {} from {}", volume.name, host.name));
}

Result<std::set<int>> FlashSystem::used_by(const Call& call, const ArrayHost& host)
{
    const auto target = parse_target({.id = "0"}, host);
    const auto rows = target ? list(call, "lshostvdiskmap/" + target->id) : target.error();
    if (!rows)
        return rows.error();
    std::set<int> numbers;
    for (const Json& row : *rows)
        if (const auto number = rest::number_at(row, "SCSI_id"))
            numbers.insert(static_cast<int>(*number));
    return numbers;
}

Result<std::unique_ptr<Array>> make_flashsystem(const ArrayConfig& config, rest::Transport& transport,
                                                rest::Clock& clock)
{
    ConfigCheck check(config, "IBM FlashSystem", "flashsystem");
    check.need_account();
    auto rules = check.rules(7443);
    if (!rules)
        return rules.error();
    rules->base_url += "/rest/v1";
    rules->retry = {.attempts = 8, .no_answer = is_no_answer}; // half a minute, for a failover of the config node
    rules->max_concurrent = 2;                                 // the array runs one command at a time, for few clients
    rules->decode_error = decode_error;
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
                 return (reply.status == 401 || reply.status == 403) && command_code(reply.body).empty();
             },
         .renewed = {},
         .logout = {}, // there is none
         .secrets = {config.password},
         .renewals = {250ms, 1s, 2s, 4s, 8s}});
    return std::unique_ptr<Array>(
        std::make_unique<FlashSystem>(transport, std::move(*rules), std::move(sign_in), clock));
}

} // namespace xcopy::flashsystem
