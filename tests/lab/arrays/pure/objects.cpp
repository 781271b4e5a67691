// Volumes, hosts and connections, and the rules that hold between them.
#include "tests/lab/arrays/byte_copy.hpp"
#include "tests/lab/arrays/pure/pure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace lab::pure {

using nlohmann::json;

namespace {

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string plain(std::string name)
{
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!name.starts_with("iqn."))
        std::erase(name, ':');
    return name;
}

// "serial='ABC'" or "key='K' AND value='V'": field to value.
std::map<std::string, std::string> conditions(const std::string& filter)
{
    std::map<std::string, std::string> found;
    for (std::size_t at = 0; at < filter.size();) {
        const auto equals = filter.find("='", at);
        const auto end = equals == std::string::npos ? equals : filter.find('\'', equals + 2);
        if (end == std::string::npos)
            throw Refusal{"", "Invalid filter."};
        auto field = filter.substr(at, equals - at);
        if (const auto word = field.find("AND "); word != std::string::npos)
            field = field.substr(word + 4);
        std::erase(field, ' ');
        found[field] = filter.substr(equals + 2, end - equals - 2);
        at = end + 1;
    }
    return found;
}

// In the query, or as Forklift does, in the body.
std::string named(const Request& request, const json& body, const char* key)
{
    if (const auto given = request.parameter(key))
        return *given;
    return body.value(key, "");
}

} // namespace

json FlashArray::volumes(const Request& request)
{
    json all = json::array();
    if (const auto ids = request.parameter("ids")) {
        const auto* volume = inventory_.volume(*ids);
        if (!volume)
            throw Refusal{*ids, "Volume does not exist."};
        all.push_back(volume_item(*volume));
    } else if (const auto names = request.parameter("names")) {
        all.push_back(volume_item(volume_named(*names)));
    } else {
        const auto wanted = conditions(request.parameter("filter").value_or(""));
        for (const auto& volume : inventory_.volumes)
            if (wanted.empty() || (wanted.contains("serial") && volume.more["serial"] == wanted.at("serial")))
                all.push_back(volume_item(volume));
    }
    return all;
}

json FlashArray::tags(const Request& request) const
{
    json all = json::array();
    if (request.parameter("namespaces") != "vasa-integration.purestorage.com")
        return all;
    const auto wanted = conditions(request.parameter("filter").value_or(""));
    for (const auto& volume : inventory_.volumes)
        for (const char* key : {"PURE_VVOL_ID", "PURE_VVOL_ID2"})
            if (volume.more.contains("vvol") && (!wanted.contains("key") || wanted.at("key") == key) &&
                (!wanted.contains("value") || volume.more["vvol"] == wanted.at("value")))
                all.push_back({{"key", key},
                               {"value", volume.more["vvol"]},
                               {"namespace", "vasa-integration.purestorage.com"},
                               {"copyable", false},
                               {"resource", {{"id", volume.id}, {"name", volume.name}}}});
    return all;
}

Response FlashArray::copy_volume(const Request& request, const json& body)
{
    const auto name = named(request, body, "names");
    const auto& source = volume_named(body.at("source").at("name"));
    auto* target = inventory_.volume_named(name);
    if (!target || request.parameter("overwrite") != "true")
        throw Refusal{name, target ? "Volume already exists." : "Volume does not exist."};
    if (source.more.value("destroyed", false))
        throw Refusal{source.name, "Volume has been destroyed."};
    if (switches_.on("copy_fails")) {
        ByteCopy(source.file, target->file, std::min(source.size, target->size)).bring_to(50);
        throw Refusal{name, "Internal error while copying."};
    }
    if (!switches_.on("overwrite_keeps_size"))
        inventory_.resize_volume(target->id, source.size);
    ByteCopy(source.file, target->file, source.size).bring_to(100);
    target->more["source"] = {{"name", source.name}, {"id", source.id}};
    return {200, json{{"items", {volume_item(*target)}}}.dump(), {}};
}

