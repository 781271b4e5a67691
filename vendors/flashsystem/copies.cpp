// FlashCopy of a raw device's volume onto a PersistentVolume's (facts 7). Without autodelete: the mapping stays and proves
// that all was copied.
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

constexpr int copy_rate = 130;                                                                     // at most 512 MB/s
constexpr auto name_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."; // facts 5

std::string map_name(const ArrayCopy& copy)
{
    return "xcopy-" + copy.id;
}

} // namespace

Result<Volume> FlashSystem::find_source(const Call& call, const DiskBacking& disk)
{
    const auto wanted = parse_handle("SVC:" + hex_in(disk)); // the UID alone
    const auto row = wanted ? volume_row(call, *wanted)
                            : refuse(Errc::not_found, fmt::format("'{}' is no volume of such an array", disk.id),
                                     "copy through a host (XCOPY)");
    return row ? parse_volume(*row) : row.error();
}

Result<void> FlashSystem::check(const Call& call, const ArrayCopy& copy)
{
    if (auto sizes = check_sizes(copy); !sizes)
        return sizes;
    const auto& [source, target] = std::tie(copy.source, copy.target);
    for (const auto& volume : {source, target})
        if (auto still = verify(call, volume); !still)
            return still;
    if (source.size_bytes != target.size_bytes)
        return refuse(Errc::unsupported,
                      fmt::format("FlashCopy needs equal sizes: {} has {} bytes, {} has {}", source.name,
                                  source.size_bytes, target.name, target.size_bytes),
                      fmt::format("expandvdisksize -size {} -unit b {}, or copy through a host (XCOPY)",
                                  target.size_bytes - source.size_bytes, source.name));
    const auto rows = list(call, "lsfcmap", {{"filtervalue", "target_vdisk_name=" + target.name}});
    for (const Json& row : rows ? *rows : Rows())
        if (text_at(row, "target_vdisk_id") == target.id && text_at(row, "name") != map_name(copy))
            return refuse(
                Errc::unsupported,
                fmt::format("{} is the target of FlashCopy mapping {} already", target.name, text_at(row, "name")),
                "let that copy end and remove it (rmfcmap), or copy through a host (XCOPY)");
    return rows ? Result<void>() : rows.error();
}

// Ours, by its name; never one between other volumes.
Result<std::optional<Json>> FlashSystem::copy_row(const Call& call, const ArrayCopy& copy)
{
    if (copy.id.empty() || copy.id.find_first_not_of(name_letters) != std::string::npos || copy.id.size() > 57)
        return Error{Errc::bad_request, fmt::format("'{}' is not the id of a copy", copy.id)};
    auto rows = list(call, "lsfcmap", {{"filtervalue", "name=" + map_name(copy)}});
    if (!rows)
        return rows.error();
    const auto ours =
        std::ranges::find_if(*rows, [&](const Json& row) { return text_at(row, "name") == map_name(copy); });
    if (ours == rows->end())
        return std::optional<Json>();
    if (!is_digits(text_at(*ours, "id")) || text_at(*ours, "source_vdisk_id") != copy.source.id ||
        text_at(*ours, "target_vdisk_id") != copy.target.id)
        return refuse(Errc::conflict, fmt::format("FlashCopy mapping {} is between other volumes", map_name(copy)),
                      "look at it with lsfcmap; it is not touched");
    if (text_at(*ours, "progress").empty()) { // not every code level lists it
        const auto progress = list(call, "lsfcmapprogress/" + text_at(*ours, "id"));
        if (!progress)
            return progress.error();
        (*ours)["progress"] = progress->empty() ? "" : text_at(progress->front(), "progress");
    }
    return std::optional(std::move(*ours));
}

// Create, prepare (which discards what the target holds), start when that is done.
Result<void> FlashSystem::next_step(const Call& call, const ArrayCopy& copy, const std::optional<Json>& row)
{
    if (!row)
        return change(call, "mkfcmap",
                      {{"source", copy.source.id},
                       {"target", copy.target.id},
                       {"name", map_name(copy)},
                       {"copyrate", copy_rate}});
    if (is_at_rest(*row))
        return change(call, "prestartfcmap/" + text_at(*row, "id"));
    return text_at(*row, "status") == "prepared" ? change(call, "startfcmap/" + text_at(*row, "id")) : Result<void>();
}

Result<ArrayCopyState> FlashSystem::start(const Call& call, const ArrayCopy& copy)
{
    if (auto checked = check(call, copy); !checked)
        return checked.error();
    int doubts = 5;
    const auto started = rest::poll(call, api_.clock(), {.longest = 2s}, [&]() -> Result<std::optional<Json>> {
        auto row = copy_row(call, copy);
        const auto state = row && *row ? state_of(**row) : ArrayCopyState{};
        const bool is_under_way = state.phase == Phase::done || (state.phase == Phase::failed && !is_at_rest(**row)) ||
                                  (state.phase == Phase::running && text_at(**row, "status") == "copying");
        if (!row || is_under_way)
            return row;
        const auto stepped = next_step(call, copy, *row);
        if (!stepped && (afterwards(stepped.error()) == Afterwards::give_up || --doubts == 0))
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
            return refuse(Errc::busy,
                          fmt::format("FlashCopy mapping {} is {}", map_name(copy), text_at(*row, "status")),
                          "wait for its end, or cancel the copy");
        return change(call, (is_at_rest(*row) ? "rmfcmap/" : "stopfcmap/") + text_at(*row, "id"), {{"force", true}});
    };
    const auto gone =
        settle<bool>({.call = call, .clock = api_.clock(), .after_error = afterwards, .rounds = 6}, is_gone, step);
    return gone ? Result<void>() : Error(gone.error()).in(fmt::format("remove FlashCopy mapping {}", map_name(copy)));
}

} // namespace xcopy::flashsystem
