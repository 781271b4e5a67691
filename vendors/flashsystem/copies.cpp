// FlashCopy from a raw device's volume onto a PersistentVolume's (facts 7). Without autodelete, so that the mapping stays
// and proves that all was copied.
#include "vendors/flashsystem/errors.hpp"
#include "vendors/flashsystem/flashsystem.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;
using Phase = ArrayCopyState::Phase;
using namespace std::chrono_literals;

namespace {

constexpr int copy_rate = 130; // 512 MB/s at most
constexpr int most_doubts = 5;

std::string map_name(const ArrayCopy& copy)
{
    return "xcopy-" + copy.id;
}

bool is_at_rest(const Json& row)
{
    return text_at(row, "status") == "idle_or_copied" || text_at(row, "status") == "stopped";
}

} // namespace

Result<Volume> FlashSystem::find_source(const Call& call, const DiskBacking& disk)
{
    const auto uid = uid_of_backing(disk.id);
    if (!uid)
        return error(Errc::not_found, fmt::format("'{}' is not a volume of this kind of array", disk.id),
                     "copy through a host (XCOPY)");
    const auto row = volume_row(call, {.system = "", .id = "", .uid = *uid});
    return row ? parse_volume(*row) : row.error();
}

Result<void> FlashSystem::check(const Call& call, const ArrayCopy& copy)
{
    const auto refuse = [&](const std::string& why, const std::string& remedy) {
        return error(Errc::unsupported, fmt::format("copy {} to {}: {}", copy.source.name, copy.target.name, why),
                     remedy);
    };
    if (copy.source.naa == copy.target.naa)
        return refuse("they are the same volume", "check the disk and the PersistentVolume");
    if (copy.source.size_bytes != copy.target.size_bytes) {
        const bool grow_target = copy.target.size_bytes < copy.source.size_bytes;
        const auto& small = grow_target ? copy.target : copy.source;
        const auto& large = grow_target ? copy.source : copy.target;
        return refuse(
            fmt::format("{} and {} bytes; FlashCopy needs equal sizes", copy.source.size_bytes, copy.target.size_bytes),
            fmt::format("expandvdisksize -size {} -unit b {}, or copy through a host (XCOPY)",
                        large.size_bytes - small.size_bytes, small.name));
    }
    const auto rows = list(call, "lsfcmap", {{"filtervalue", "target_vdisk_name=" + copy.target.name}});
    if (!rows)
        return rows.error();
    for (const Json& row : *rows)
        if (text_at(row, "target_vdisk_id") == copy.target.id && text_at(row, "name") != map_name(copy))
            return refuse(fmt::format("the target is the target of FlashCopy mapping {} already", text_at(row, "name")),
                          "let that copy end and remove it (rmfcmap), or copy through a host (XCOPY)");
    return {};
}

FlashSystem::MaybeRow FlashSystem::copy_row(const Call& call, const ArrayCopy& copy)
{
    if (!is_uuid(copy.id) || !is_digits(copy.source.id) || !is_digits(copy.target.id))
        return Error{Errc::bad_request, fmt::format("'{}' is not the id of a copy between volumes", copy.id)};
    auto rows = list(call, "lsfcmap", {{"filtervalue", "name=" + map_name(copy)}});
    if (!rows)
        return rows.error();
    for (Json& row : *rows) {
        if (text_at(row, "name") != map_name(copy))
            continue;
        if (!is_digits(text_at(row, "id")) || text_at(row, "source_vdisk_id") != copy.source.id ||
            text_at(row, "target_vdisk_id") != copy.target.id)
            return error(Errc::conflict, fmt::format("FlashCopy mapping {} is between other volumes", map_name(copy)),
                         "look at it with lsfcmap; it is not touched");
        if (text_at(row, "progress").empty()) {
            const auto progress = list(call, "lsfcmapprogress/" + text_at(row, "id"));
            if (!progress)
                return progress.error();
            row["progress"] = progress->empty() ? "" : text_at(progress->front(), "progress");
        }
        return std::optional(std::move(row));
    }
    return std::optional<Json>();
}

// create, prepare (which discards what the target holds), start; each waits for the state before it.
Result<void> FlashSystem::next_step(const Call& call, const ArrayCopy& copy, const std::optional<Json>& row)
{
    const auto step = [&]() -> Result<Json> {
        if (!row)
            return change(call, "mkfcmap",
                          {{"source", copy.source.id},
                           {"target", copy.target.id},
                           {"name", map_name(copy)},
                           {"copyrate", copy_rate}});
        if (is_at_rest(*row))
            return change(call, "prestartfcmap/" + text_at(*row, "id"));
        if (text_at(*row, "status") == "prepared")
            return change(call, "startfcmap/" + text_at(*row, "id"));
        return rest::as_result(nullptr);
    }();
    if (!step)
        return step.error();
    return {};
}

Result<ArrayCopyState> FlashSystem::start(const Call& call, const ArrayCopy& copy)
{
    if (auto checked = check(call, copy); !checked)
        return checked.error();
    int doubts = 0;
    const auto started = rest::poll(call, api_.clock(), {.longest = 2s}, [&]() -> MaybeRow {
        auto row = copy_row(call, copy);
        if (!row || (*row && (state_of(**row).phase == Phase::done || text_at(**row, "status") == "copying")))
            return row;
        if (*row && !is_at_rest(**row) && state_of(**row).phase == Phase::failed)
            return row;
        const auto stepped = next_step(call, copy, *row);
        if (!stepped && (afterwards(stepped.error()) == Afterwards::give_up || ++doubts > most_doubts))
            return stepped.error();
        return std::optional<Json>();
    });
    return started ? Result<ArrayCopyState>(state_of(*started))
                   : Error(started.error()).in(fmt::format("FlashCopy {} to {}", copy.source.name, copy.target.name));
}

Result<ArrayCopyState> FlashSystem::look(const Call& call, const ArrayCopy& copy)
{
    const auto row = copy_row(call, copy);
    if (!row)
        return row.error();
    return *row ? state_of(**row) : ArrayCopyState{};
}

Result<void> FlashSystem::remove(const Call& call, const ArrayCopy& copy, bool even_running)
{
    std::optional<Json> row;
    const auto is_gone = [&]() -> Result<std::optional<bool>> {
        auto now = copy_row(call, copy);
        if (!now)
            return now.error();
        row = std::move(*now);
        return row ? std::optional<bool>() : std::optional(true);
    };
    const auto step = [&]() -> Result<void> {
        if (!is_at_rest(*row) && !even_running)
            return error(Errc::busy, fmt::format("FlashCopy mapping {} is {}", map_name(copy), text_at(*row, "status")),
                         "wait for its end, or cancel the copy");
        const auto command = is_at_rest(*row) ? "rmfcmap/" : "stopfcmap/";
        const auto reply = change(call, command + text_at(*row, "id"), {{"force", true}});
        if (!reply)
            return reply.error();
        return {};
    };
    const auto gone =
        settle<bool>({.call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 6}, is_gone, step);
    if (!gone)
        return Error(gone.error()).in(fmt::format("remove FlashCopy mapping {}", map_name(copy)));
    return {};
}

} // namespace xcopy::flashsystem