Response FlashArray::change_volume(const Request& request, const json& body)
{
    auto& volume = volume_named(named(request, body, "names"));
    const auto size = body.at("provisioned").get<std::uint64_t>();
    if (size < volume.size && request.parameter("truncate") != "true")
        throw Refusal{volume.name, "Implicit truncation not permitted."};
    inventory_.resize_volume(volume.id, size);
    return {200, json{{"items", {volume_item(volume)}}}.dump(), {}};
}

Response FlashArray::create_host(const Request& request, const json& body)
{
    const auto name = named(request, body, "names");
    if (inventory_.host_named(name))
        throw Refusal{name, "Host already exists."};
    StoredHost host{.id = new_id(), .name = name, .initiators = {}, .group = {}};
    add_ports(host, body.value("wwns", json::array()));
    add_ports(host, body.value("iqns", json::array()));
    inventory_.hosts.push_back(host);
    inventory_.publish();
    return {200, json{{"items", {host_item(host)}}}.dump(), {}};
}

Response FlashArray::change_host(const Request& request, const json& body)
{
    auto& host = host_named(named(request, body, "names"));
    add_ports(host, body.value("add_wwns", json::array()));
    add_ports(host, body.value("add_iqns", json::array()));
    inventory_.publish();
    return {200, json{{"items", {host_item(host)}}}.dump(), {}};
}

void FlashArray::add_ports(StoredHost& host, const json& names)
{
    for (const auto& name : names)
        if (inventory_.owner_of(plain(name)))
            throw Refusal{host.name, "The specified port is already in use."};
    for (const auto& name : names)
        host.initiators.push_back(plain(name));
}

Response FlashArray::connect(const Request& request, const json& body)
{
    auto& volume = volume_named(named(request, body, "volume_names"));
    const auto host_name = named(request, body, "host_names");
    const auto group_name = named(request, body, "host_group_names");
    const auto* group = group_name.empty() ? nullptr : inventory_.group_named(group_name);
    if (!group_name.empty() && !group)
        throw Refusal{group_name, "Host group does not exist."};
    std::optional<int> number;
    if (body.contains("lun"))
        number = body["lun"].get<int>();
    const auto& made = map(volume, group ? "" : host_named(host_name).id, group ? group->id : "", number);
    const auto members = inventory_.hosts_of(made);
    return {200, json{{"items", {connection_item(made, members.empty() ? nullptr : members.front())}}}.dump(), {}};
}

StoredMap& FlashArray::map(StoredVolume& volume, const std::string& host, const std::string& group,
                           std::optional<int> number)
{
    if (volume.more.value("destroyed", false))
        throw Refusal{volume.name, "Volume has been destroyed."};
    for (const auto& map : inventory_.maps) {
        if (map.volume != volume.id)
            continue;
        for (const auto* seen_by : inventory_.hosts_of(map)) {
            if ((!host.empty() && seen_by->id == host) || (!group.empty() && seen_by->group == group))
                throw Refusal{volume.name, "Connection already exists."};
            if (seen_by->more.value("nvme", false))
                throw Refusal{volume.name,
                              "Non-NVME connected hgroups and hosts cannot be connected to volumes already "
                              "connected to NVME connected hosts."};
        }
    }
    const auto used = inventory_.numbers_used_by(host, group);
    if (number && (*number < 1 || *number > 4095 || used.contains(*number)))
        throw Refusal{volume.name, switches_.get<std::string>("taken_message")};
    if (!number) { // private ones rise from 1, shared ones fall from 254
        int free = group.empty() ? 1 : 254;
        while (used.contains(free))
            free += group.empty() ? 1 : -1;
        number = free;
    }
    inventory_.maps.push_back({.id = new_id(), .volume = volume.id, .host = host, .group = group, .number = *number});
    inventory_.publish();
    return inventory_.maps.back();
}

