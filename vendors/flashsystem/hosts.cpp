#include "vendors/flashsystem/flashsystem.hpp"
#include "vendors/host_object.hpp"
#include "vendors/text.hpp"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::flashsystem {

using rest::Json;
using rest::text_at;

namespace {

Json port_options(const std::vector<std::string>& ports)
{
    if (is_wwpn(ports.front())) // "force": it need not be logged in at this moment
        return {{"fcwwpn", fmt::format("{}", fmt::join(ports, ":"))}, {"force", true}};
    return {{"iscsiname", fmt::format("{}", fmt::join(ports, ","))}};
}

} // namespace

Result<std::optional<ArrayHost>> FlashSystem::read_host(const Call& call, const std::string& id_or_name)
{
    const auto rows = list(call, "lshost/" + rest::percent_encode(id_or_name));
    if (!rows && rows.error().code != Errc::not_found)
        return rows.error();
    if (!rows || rows->empty() || !is_digits(text_at(rows->front(), "id")))
        return std::optional<ArrayHost>();
    const Json& row = rows->front();
    return std::optional(ArrayHost{"host:" + text_at(row, "id"), text_at(row, "name"), ports_of(row)});
}

// Not every code level lists ports, and lsfabric knows those that are logged in (facts 5): both are hints, and every host
// they name is read. Where they name none, all hosts are read, the likely ones first, until each port is found.
Result<std::vector<ArrayHost>> FlashSystem::owners(const Call& call, const HostIdentity& host, const Names& ports)
{
    struct Question {
        const char* command;
        const char* host; // the field that names it
        Json options;
    };
    std::vector<Question> questions = {{"lshostports", "host_id", Json::object()}};
    for (const auto& port : ports)
        if (is_wwpn(port))
            questions.push_back({"lsfabric", "name", {{"wwpn", port}}});
    questions.push_back({"lshost", "id", Json::object()});

    std::vector<ArrayHost> owners;
    Names missing = ports;
    for (const auto& [command, field, options] : questions) {
        const bool all = command == std::string_view("lshost");
        if (missing.empty() || (all && !owners.empty()))
            break;
        auto rows = list(call, command, options);
        if (!rows && (all || !is_command_error(rows.error())))
            return rows.error();
        if (all)
            std::ranges::stable_partition(*rows, [&](const Json& row) {
                return contains_ignoring_case(text_at(row, "name"), host.uuid) ||
                       contains_ignoring_case(text_at(row, "name"), split(host.name, '.').front());
            });
        for (const Json& row : rows ? *rows : Rows()) {
            const auto name = text_at(row, field);
            const Names named = {upper(text_at(row, "WWPN")), lower(text_at(row, "iscsi_name")),
                                 upper(text_at(row, "remote_wwpn"))};
            const auto is_same = [&](const ArrayHost& known) {
                return known.name == name || known.id == "host:" + name;
            };
            if (missing.empty() || name.empty() || (!all && !share_an_initiator(named, ports)) ||
                std::ranges::any_of(owners, is_same))
                continue;
            auto read = read_host(call, name);
            if (!read)
                return read.error();
            if (!*read || !share_an_initiator((*read)->initiator_ids, ports))
                continue;
            std::erase_if(missing,
                          [&](const auto& port) { return share_an_initiator({port}, (*read)->initiator_ids); });
            owners.push_back(std::move(**read));
        }
    }
    return owners;
}

// Without "protocol" it is right for FC on every code level; for iSCSI newer ones need it and older ones refuse it.
Result<void> FlashSystem::make_host(const Call& call, const std::string& name, const Names& ports)
{
    Json options = port_options(ports);
    options.update({{"name", name}, {"type", "generic"}});
    if (!is_wwpn(ports.front()))
        options["protocol"] = "iscsi";
    auto made = change(call, "mkhost", options);
    if (!made && made.error().code == Errc::bad_request && options.erase("protocol") > 0)
        made = change(call, "mkhost", options);
    return made;
}

Result<ArrayHost> FlashSystem::ensure_host(const Call& call, const HostIdentity& host)
{
    return ensure_host_object(
        {.call = call, .clock = api_.clock(), .after_error = afterwards}, host,
        {.spell = port,
         .owners = [&](const Names& ports) { return owners(call, host, ports); },
         .named = [&](const std::string& name) { return read_host(call, name); },
         .create = [&](const std::string& name, const Names& ports) { return make_host(call, name, ports); },
         .add =
             [&](const ArrayHost& own, const Names& ports) {
                 return change(call, "addhostport/" + own.id.substr(5), port_options(ports));
             }});
}

} // namespace xcopy::flashsystem
