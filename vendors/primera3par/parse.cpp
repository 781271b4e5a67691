#include "vendors/primera3par/parse.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::primera3par {

using rest::Json;
using rest::number_at;
using rest::text_at;
using Phase = ArrayCopyState::Phase;

namespace {

constexpr std::string_view give_role = "give the account the role edit in the domains of volume and host";
constexpr std::string_view wait = "run again when the task has ended (showtask -active)";

// The number is the contract, texts differ by release (facts 8). What is not here follows from the HTTP status.
constexpr ErrorRow errors[] = {
    {"1", Errc::failed, "internal error of the web service", "no session may be left: see showwsapisession"},
    {"13", Errc::denied, "the account may not do this", give_role},
    {"18", Errc::busy, "the LUN number is taken on this host", "another number is needed"},
    {"73", Errc::conflict, "the initiator belongs to a host that the account does not see", give_role},
    {"97", Errc::conflict, "a physical copy is writing to the volume", wait},
    {"99", Errc::unsupported, "the host's persona refuses the LUN number", "give the host the persona VMware"},
    {"150,151", Errc::busy, "another operation on the volume is running", wait},
};

std::string code_of(const rest::Reply& reply)
{
    const auto json = rest::parse_json(reply.body);
    return json ? text_at(*json, "code") : "";
}

} // namespace

bool is_wwn(std::string_view hex) // NAA-6; NAA-5 on old volumes (facts 4)
{
    const auto form = hex.size() == 32 ? "60002ac" : hex.size() == 16 ? "50002ac" : "no";
    return is_hex(hex) && hex.starts_with(form);
}

std::string hostname_of(const std::string& host_id)
{
    const auto name = host_id.substr(host_id.find(':') + 1);
    return !is_plain_name(name, 31) ? "" : host_id == "host:" + name ? name : host_id == "set:" + name ? host_id : "";
}

Result<Volume> parse_volume(const Json& record)
{
    const auto name = text_at(record, "name");
    const auto wwn = lower(text_at(record, "wwn"));
    const Volume volume{is_plain_name(name, 31) ? name : "", name, "naa." + wwn, wwn};
    if (number_at(record, "copyType") == 3)
        return about(volume, Errc::unsupported, "it is a snapshot", "use a base volume");
    if (number_at(record, "state") == 3)
        return about(volume, Errc::unavailable, "the array says that it has failed", "showvv -state tells why");
    const auto size = std::clamp<std::int64_t>(number_at(record, "sizeMiB").value_or(0), 0, std::int64_t{1} << 40);
    return proven(volume, size << 20, {"naa.60002ac", "naa.50002ac"});
}

ArrayHost parse_host(const Json& record) // a path is repeated for each port it is logged in at
{
    ArrayHost host{"host:" + text_at(record, "name"), text_at(record, "name")};
    for (const auto& [paths, name] : {std::pair("FCPaths", "wwn"), std::pair("iSCSIPaths", "name")})
        for (const Json& path : rest::list_at(record, paths))
            host.initiator_ids.push_back(capital_hex(text_at(path, name)));
    return host;
}

// First the templates, then the active paths that follow from them: from that of a host set where the numbers are the
// same. A path without template follows from the export of a volume set or a port, and counts as its host's.
std::vector<Mapping> mappings_in(const std::vector<Json>& exports)
{
    std::vector<Mapping> mappings;
    for (const bool active : {false, true})
        for (const Json& row : exports) {
            const auto name = text_at(row, "hostname");
            if (rest::is_true(row, "active") != active || name.empty())
                continue;
            const Mapping one{{name.starts_with("set:") ? name : "host:" + name, name},
                              number_at(row, "lun").value_or(-1)};
            const auto same = [&](const Mapping& other) {
                const bool by_set = active && number_at(row, "type") == 5 && other.host.id.starts_with("set:");
                return other.lun == one.lun && (other.host.id == one.host.id || by_set);
            };
            auto found = std::ranges::find_if(mappings, same);
            if (found == mappings.end())
                found = mappings.insert(found, one);
            if (active)
                found->host.initiator_ids.push_back(capital_hex(text_at(row, "remoteName")));
        }
    return mappings;
}

std::string template_in(const Json& row) // that of a matched set, type 4, names its port too (facts 6.4)
{
    const auto at = [&](std::string_view path) { return text_at(row, path); };
    const auto port = fmt::format(",{}:{}:{}", at("portPos.node"), at("portPos.slot"), at("portPos.cardPort"));
    return rest::is_true(row, "active")
               ? ""
               : fmt::format("{},{},{}{}", at("volumeName"), at("lun"), at("hostname"), at("type") == "4" ? port : "");
}

// Named "source->target"; a release may cut that, hardly before the target can be told (likely, facts 7).
bool is_copy(const Json& task, const ArrayCopy& copy)
{
    const auto whole = copy.source.id + "->" + copy.target.id;
    const auto name = text_at(task, "name");
    return number_at(task, "type") == 1 && number_at(task, "id") && whole.starts_with(name) &&
           name.size() >= std::min(whole.size(), copy.source.id.size() + 14);
}

ArrayCopyRecord parse_task(const Json& task) // status 1 done, 2 active, 3 cancelled, 4 failed
{
    const auto number = [&](std::string_view at) { return static_cast<double>(number_at(task, at).value_or(0)); };
    const double phase = number("completedSteps") / std::max(1.0, number("totalSteps"));
    const double part = (number("completedPhases") + phase) / std::max(1.0, number("totalPhases"));
    const int percent = static_cast<int>(std::clamp(100 * part, 0.0, 99.0));
    const auto status = text_at(task, "status");
    ArrayCopyRecord record{.id = text_at(task, "id"), .status = status, .state = {Phase::failed, percent}};
    if (status == "1")
        record.state = {Phase::done, 100};
    else if (status == "2")
        record.state.phase = Phase::running;
    else
        record.state.message =
            fmt::format("task {} has status {}: {}", record.id, status, text_at(task, "detailedStatus"));
    return record;
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    if (json && reply.status < 300) // a list that breaks off ends in an error, after 200 was sent (facts 8)
        json = rest::find(*json, "message");
    if (!json || text_at(*json, "code").empty())
        return std::nullopt;
    return explain(errors, "primera3par", {text_at(*json, "code"), text_at(*json, "desc")}, reply.status);
}

bool has_lapsed(const rest::Reply& reply) // 13 is a refusal
{
    return reply.status == 401 || (reply.status == 403 && code_of(reply) == "6");
}

bool key_in_use(const rest::Reply& reply) // by another request: a 409 that means nothing else (likely, facts 2)
{
    return reply.status == 409 && !is_listed(code_of(reply), "16,18,26,29,32,73,77,97,98,99,101,104,150,151");
}

Afterwards afterwards(const Error& error) // host, LUN number, export, initiator: it may be done already
{
    if (is_listed(error.reason, "primera3par_16,primera3par_18,primera3par_29,primera3par_73"))
        return Afterwards::look_again;
    return error.code == Errc::busy ? Afterwards::wait_first : Afterwards::give_up;
}

} // namespace xcopy::primera3par