Response FlashArray::disconnect(const Request& request)
{
    const auto& volume = volume_named(named(request, json::object(), "volume_names"));
    const auto host_name = request.parameter("host_names").value_or("");
    const auto* group = inventory_.group_named(request.parameter("host_group_names").value_or(""));
    const auto host = host_name.empty() ? std::string() : host_named(host_name).id;
    const auto gone = std::erase_if(inventory_.maps, [&](const StoredMap& map) {
        return map.volume == volume.id && ((!host.empty() && map.host == host) || (group && map.group == group->id));
    });
    if (gone == 0)
        throw Refusal{volume.name, "Connection does not exist."};
    inventory_.publish();
    return {switches_.get<int>("disconnect_status"), "", {}};
}

json FlashArray::connections(const Request& request)
{
    const auto volume = request.parameter("volume_names");
    const auto host = request.parameter("host_names");
    const auto group = request.parameter("host_group_names");
    if (volume)
        volume_named(*volume);
    if (host)
        host_named(*host);
    json all = json::array();
    for (const auto& map : inventory_.maps)
        for (const auto* member : inventory_.hosts_of(map)) {
            const auto item = connection_item(map, member);
            if ((!volume || item["volume"]["name"] == *volume) && (!host || member->name == *host) &&
                (!group || item["host_group"].value("name", "") == *group))
                all.push_back(item);
        }
    return all;
}

json FlashArray::volume_item(const StoredVolume& volume) const
{
    json item = {{"id", volume.id},
                 {"name", volume.name},
                 {"serial", volume.more["serial"]},
                 {"provisioned", volume.size},
                 {"destroyed", volume.more.value("destroyed", false)},
                 {"subtype", "regular"},
                 {"promotion_status", "promoted"},
                 {"created", 1767225600000},
                 {"connection_count", std::ranges::count(inventory_.maps, volume.id, &StoredMap::volume)}};
    item["source"] = volume.more.value("source", json::object());
    return item;
}

json FlashArray::host_item(const StoredHost& host) const
{
    json iqns = json::array();
    json wwns = json::array();
    for (const auto& initiator : host.initiators) {
        if (initiator.starts_with("iqn.")) {
            iqns.push_back(initiator);
            continue;
        }
        std::string name = upper(initiator);
        if (switches_.get<std::string>("wwn_case") == "colons")
            for (std::size_t i = 14; i > 0; i -= 2)
                name.insert(i, ":");
        wwns.push_back(name);
    }
    json group = json::object();
    for (const auto& one : inventory_.groups)
        if (one.id == host.group)
            group = {{"name", one.name}};
    return {{"name", host.name},
            {"iqns", iqns},
            {"wwns", wwns},
            {"nqns", json::array()},
            {"is_local", host.more.value("is_local", true)},
            {"personality", "esxi"},
            {"host_group", group}};
}

json FlashArray::connection_item(const StoredMap& map, const StoredHost* host) const
{
    const auto volume = std::ranges::find(inventory_.volumes, map.volume, &StoredVolume::id);
    const auto group = std::ranges::find(inventory_.groups, map.group, &StoredGroup::id);
    return {{"host", host ? json{{"name", host->name}} : json::object()},
            {"host_group", group != inventory_.groups.end() ? json{{"name", group->name}} : json::object()},
            {"lun", map.number},
            {"protocol_endpoint", json::object()},
            {"volume", {{"id", volume->id}, {"name", volume->name}}}};
}

StoredVolume& FlashArray::volume_named(const std::string& name)
{
    if (auto* volume = inventory_.volume_named(name))
        return *volume;
    throw Refusal{name, "Volume does not exist."};
}

StoredHost& FlashArray::host_named(const std::string& name)
{
    if (auto* host = inventory_.host_named(name))
        return *host;
    throw Refusal{name, "Host does not exist."};
}

std::string FlashArray::new_id()
{
    return fmt::format("3f1c2b7e-5d0a-8e5b-1c2d-{:012x}", ++ids_);
}

} // namespace lab::pure
