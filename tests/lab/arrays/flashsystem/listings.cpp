// The system, its pools and volumes; and which command is which.
#include "tests/lab/arrays/flashsystem/state.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace lab::flashsystem {

using nlohmann::json;

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string lower(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

json created(const std::string& what, const std::string& id)
{
    return {{"id", id}, {"message", what + ", id [" + id + "], successfully created"}};
}

System::System(const ModelConfig& config, const Switches& switches)
    : switches_(switches), clock_(config.clock), id_(config.more.value("system_id", "0000020423A12F56")),
      name_(config.name), inventory_(config.name, config.directory, config.fabric, "IBM     ", "2145"),
      pools_{{"0", "Pool0"}, {"1", "Pool1"}}
{}

json System::run(const Command& command)
{
    using Run = json (System::*)(const Command&);
    static const std::map<std::string, Run> commands = {
        {"lssystem", &System::lssystem},
        {"lsmdiskgrp", &System::lsmdiskgrp},
        {"chsystem", &System::chsystem},
        {"chmdiskgrp", &System::chmdiskgrp},
        {"lsvdisk", &System::lsvdisk},
        {"expandvdisksize", &System::expandvdisksize},
        {"lshost", &System::lshost},
        {"lshostports", &System::lshostports},
        {"lsfabric", &System::lsfabric},
        {"mkhost", &System::mkhost},
        {"addhostport", &System::addhostport},
        {"rmhost", &System::rmhost},
        {"mkvdiskhostmap", &System::mkvdiskhostmap},
        {"rmvdiskhostmap", &System::rmvdiskhostmap},
        {"mkvolumehostclustermap", &System::mkvolumehostclustermap},
        {"rmvolumehostclustermap", &System::rmvolumehostclustermap},
        {"lsvdiskhostmap", &System::lsvdiskhostmap},
        {"lshostvdiskmap", &System::lshostvdiskmap},
        {"mkfcmap", &System::mkfcmap},
        {"prestartfcmap", &System::prestartfcmap},
        {"startfcmap", &System::startfcmap},
        {"stopfcmap", &System::stopfcmap},
        {"rmfcmap", &System::rmfcmap},
        {"lsfcmap", &System::lsfcmap},
        {"lsfcmapprogress", &System::lsfcmapprogress},
    };
    const auto found = commands.find(command.name);
    if (found == commands.end())
        throw Refused("CMMVC7205E", "The command failed because it is not supported.");
    move_on();
    return (this->*found->second)(command);
}

std::string System::alias() const
{
    return switches_.on("alias_differs") ? "00000204" + id_.substr(8, 6) + "AA" : id_;
}

json System::lssystem(const Command& command)
{
    command.takes({});
    const bool is_old = switches_.get<std::string>("protocol_words") == "old";
    return {{"id", id_},
            {"name", name_},
            {"location", "local"},
            {"product_name", "IBM FlashSystem 7300"},
            {"code_level", is_old ? "8.3.1.2 (build 150.24.2008101830000)" : "8.7.0.0 (build 169.4.2407121000000)"},
            {"vdisk_protection_enabled", switches_.get<std::string>("protection") == "off" ? "no" : "yes"},
            {"vdisk_protection_time", "15"},
            {"id_alias", alias()}};
}

json System::lsmdiskgrp(const Command& command)
{
    command.takes({"filtervalue", "bytes"});
    json rows = json::array();
    for (const auto& pool : pools_) {
        if (!command.object.empty() && command.object != pool.id && command.object != pool.name)
            continue;
        rows.push_back({{"id", pool.id}, {"name", pool.name}, {"status", "online"}, {"capacity", "100.00TB"}});
        if (switches_.on("pool_protection_field") && !command.object.empty()) {
            rows.back()["vdisk_protection_enabled"] = pool_protects() ? "yes" : "no";
            rows.back()["vdisk_protection_status"] = pool_protects() ? "active" : "inactive";
        }
    }
    if (command.object.empty())
        return filtered(rows, command.text("filtervalue"), {"id", "name", "status"});
    if (rows.empty())
        throw Refused("CMMVC5754E",
                      "The specified object does not exist, or the name supplied does not meet the naming rules.");
    return rows[0];
}

// Protection is a switch here, for the sake of setting it before a run.
json System::chsystem(const Command&)
{
    throw Refused("CMMVC6253E", "The task has failed because the user's role is not authorized to submit the command.");
}

json System::chmdiskgrp(const Command& command)
{
    return chsystem(command);
}

StoredVolume& System::volume_in(const std::string& text)
{
    auto* volume = by_id_or_name(inventory_.volumes, text);
    if (volume == nullptr)
        throw Refused(std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; }) ? "CMMVC5753E"
                                                                                                      : "CMMVC5754E",
                      "The specified object does not exist.");
    return *volume;
}

