// Hosts and their ports: a port belongs to one host at most.
#include "tests/lab/arrays/flashsystem/state.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

namespace lab::flashsystem {

using nlohmann::json;

namespace {

bool is_wwpn(const std::string& text)
{
    return text.size() == 16 && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::vector<std::string> parts_of(const std::string& text, char separator)
{
    std::vector<std::string> parts;
    std::istringstream all(text);
    for (std::string part; std::getline(all, part, separator);)
        parts.push_back(part);
    return parts;
}

} // namespace

void check_name(const std::string& name)
{
    if (name.size() > 63)
        throw Refused("CMMVC5738E", "The argument " + name + " contains too many characters.");
    const auto legal = [](unsigned char c) {
        return std::isalnum(c) != 0 || std::string("_-. ").find(char(c)) != std::string::npos;
    };
    if (name.empty() || (std::isalpha(static_cast<unsigned char>(name.front())) == 0 && name.front() != '_') ||
        !std::ranges::all_of(name, legal))
        throw Refused("CMMVC6527E", "The name that you have entered is not valid.");
}

std::vector<std::string> System::ports_in(const Command& command)
{
    std::vector<std::string> ports;
    for (const auto& wwpn : parts_of(command.text("fcwwpn").value_or(""), ':')) {
        if (!is_wwpn(wwpn))
            throw Refused("CMMVC5867E", "The action failed because the worldwide port name is not valid.");
        ports.push_back(lower(wwpn));
    }
    for (const auto& iqn : parts_of(command.text("iscsiname").value_or(""), ',')) {
        if (!iqn.starts_with("iqn.") && !iqn.starts_with("eui."))
            throw Refused("CMMVC6578E", "The iSCSI name is not valid.");
        ports.push_back(iqn);
    }
    if (ports.empty())
        throw Refused("CMMVC5707E", "Required parameters are missing.");
    for (const auto& port : ports) {
        if (inventory_.owner_of(port) == nullptr)
            continue;
        throw Refused(is_wwpn(port) ? switches_.get<std::string>("taken_port_code") : "CMMVC6581E",
                      "The port " + port + " is already assigned to a host.");
    }
    return ports;
}

json System::mkhost(const Command& command)
{
    command.takes({"name", "fcwwpn", "iscsiname", "force", "protocol", "type", "iogrp", "portset"});
    const bool is_new = switches_.get<std::string>("protocol_words") == "new";
    const auto protocol = command.text("protocol").value_or(is_new ? "fcscsi" : "scsi");
    static const std::set<std::string> new_words = {"fcscsi", "iscsi", "sas", "fcnvme", "rdmanvme", "tcpnvme", "scsi"};
    static const std::set<std::string> old_words = {"scsi", "nvme"};
    if (!(is_new ? new_words : old_words).contains(protocol))
        throw Refused("CMMVC5709E", "[" + protocol + "] is not a supported parameter.");
    const bool fc = command.text("fcwwpn").has_value();
    const bool iscsi = command.text("iscsiname").has_value();
    if (is_new && ((fc && protocol == "iscsi") || (iscsi && protocol == "fcscsi") || (fc && iscsi)))
        throw Refused("CMMVC5713E", "Some parameters are mutually exclusive.");
    const auto type = command.text("type").value_or("generic");
    if (std::set<std::string>{"generic", "hpux", "tpgs", "openvms", "adminlun", "hide_secondary"}.count(type) == 0)
        throw Refused("CMMVC5709E", "[" + type + "] is not a supported parameter.");
    (void)command.flag("force");
    const auto name = command.text("name").value_or("host" + lowest_free_id(inventory_.hosts));
    check_name(name);
    if (inventory_.host_named(name) != nullptr)
        throw Refused("CMMVC6035E", "The action failed as the object already exists.");
    auto ports = ports_in(command);
    const auto id = lowest_free_id(inventory_.hosts);
    inventory_.hosts.push_back(
        {.id = id, .name = name, .initiators = std::move(ports), .group = "", .more = {{"protocol", protocol}}});
    inventory_.publish();
    return created("Host", id);
}

json System::addhostport(const Command& command)
{
    command.takes({"fcwwpn", "iscsiname", "force"});
    auto& host = host_in(command.needs_object());
    for (auto& port : ports_in(command))
        host.initiators.push_back(port);
    inventory_.publish();
    return nullptr;
}

json System::rmhost(const Command& command)
{
    command.takes({"force"});
    auto& host = host_in(command.needs_object());
    const auto mapped = [&](const StoredMap& map) { return map.host == host.id; };
    if (std::ranges::any_of(inventory_.maps, mapped) && !command.flag("force"))
        throw Refused("CMMVC5871E",
                      "The action failed because one or more of the configured port names is in a mapping.");
    const auto id = host.id;
    std::erase_if(inventory_.maps, [&](const StoredMap& map) { return map.host == id; });
    std::erase_if(inventory_.hosts, [&](const StoredHost& one) { return one.id == id; });
    inventory_.publish();
    return nullptr;
}

json System::host_row(const StoredHost& host) const
{
    const auto group = std::ranges::find(inventory_.groups, host.group, &StoredGroup::id);
    return {{"id", host.id},
            {"name", host.name},
            {"port_count", std::to_string(host.initiators.size())},
            {"iogrp_count", "4"},
            {"status", "online"},
            {"site_id", ""},
            {"site_name", ""},
            {"host_cluster_id", host.group},
            {"host_cluster_name", group == inventory_.groups.end() ? "" : group->name},
            {"protocol", host.more.value("protocol", "scsi")},
            {"owner_id", ""},
            {"owner_name", ""}};
}

json System::host_details(const StoredHost& host) const
{
    auto details = host_row(host);
    details["type"] = "generic";
    details["mask"] = std::string(64, '1');
    details["nodes"] = json::array();
    for (const auto& port : host.initiators) {
        json row = {{"node_logged_in_count", "2"}, {"state", "active"}};
        row[is_wwpn(port) ? "WWPN" : "iscsi_name"] = is_wwpn(port) ? upper(port) : port;
        details["nodes"].push_back(std::move(row));
    }
    return details;
}

json System::lshost(const Command& command)
{
    command.takes({"filtervalue"});
    if (!command.object.empty())
        return host_details(host_in(command.object));
    json rows = json::array();
    for (const auto& host : inventory_.hosts)
        rows.push_back(host_row(host));
    return filtered(rows, command.text("filtervalue"),
                    {"id", "name", "port_count", "status", "host_cluster_id", "host_cluster_name", "protocol"});
}

json System::lshostports(const Command& command)
{
    const auto how = switches_.get<std::string>("hostports");
    if (how == "refused")
        throw Refused("CMMVC7205E", "The command failed because it is not supported.");
    command.takes({"filtervalue"});
    json rows = json::array();
    if (how == "list")
        for (const auto& host : inventory_.hosts)
            for (const auto& port : host.initiators)
                rows.push_back({{"host_id", host.id},
                                {"host_name", host.name},
                                {"WWPN", is_wwpn(port) ? upper(port) : ""},
                                {"iscsi_name", is_wwpn(port) ? "" : port}});
    return rows;
}

json System::lsfabric(const Command& command)
{
    if (switches_.get<std::string>("fabric") == "refused")
        throw Refused("CMMVC7205E", "The command failed because it is not supported.");
    command.takes({"wwpn", "host", "node", "port"});
    const auto wwpn = command.text("wwpn");
    if (wwpn && !is_wwpn(*wwpn))
        throw Refused("CMMVC5716E", "Non-numeric data was entered for a numeric field.");
    json rows = json::array();
    if (switches_.get<std::string>("fabric") == "list")
        for (const auto& host : inventory_.hosts)
            for (const auto& port : host.initiators)
                if (is_wwpn(port) && (!wwpn || lower(*wwpn) == port) &&
                    command.text("host").value_or(host.name) == host.name)
                    for (const char* node : {"1", "2"})
                        rows.push_back({{"remote_wwpn", upper(port)},
                                        {"remote_nportid", "010200"},
                                        {"id", node},
                                        {"node_name", std::string("node") + node},
                                        {"local_wwpn", std::string("500507681011000") + node},
                                        {"local_port", "1"},
                                        {"state", "active"},
                                        {"name", host.name},
                                        {"cluster_name", ""},
                                        {"type", "host"}});
    return rows;
}

} // namespace lab::flashsystem
