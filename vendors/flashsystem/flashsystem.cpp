#include "vendors/flashsystem/flashsystem.hpp"

#include "vendors/config_check.hpp"
#include "vendors/flashsystem/errors.hpp"
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

Result<Rows> FlashSystem::list(const Call& call, const std::string& command, Json options)
{
    const auto reply = api_.read_by_post(call, "/" + command, options);
    return reply ? Result<Rows>(rows_in(*reply)) : reply.error();
}

Result<Json> FlashSystem::change(const Call& call, const std::string& command, Json options)
{
    return api_.post(call, "/" + command, options);
}

Error FlashSystem::error(Errc code, std::string_view message, std::string_view remedy, std::string_view reason) const
{
    return {code, fmt::format("{}: {}", api_.rules().array, message), std::string(remedy), std::string(reason)};
}

Result<ArrayInfo> FlashSystem::info(const Call& call)
{
    const auto systems = list(call, "lssystem");
    if (!systems)
        return systems.error();
    const Json system = systems->empty() ? Json::object() : systems->front();
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
    const Json system = systems->empty() ? Json::object() : systems->front();
    // The CSI driver writes the alias, which is the id unless somebody changed it.
    const auto is_here = [&](const char* field) { return upper(text_at(system, field)) == upper(wanted->system); };
    if (!wanted->system.empty() && !is_here("id_alias") && !is_here("id"))
        return error(Errc::conflict,
                     fmt::format("wrong array configured: volume {} is on system {}, this is {} ({})", handle.handle,
                                 wanted->system, text_at(system, "id"), text_at(system, "name")),
                     "use the secret of the array the StorageClass belongs to");
    const auto row = volume_row(call, *wanted);
    if (!row)
        return row.error();
    auto volume = parse_volume(*row);
    if (!volume)
        return std::move(volume.error()).in(api_.rules().array);
    if (auto unprotected = check_protection(call, system, *row); !unprotected)
        return unprotected.error();
    return volume;
}

// By UID; a filter may do anything, so what comes back is compared. Else by the id in the handle, for which the UID is
// compared too: ids are given out again.
Result<Json> FlashSystem::volume_row(const Call& call, const Handle& wanted)
{
    auto rows = list(call, "lsvdisk", {{"bytes", true}, {"filtervalue", "vdisk_UID=" + wanted.uid}});
    for (bool by_id : {false, true}) {
        if (by_id && !wanted.id.empty())
            rows = list(call, "lsvdisk/" + wanted.id, {{"bytes", true}});
        if (!rows && !is_command_error(rows.error()))
            return rows.error();
        for (const Json& row : rows ? *rows : Rows())
            if (upper(text_at(row, "vdisk_UID")) == wanted.uid)
                return rest::as_result(row);
    }
    return error(Errc::not_found, fmt::format("no volume has the UID {}", wanted.uid),
                 "check that STORAGE_HOSTNAME is the array of the StorageClass, and that the volume still exists");
}

// With protection on, a mapping cannot be taken away for some minutes after I/O, so it would be left behind. It is in
// force where system and pool have it on (facts 3); a pool that does not say counts as on.
Result<void> FlashSystem::check_protection(const Call& call, const Json& system, const Json& volume)
{
    if (text_at(system, "vdisk_protection_enabled") != "yes")
        return {};
    const auto pool = text_at(volume, "mdisk_grp_id"); // "many" where its copies are in different pools
    const auto pools = is_digits(pool) ? list(call, "lsmdiskgrp/" + pool) : Rows();
    if (!pools)
        return pools.error();
    const auto enabled = pools->empty() ? std::string() : text_at(pools->front(), "vdisk_protection_enabled");
    if (enabled == "no")
        return {};
    const auto name = text_at(volume, "mdisk_grp_name");
    return error(
        Errc::unsupported,
        fmt::format("volume protection is on for the system and {} pool {} of {}: the mapping could not be taken "
                    "away after the copy",
                    enabled.empty() ? "perhaps for" : "for", name, text_at(volume, "name")),
        fmt::format("switch it off while migrating: chmdiskgrp -vdiskprotectionenabled no {} for the pool, or chsystem "
                    "-vdiskprotectionenabled no for the whole system",
                    name),
        "flashsystem_protection_on");
}

Result<Rows> FlashSystem::map_rows(const Call& call, const Volume& volume)
{
    auto rows = list(call, "lsvdiskhostmap/" + volume.id);
    if (rows)
        for (const Json& row : *rows)
            if ("naa." + lower(text_at(row, "vdisk_UID")) != volume.naa)
                return error(Errc::not_found,
                             fmt::format("volume {} is gone, its id {} is another's now", volume.name, volume.id),
                             "run again");
    return rows;
}

