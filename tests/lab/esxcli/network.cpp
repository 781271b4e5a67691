// network firewall *, network ip connection list (facts/esxi.md 4.4)
#include "tests/lab/esxcli/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace lab {

namespace {

Output no_such(const std::string& name)
{
    return Output::failure(fmt::format("Cannot find ruleset {}", name));
}

Output refresh(HostState& host, const Arguments&)
{
    const std::lock_guard lock(host.mutex);
    if (host.management)
        host.management->image.refresh_firewall();
    return {};
}

// Calls `change` with the rule set that -r names.
template <class Change> Output with_ruleset(HostState& host, const Arguments& arguments, const Change& change)
{
    const std::lock_guard lock(host.mutex);
    const auto name = arguments.get("ruleset-id");
    if (!host.management || !host.management->image.firewall().contains(name))
        return no_such(name);
    return change(name, host.management->image.firewall().at(name));
}

Output list(HostState& host, const Arguments& arguments)
{
    const std::lock_guard lock(host.mutex);
    Output out{.shape = Shape::table, .type = "Firewall", .text = {}, .records = {}};
    if (host.management)
        for (const auto& [name, set] : host.management->image.firewall())
            if (arguments.get("ruleset-id", name) == name)
                out.records.push_back({{{"Name", name}, {"Enabled", set.enabled}}});
    if (out.records.empty() && arguments.has("ruleset-id"))
        return no_such(arguments.get("ruleset-id"));
    return out;
}

Output rules(HostState& host, const Arguments& arguments)
{
    return with_ruleset(host, arguments, [](const std::string& name, const Ruleset& set) {
        Output out{.shape = Shape::table, .type = "FirewallRule", .text = {}, .records = {}};
        for (const auto& rule : set.rules) {
            std::istringstream words(rule);
            std::string direction, protocol, kind, port;
            words >> direction >> protocol >> kind >> port;
            out.records.push_back({{{"Ruleset", name},
                                    {"Direction", direction == "inbound" ? "Inbound" : "Outbound"},
                                    {"Protocol", protocol == "tcp" ? "TCP" : "UDP"},
                                    {"Port Type", kind == "dst" ? "Dst" : "Src"},
                                    {"Port Begin", port},
                                    {"Port End", port}}});
        }
        return out;
    });
}

Output set(HostState& host, const Arguments& arguments)
{
    return with_ruleset(host, arguments, [&](const std::string&, Ruleset& set) {
        if (arguments.has("enabled"))
            set.enabled = arguments.get("enabled") == "true";
        if (arguments.has("allowed-all"))
            set.allowed_all = arguments.get("allowed-all") == "true";
        return Output{};
    });
}

Output add_address(HostState& host, const Arguments& arguments)
{
    return with_ruleset(host, arguments, [&](const std::string& name, Ruleset& set) {
        const auto address = arguments.get("ip-address");
        if (set.allowed_all)
            return Output::failure(fmt::format("Allowed IPs are not used: ruleset {} allows all IPs", name));
        if (std::ranges::count(set.allowed, address) > 0)
            return Output::failure("Ip address already exist");
        set.allowed.push_back(address);
        return Output{};
    });
}

Output remove_address(HostState& host, const Arguments& arguments)
{
    return with_ruleset(host, arguments, [&](const std::string&, Ruleset& set) {
        return std::erase(set.allowed, arguments.get("ip-address")) == 0 ? Output::failure("Ip address does not exist")
                                                                         : Output{};
    });
}

Output addresses(HostState& host, const Arguments& arguments)
{
    return with_ruleset(host, arguments, [](const std::string& name, const Ruleset& set) {
        return Output{
            .shape = Shape::table,
            .type = "AllowedIp",
            .text = {},
            .records = {{{{"Ruleset", name},
                          {"Allowed IP Addresses", set.allowed_all ? std::vector<std::string>{"All"} : set.allowed}}}}};
    });
}

Output connections(HostState& host, const Arguments&)
{
    Output out{.shape = Shape::table, .type = "IpConnection", .text = {}, .records = {}};
    std::ifstream table("/proc/net/tcp");
    unsigned bytes[4] = {};
    (void)std::sscanf(host.config.address.c_str(), "%u.%u.%u.%u", &bytes[0], &bytes[1], &bytes[2], &bytes[3]);
    const auto own = fmt::format("{:02X}{:02X}{:02X}{:02X}:", bytes[3], bytes[2], bytes[1], bytes[0]);
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string number, from, to, state;
        fields >> number >> from >> to >> state;
        if (from.starts_with(own) && state == "0A")
            out.records.push_back(
                {{{"Proto", "tcp"},
                  {"Recv Q", std::int64_t{0}},
                  {"Send Q", std::int64_t{0}},
                  {"Local Address", fmt::format("{}:{}", host.config.address, std::stoi(from.substr(9), nullptr, 16))},
                  {"Foreign Address", "0.0.0.0:0"},
                  {"State", "LISTEN"},
                  {"World ID", std::int64_t{2099000}},
                  {"World Name", "unknown"}}});
    }
    return out;
}

} // namespace

std::vector<Command> network_commands()
{
    const OptionSpec id{"r", "ruleset-id", true, true};
    const OptionSpec address{"i", "ip-address", true, true};
    return {{"network firewall refresh", {}, refresh},
            {"network firewall ruleset list", {{"r", "ruleset-id"}}, list},
            {"network firewall ruleset rule list", {id}, rules},
            {"network firewall ruleset set", {id, {"e", "enabled"}, {"a", "allowed-all"}}, set},
            {"network firewall ruleset allowedip add", {id, address}, add_address},
            {"network firewall ruleset allowedip remove", {id, address}, remove_address},
            {"network firewall ruleset allowedip list", {id}, addresses},
            {"network ip connection list", {}, connections}};
}

} // namespace lab
