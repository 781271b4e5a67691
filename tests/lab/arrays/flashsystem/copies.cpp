// FlashCopy: a mapping from one volume to another of the same size, prepared, started, copied in the background.
#include "tests/lab/arrays/flashsystem/state.hpp"

#include <algorithm>
#include <filesystem>

namespace lab::flashsystem {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

void turn(FlashCopy& copy, const std::string& status, LabClock::Time now)
{
    copy.status = status;
    copy.since = now;
}

} // namespace

void System::move_on()
{
    const auto now = clock_.now();
    for (auto copy = copies_.begin(); copy != copies_.end();) {
        const auto since = std::chrono::duration_cast<milliseconds>(now - copy->since);
        if (copy->status == "preparing" && since >= milliseconds(switches_.get<int>("prepare_ms")))
            turn(*copy, "prepared", now);
        if (copy->status == "copying" && copy->copy_rate > 0) {
            const bool fails = switches_.on("copy_fails");
            const auto all = std::max(1, switches_.get<int>("copy_ms"));
            const auto percent = std::clamp<std::int64_t>(since.count() * 100 / all, 0, fails ? 50 : 100);
            copy->progress = static_cast<int>(percent);
            copy->bytes->bring_to(copy->progress);
            if (fails && percent == 50)
                turn(*copy, "stopped", now);
            else if (percent == 100)
                turn(*copy, "idle_or_copied", now);
            if (percent == 100 && copy->autodelete) {
                copy = copies_.erase(copy);
                continue;
            }
        }
        ++copy;
    }
}

FlashCopy& System::copy_in(const std::string& text)
{
    auto* copy = by_id_or_name(copies_, text);
    if (copy == nullptr)
        throw Refused("CMMVC5753E", "The specified object does not exist.");
    return *copy;
}

json System::mkfcmap(const Command& command)
{
    command.takes({"source", "target", "name", "copyrate", "autodelete", "incremental", "cleanrate"});
    const auto& source = volume_in(command.need("source"));
    const auto& target = volume_in(command.need("target"));
    const auto name = command.text("name").value_or("fcmap" + lowest_free_id(copies_));
    const auto rate = command.number("copyrate", 0, 150, "CMMVC5711E").value_or(50);
    check_name(name);
    if (source.id == target.id)
        throw Refused("CMMVC6303E", "The create failed because the source and target volumes are the same.");
    if (source.size != target.size)
        throw Refused(
            "CMMVC5924E",
            "The FlashCopy mapping was not created because the source and target volumes have different sizes.");
    for (const auto& copy : copies_) {
        if (copy.name == name)
            throw Refused("CMMVC6035E", "The action failed as the object already exists.");
        if (copy.target == target.id)
            throw Refused("CMMVC6466E", "A FlashCopy mapping with this target exists.");
    }
    copies_.push_back({.id = lowest_free_id(copies_),
                       .name = name,
                       .source = source.id,
                       .target = target.id,
                       .copy_rate = rate,
                       .autodelete = command.flag("autodelete")});
    return created("FlashCopy Mapping", copies_.back().id);
}

json System::prestartfcmap(const Command& command)
{
    command.takes({"restore"});
    (void)command.flag("restore");
    auto& copy = copy_in(command.needs_object());
    if (copy.status == "copying")
        throw Refused("CMMVC5907E", "The FlashCopy mapping or consistency group is already copying.");
    if (copy.status != "idle_or_copied" && copy.status != "stopped")
        throw Refused("CMMVC5903E", "The action failed because of the state of the FlashCopy mapping.");
    const auto file = volume_in(copy.target).file;
    const auto size = std::filesystem::file_size(file);
    std::filesystem::resize_file(file, 0); // what the target held is discarded
    std::filesystem::resize_file(file, size);
    copy.progress = 0;
    copy.bytes.emplace(volume_in(copy.source).file, file, size);
    turn(copy, "preparing", clock_.now());
    return nullptr;
}

json System::startfcmap(const Command& command)
{
    command.takes({"prep", "restore"});
    auto& copy = copy_in(command.needs_object());
    if (copy.status == "copying")
        throw Refused("CMMVC5907E", "The FlashCopy mapping or consistency group is already copying.");
    if (command.flag("prep") && (copy.status == "idle_or_copied" || copy.status == "stopped"))
        prestartfcmap(Command("prestartfcmap", copy.id, json::object()));
    else if (copy.status != "prepared")
        throw Refused("CMMVC5903E", "The action failed because of the state of the FlashCopy mapping: " + copy.status);
    turn(copy, "copying", clock_.now());
    return nullptr;
}

json System::stopfcmap(const Command& command)
{
    command.takes({"force", "split"});
    (void)command.flag("force");
    auto& copy = copy_in(command.needs_object());
    if (copy.status == "stopped" || copy.status == "idle_or_copied")
        throw Refused("CMMVC5912E", "The FlashCopy mapping is already in the stopped state.");
    turn(copy, copy.status == "copying" ? "stopped" : "idle_or_copied", clock_.now());
    return nullptr;
}

json System::rmfcmap(const Command& command)
{
    command.takes({"force"});
    auto& copy = copy_in(command.needs_object());
    if (copy.status != "idle_or_copied" && copy.status != "stopped")
        throw Refused("CMMVC5903E", "The action failed because of the state of the FlashCopy mapping: " + copy.status);
    if (copy.status == "stopped" && !command.flag("force"))
        throw Refused("CMMVC6425E",
                      "The FlashCopy mapping was not deleted because the target volume has inconsistent data.");
    copies_.remove_if([&](const FlashCopy& one) { return &one == &copy; });
    return nullptr;
}

json System::copy_row(const FlashCopy& copy) const
{
    const auto name = [&](const std::string& id) {
        const auto volume = std::ranges::find(inventory_.volumes, id, &StoredVolume::id);
        return volume == inventory_.volumes.end() ? std::string() : volume->name;
    };
    json row = {{"id", copy.id},
                {"name", copy.name},
                {"source_vdisk_id", copy.source},
                {"source_vdisk_name", name(copy.source)},
                {"target_vdisk_id", copy.target},
                {"target_vdisk_name", name(copy.target)},
                {"group_id", ""},
                {"group_name", ""},
                {"status", copy.status},
                {"progress", std::to_string(copy.progress)},
                {"copy_rate", std::to_string(copy.copy_rate)},
                {"clean_progress", "100"},
                {"incremental", "off"},
                {"partner_FC_id", ""},
                {"partner_FC_name", ""},
                {"restoring", "no"},
                {"rc_controlled", "no"}};
    if (!switches_.on("progress_in_list"))
        row.erase("progress");
    return row;
}

json System::lsfcmap(const Command& command)
{
    command.takes({"filtervalue"});
    if (!command.object.empty()) {
        const auto& copy = copy_in(command.object);
        auto details = copy_row(copy);
        details["autodelete"] = copy.autodelete ? "on" : "off";
        return details;
    }
    json rows = json::array();
    for (const auto& copy : copies_)
        rows.push_back(copy_row(copy));
    return filtered(rows, command.text("filtervalue"),
                    {"id", "name", "source_vdisk_id", "source_vdisk_name", "target_vdisk_id", "target_vdisk_name",
                     "status", "copy_rate"});
}

json System::lsfcmapprogress(const Command& command)
{
    command.takes({});
    const auto& copy = copy_in(command.needs_object());
    return {{"id", copy.id}, {"progress", std::to_string(copy.progress)}};
}

} // namespace lab::flashsystem
