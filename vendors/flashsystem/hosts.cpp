#include "vendors/flashsystem/errors.hpp"
#include "vendors/flashsystem/flashsystem.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;

namespace {

using Ports = std::vector<std::string>;

std::string own_name(const HostIdentity& host)
{
    return "xcopy-" + host.uuid;
}

std::ptrdiff_t common(const Ports& some, const Ports& others)
{
    return std::ranges::count_if(some, [&](const auto& one) { return std::ranges::count(others, one) > 0; });
}

Json port_options(const Ports& ports)
{
    if (is_wwpn(ports.front())) // "force": it need not be logged in at this moment
        return {{"fcwwpn", fmt::format("{}", fmt::join(ports, ":"))}, {"force", true}};
    return {{"iscsiname", fmt::format("{}", fmt::join(ports, ","))}};
}

} // namespace

Result<std::optional<ArrayHost>> FlashSystem::read_host(const Call& call, std::string_view id_or_name)
{
    const auto rows = list(call, "lshost/" + rest::percent_encode(id_or_name));
    if (!rows && rows.error().code != Errc::not_found)
        return rows.error();
    if (!rows || rows->empty() || !is_digits(text_at(rows->front(), "id")))
        return std::optional<ArrayHost>();
    const Json& row = rows->front();
    return std::optional(ArrayHost{"host:" + text_at(row, "id"), text_at(row, "name"), ports_of(row)});
}

// Not every code level lists ports (facts 5), and lsfabric knows only those that are logged in: hints, to be verified.
Result<Ports> FlashSystem::likely_owners(const Call& call, const Ports& ports)
{
    std::set<std::string> found;
    auto rows = lists_ports_ ? list(call, "lshostports") : Rows();
    if (!rows && !is_command_error(rows.error()))
        return rows.error();
    lists_ports_ = lists_ports_ && rows;
    for (const Json& row : rows ? *rows : Rows())
        if (common({upper(text_at(row, "WWPN")), lower(text_at(row, "iscsi_name"))}, ports) > 0)
            found.insert(text_at(row, "host_id"));
    for (const auto& port : ports) {
        if (!found.empty() && lists_ports_)
            break;
        if (!is_wwpn(port))
            continue;
        rows = list(call, "lsfabric", {{"wwpn", port}});
        if (!rows && !is_command_error(rows.error()))
            return rows.error();
        for (const Json& row : rows ? *rows : Rows())
            if (upper(text_at(row, "remote_wwpn")) == port)
                found.insert(text_at(row, "name"));
    }
    found.erase("");
    return Ports(found.begin(), found.end());
}

// Those that are likely ours first.
Result<Ports> FlashSystem::all_hosts(const Call& call, const HostIdentity& host)
{
    auto rows = list(call, "lshost");
    if (!rows)
        return rows.error();
    const auto likely = split(host.name, '.').front();
    std::ranges::stable_partition(*rows, [&](const Json& row) {
        const auto name = text_at(row, "name");
        return name == own_name(host) || (!likely.empty() && contains_ignoring_case(name, likely));
    });
    Ports ids;
    for (const Json& row : *rows)
        ids.push_back(text_at(row, "id"));
    std::erase(ids, "");
    return ids;
}

Result<std::vector<ArrayHost>> FlashSystem::owners(const Call& call, const HostIdentity& host, const Ports& ports)
{
    std::vector<ArrayHost> owners;
    for (bool thorough : {false, true}) {
        const auto candidates = thorough ? all_hosts(call, host) : likely_owners(call, ports);
        if (!candidates)
            return candidates.error();
        std::ptrdiff_t owned = 0;
        for (const auto& candidate : *candidates) {
            auto read = read_host(call, candidate);
            if (!read)
                return read.error();
            if (*read && common((*read)->initiator_ids, ports) > 0) {
                owned += common((*read)->initiator_ids, ports);
                owners.push_back(std::move(**read));
            }
            if (owned == std::ssize(ports)) // each belongs to one host
                break;
        }
        if (!owners.empty())
            break;
    }
    return owners;
}

Result<void> FlashSystem::make_host(const Call& call, const std::string& name, const Ports& ports)
{
    Json options = port_options(ports);
    options.update({{"name", name}, {"type", "generic"}});
    // Left out, it is right for FC on every code level; for iSCSI newer ones need it and older ones refuse it.
    if (!is_wwpn(ports.front()))
        options["protocol"] = "iscsi";
    auto reply = change(call, "mkhost", options);
    if (!reply && is_command_error(reply.error()) && reply.error().code == Errc::bad_request &&
        options.erase("protocol") > 0)
        reply = change(call, "mkhost", options);
    if (!reply)
        return reply.error();
    return {};
}

Result<ArrayHost> FlashSystem::ensure_host(const Call& call, const HostIdentity& host)
{
    Ports ports;
    for (const Initiator& initiator : host.initiators)
        if (initiator.kind != Initiator::Kind::sdc)
            ports.push_back(port(initiator));
    std::ranges::sort(ports);
    if (ports.empty())
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    const auto name = own_name(host);
    if (!is_uuid(host.uuid))
        return Error{Errc::bad_request, fmt::format("host {}: '{}' is not a UUID", host.name, host.uuid)};

    Ports missing; // of our own object, or all of them
    std::string own;
    bool may_add = true;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        const auto found = owners(call, host, ports);
        if (!found)
            return found.error();
        missing = ports; // an object has one protocol
        std::erase_if(missing, [&](const auto& one) { return is_wwpn(one) != std::ranges::any_of(ports, is_wwpn); });
        const ArrayHost* best = nullptr;
        for (const ArrayHost& one : *found) {
            std::erase_if(missing, [&](const auto& port) { return std::ranges::count(one.initiator_ids, port) > 0; });
            if (!best || common(one.initiator_ids, ports) > common(best->initiator_ids, ports))
                best = &one;
        }
        if (best && (best->name != name || missing.empty() || !may_add))
            return std::optional(ArrayHost{best->id, best->name, ports});
        const auto ours =
            best ? Result<std::optional<ArrayHost>>(*best) : read_host(call, name); // it may have lost its ports
        if (!ours)
            return ours.error();
        own = *ours ? (*ours)->id.substr(5) : "";
        return std::optional<ArrayHost>();
    };
    const auto make = [&]() -> Result<void> {
        if (own.empty())
            return make_host(call, name, missing);
        const auto reply = change(call, "addhostport/" + own, port_options(missing));
        may_add = bool(reply) || !is_command_error(reply.error()); // somebody has it who does not show: left alone
        if (!reply)
            return reply.error();
        return {};
    };
    auto ensured = settle<ArrayHost>({.call = call, .clock = api_.clock(), .after_error = afterwards}, look, make);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("make host {}", name));
}

} // namespace xcopy::flashsystem