StoredHost& System::host_in(const std::string& text)
{
    auto* host = by_id_or_name(inventory_.hosts, text);
    if (host == nullptr)
        throw Refused("CMMVC5754E",
                      "The specified object does not exist, or the name supplied does not meet the naming rules.");
    return *host;
}

StoredGroup& System::cluster_in(const std::string& text)
{
    auto* cluster = by_id_or_name(inventory_.groups, text);
    if (cluster == nullptr)
        throw Refused("CMMVC5804E", "The specified object does not exist.");
    return *cluster;
}

json System::volume_row(const StoredVolume& volume, bool bytes) const
{
    char rounded[32];
    (void)std::snprintf(rounded, sizeof rounded, "%.2fGB", static_cast<double>(volume.size) / (1 << 30));
    std::vector<const FlashCopy*> copies;
    for (const auto& copy : copies_)
        if (copy.source == volume.id || copy.target == volume.id)
            copies.push_back(&copy);
    const auto pool = std::ranges::find(pools_, volume.more.value("pool", "0"), &Pool::id);
    return {{"id", volume.id},
            {"name", volume.name},
            {"IO_group_id", "0"},
            {"IO_group_name", "io_grp0"},
            {"status", volume.more.value("status", "online")},
            {"mdisk_grp_id", pool == pools_.end() ? "many" : pool->id},
            {"mdisk_grp_name", pool == pools_.end() ? "many" : pool->name},
            {"capacity", bytes ? std::to_string(volume.size) : rounded},
            {"type", "striped"},
            {"FC_id", copies.empty()      ? ""
                      : copies.size() > 1 ? "many"
                                          : copies.front()->id},
            {"FC_name", copies.empty()      ? ""
                        : copies.size() > 1 ? "many"
                                            : copies.front()->name},
            {"RC_id", ""},
            {"RC_name", ""},
            {"vdisk_UID", upper(volume.naa.substr(4))},
            {"fc_map_count", std::to_string(copies.size())},
            {"copy_count", "1"},
            {"fast_write_state", "empty"},
            {"se_copy_count", "1"},
            {"volume_group_name", ""},
            {"protocol", volume.more.value("protocol", "")}};
}

json System::lsvdisk(const Command& command)
{
    command.takes({"filtervalue", "bytes"});
    const bool bytes = command.flag("bytes");
    if (!command.object.empty()) {
        auto details = volume_row(volume_in(command.object), bytes);
        details["throttling"] = "0";
        if (switches_.get<std::string>("detail") == "object")
            return details;
        return json::array({details, {{"copy_id", "0"}, {"status", "online"}, {"primary", "yes"}}});
    }
    json rows = json::array();
    for (const auto& volume : inventory_.volumes)
        rows.push_back(volume_row(volume, bytes));
    auto filter = command.text("filtervalue");
    const auto how = switches_.get<std::string>("uid_filter");
    if (filter && filter->starts_with("vdisk_UID=") && how == "nothing")
        return json::array();
    if (filter && filter->starts_with("vdisk_UID=") && how == "everything")
        return rows;
    if (filter && filter->starts_with("vdisk_UID=") && how == "any_case")
        filter = "vdisk_UID=" + upper(filter->substr(10));
    return filtered(rows, filter,
                    {"id", "name", "vdisk_UID", "status", "mdisk_grp_id", "mdisk_grp_name", "FC_id", "FC_name"});
}

json System::expandvdisksize(const Command& command)
{
    command.takes({"size", "unit"});
    auto& volume = volume_in(command.needs_object());
    if (command.text("unit").value_or("mb") != "b")
        throw Refused("CMMVC5709E", "Here only -unit b is known.");
    inventory_.resize_volume(volume.id, volume.size + std::stoull(command.need("size")));
    return nullptr;
}

} // namespace lab::flashsystem