// A mapping of a host cluster shows as a row for each member: one mapping, which we never touch.
Result<std::vector<Mapping>> FlashSystem::mappings_of(const Call& call, const Volume& volume)
{
    if (!is_digits(volume.id))
        return Error{Errc::bad_request, fmt::format("'{}' is not the id of a volume", volume.id)};
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
        ArrayHost object = **host;
        if (text_at(row, "mapping_type") == "shared")
            object = {"hostcluster:" + text_at(row, "host_cluster_id"), text_at(row, "host_cluster_name"),
                      object.initiator_ids};
        if (!mappings.empty() && mappings.back().host.id == object.id) {
            auto& ports = mappings.back().host.initiator_ids;
            ports.insert(ports.end(), object.initiator_ids.begin(), object.initiator_ids.end());
            continue;
        }
        const auto number = rest::number_at(row, "SCSI_id");
        mappings.push_back({std::move(object), number ? std::optional(static_cast<int>(*number)) : std::nullopt});
    }
    return mappings;
}

Result<Mapping> FlashSystem::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto target = parse_target(volume, host);
    if (!target)
        return target.error();
    Json options = {{target->cluster ? "hostcluster" : "host", target->id}, {"force", true}};
    if (lun)
        options["scsi"] = std::to_string(*lun);
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto make = [&]() -> Result<std::optional<Mapping>> {
        const auto reply =
            change(call, (target->cluster ? "mkvolumehostclustermap/" : "mkvdiskhostmap/") + volume.id, options);
        if (!reply)
            return reply.error();
        const auto number = rest::number_at(*reply, "id"); // what is "created" is the LUN number
        if (!number || (lun && *number != *lun))
            return std::optional<Mapping>();
        return std::optional(Mapping{host, static_cast<int>(*number)});
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
        if (!rows && rows.error().code != Errc::not_found) // the volume is gone, and its mappings with it
            return rows.error();
        for (const Json& row : rows ? *rows : Rows())
            if ((text_at(row, "mapping_type") == "shared") == target->cluster &&
                text_at(row, target->cluster ? "host_cluster_id" : "host_id") == target->id)
                return std::optional<bool>();
        return std::optional(true);
    };
    const auto remove = [&]() -> Result<std::optional<bool>> {
        if (target->cluster)
            return error(Errc::unsupported, "a mapping of a host cluster is never taken away",
                         "rmvolumehostclustermap, if it is to go");
        const auto reply = change(call, "rmvdiskhostmap/" + volume.id, {{"host", target->id}});
        return reply ? Result<std::optional<bool>>(std::optional(true)) : reply.error();
    };
    // Protection may let go after a while, if not for minutes.
    const Settling patient{
        .call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 5, .first_pause = 2s};
    const auto gone = settle<bool>(patient, is_gone, remove);
    if (!gone)
        return Error(gone.error()).in(fmt::format("unmap {} from {}", volume.name, host.name));
    return {};
}

Result<std::set<int>> FlashSystem::used_by(const Call& call, const ArrayHost& host)
{
    const auto target = parse_target({.id = "0"}, host);
    if (!target || target->cluster)
        return Error{Errc::bad_request, fmt::format("'{}' is not the id of a host", host.id)};
    const auto rows = list(call, "lshostvdiskmap/" + target->id);
    if (!rows)
        return rows.error();
    std::set<int> numbers;
    for (const Json& row : *rows)
        if (const auto number = rest::number_at(row, "SCSI_id"))
            numbers.insert(static_cast<int>(*number));
    return numbers;
}

namespace {

// One token per user: a sign-in of another pod ends ours, so it is renewed with growing pauses (facts 2).
rest::Session session_of(const ArrayConfig& config)
{
    const rest::Request login{.method = rest::Method::post,
                              .url = "/auth",
                              .headers = {{"X-Auth-Username", config.username},
                                          {"X-Auth-Password", config.password.reveal()},
                                          {"Content-Type", "application/json"}}};
    const auto read = [](const rest::Reply& reply) { return rest::from_reply_field(reply, "token", "X-Auth-Token"); };
    const auto open = [step = rest::one_step(login, read)](const Call& call, const rest::Send& send) {
        return step(call, [&send](const Call& to, rest::Request request) -> Result<rest::Reply> {
            auto reply = send(to, std::move(request));
            if (reply && is_no_answer(*reply))
                return Error{Errc::unavailable, fmt::format("no usable answer (HTTP {})", reply->status)};
            return reply;
        });
    };
    const auto lapsed = [](const rest::Reply& reply) {
        return (reply.status == 401 || reply.status == 403) && command_code(reply.body).empty();
    };
    return {.open = open,
            .lapsed = lapsed,
            .renewed = {},
            .logout = {}, // there is none
            .secrets = {config.password},
            .renewals = {250ms, 1s, 2s, 4s, 8s}};
}

} // namespace

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
    return std::unique_ptr<Array>(
        std::make_unique<FlashSystem>(transport, std::move(*rules), rest::session(session_of(config)), clock));
}

} // namespace xcopy::flashsystem
