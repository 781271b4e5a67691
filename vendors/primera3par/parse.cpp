#include "vendors/primera3par/parse.hpp"

#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::primera3par {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view check_name = "a name or number was refused: see docs/arrays/primera3par.md";
constexpr std::string_view give_role =
    "give the account the role edit in the domains of volume and host (docs/arrays/primera3par.md)";
constexpr std::string_view is_exported = "no export of the target may exist: detach it from its node first";

// The number is the contract, texts differ by release (facts 8).
constexpr ErrorRow errors[] = {
    {"1", Errc::failed, "internal error of the web service; it says so too when its sessions are used up",
     "showwsapisession lists them; unused ones end after 15 minutes"},
    {"5", Errc::denied, "wrong user or password", "check STORAGE_USERNAME and STORAGE_PASSWORD"},
    {"6", Errc::denied, "the session is not accepted, not even a new one", "check for a proxy that changes addresses"},
    {"13", Errc::denied, "the account may not do this", give_role},
    {"16", Errc::conflict, "a host of this name exists", ""},
    {"17", Errc::not_found, "the host does not exist", ""},
    {"18", Errc::busy, "the LUN number is taken on this host", "another number is needed"},
    {"19", Errc::not_found, "there is no such export", ""},
    {"23", Errc::not_found, "the volume does not exist", ""},
    {"26", Errc::conflict, "it is exported", is_exported},
    {"28", Errc::bad_request, "the number is too large", check_name},
    {"29", Errc::conflict, "the volume is exported already", ""},
    {"38", Errc::not_found, "the domain does not exist", give_role},
    {"57", Errc::bad_request, "the name is too long", check_name},
    {"73", Errc::conflict, "another host has this initiator, and the account does not see that host", give_role},
    {"97", Errc::busy, "a physical copy is being written to the volume", "run again when it has ended (showtask)"},
    {"99", Errc::unsupported, "the host's persona does not allow this LUN number", "use persona 8 (VMware): sethost"},
    {"102", Errc::not_found, "the set does not exist", ""},
    {"120", Errc::unsupported, "the volume is in a remote copy group", "take it out of the group"},
    {"145", Errc::not_found, "the task does not exist", ""},
    {"150", Errc::busy, "another operation on the volume is running", "run again when it has ended (showtask)"},
    {"151", Errc::busy, "another operation on the volume is running", "run again when it has ended (showtask)"},
};

std::string code_of(const rest::Reply& reply)
{
    const auto json = rest::parse_json(reply.body);
    return json ? text_at(*json, "code") : "";
}

bool is_base_or_copy(const Json& record) // 1 base, 2 physical copy, 3 snapshot
{
    return rest::number_at(record, "copyType").value_or(1) != 3;
}

} // namespace

bool is_name(std::string_view text)
{
    const auto letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    return !text.empty() && text.size() <= 31 && letter(static_cast<unsigned char>(text.front())) &&
           std::ranges::all_of(text, [&](unsigned char c) { return letter(c) || c == '-' || c == '.'; });
}

std::string host_name(std::string_view uuid) // its end, where machines of one make differ
{
    std::string digits(uuid);
    std::erase(digits, '-');
    return digits.empty() ? ""
                          : "xcopy-" + lower(digits.substr(digits.size() - std::min<std::size_t>(25, digits.size())));
}

std::string spelled(std::string_view initiator)
{
    return is_hex(initiator) ? upper(initiator) : lower(initiator);
}

std::string hostname_of(const ArrayHost& host)
{
    const auto colon = host.id.find(':');
    const auto kind = host.id.substr(0, colon + 1);
    const auto name = host.id.substr(colon + 1);
    return !is_name(name) ? "" : kind == "host:" ? name : kind == "set:" ? host.id : "";
}

std::string id_in(const DiskBacking& backing)
{
    auto id = lower(trim(backing.id));
    if (is_uuid(id.starts_with("rfc4122.") ? id.substr(8) : id) && !id.starts_with("rfc4122.60002ac"))
        return id.substr(id.size() - 36);
    if (id.starts_with("vml.") && id.size() > 14) // 02, type, LUN and reserve; then the WWN, then letters (facts 4)
        id = "naa." + id.substr(14, id[14] == '5' ? 16 : 32);
    std::erase(id, '-');
    id = id.substr(id.find('.') + 1);
    const bool known = (id.size() == 32 && id.starts_with("60002ac")) || (id.size() == 16 && id.starts_with("50002ac"));
    return known && is_hex(id) ? id : "";
}

Result<Volume> parse_volume(const Json& record)
{
    const auto wwn = text_at(record, "wwn");
    const auto size = rest::number_at(record, "sizeMiB").value_or(0);
    Volume volume{text_at(record, "name"), text_at(record, "name"), "naa." + lower(wwn), wwn,
                  static_cast<std::uint64_t>(size) << 20};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (!is_name(volume.name) || size <= 0 || id_in({DiskBacking::Kind::rdm, volume.naa}).empty())
        return refuse(Errc::failed, fmt::format("the array gave no name, size or WWN of its own (WWN '{}')", wwn),
                      "check that STORAGE_HOSTNAME is a 3PAR, Primera, Alletra 9000 or Alletra MP");
    if (!is_base_or_copy(record))
        return refuse(Errc::unsupported, "it is a snapshot", "use a volume of its own");
    if (rest::number_at(record, "state") == 3)
        return refuse(Errc::unavailable, "the array says that it has failed", "showvv -state tells why");
    return volume;
}

Owner owner_among(const std::vector<Json>& hosts, const std::vector<std::string>& wanted)
{
    Owner owner{.free = wanted};
    std::size_t most = 0;
    for (const Json& host : hosts) {
        std::vector<std::string> held; // a path is repeated for each port it is seen at
        for (const auto& [paths, member] : {std::pair("FCPaths", "wwn"), std::pair("iSCSIPaths", "name")})
            for (const Json& path : rest::list_at(host, paths))
                held.push_back(spelled(text_at(path, member)));
        const auto has = [&](const std::string& one) { return std::ranges::count(held, one) > 0; };
        const auto name = text_at(host, "name");
        const auto count = static_cast<std::size_t>(std::ranges::count_if(wanted, has));
        if (name.empty() || count == 0) // the nameless one: what is logged in and belongs to nobody
            continue;
        std::erase_if(owner.free, has);
        if (count > most || (count == most && name < owner.name)) {
            most = count;
            owner.name = name;
        }
    }
    return owner;
}

Row parse_row(const Json& record)
{
    Row row{.volume = text_at(record, "volumeName"),
            .wwn = lower(text_at(record, "volumeWWN")),
            .host = text_at(record, "hostname"),
            .initiator = spelled(text_at(record, "remoteName")),
            .lun = static_cast<int>(rest::number_at(record, "lun").value_or(-1)),
            .type = static_cast<int>(rest::number_at(record, "type").value_or(0))};
    if (const Json* port = rest::find(record, "portPos"))
        row.port = fmt::format("{}:{}:{}", text_at(*port, "node"), text_at(*port, "slot"), text_at(*port, "cardPort"));
    if (!row.host.starts_with("set:"))
        row.host = row.host.empty() ? "port:" + row.port : "host:" + row.host;
    const Json* active = rest::find(record, "active");
    row.active = active != nullptr && *active == true;
    return row;
}

// An active path belongs to the template with its number: of its own host, of a host set, or of its port. One without
// any follows from the export of a volume set, and counts as its host's.
std::vector<Mapping> mappings_in(const std::vector<Row>& rows)
{
    std::vector<Mapping> mappings;
    const auto with = [&](const Row& row, const auto& matches) {
        return std::ranges::find_if(
            mappings, [&](const Mapping& mapping) { return mapping.lun == row.lun && matches(mapping.host.id); });
    };
    for (const bool active : {false, true})
        for (const Row& row : rows) {
            if (row.active != active)
                continue;
            auto found = with(row, [&](const std::string& id) { return id == row.host; });
            if (active && found == mappings.end())
                found = with(row, [&](const std::string& id) {
                    return (row.type == 5 && id.starts_with("set:")) || id == "port:" + row.port;
                });
            if (found == mappings.end()) {
                const auto name = row.host.starts_with("host:") ? row.host.substr(5) : row.host;
                found = mappings.insert(mappings.end(), Mapping{{row.host, name}, row.lun});
            }
            auto& ids = found->host.initiator_ids;
            if (!row.initiator.empty() && std::ranges::count(ids, row.initiator) == 0)
                ids.push_back(row.initiator);
        }
    return mappings;
}

// Its name is "source->target"; a release may cut it, but hardly before the target can be told (likely, facts 7).
bool is_copy(const Json& task, const ArrayCopy& copy)
{
    const auto whole = copy.source.id + "->" + copy.target.id;
    const auto name = text_at(task, "name");
    return rest::number_at(task, "type") == 1 && whole.starts_with(name) &&
           name.size() >= std::min(whole.size(), copy.source.id.size() + 14);
}

ArrayCopyState state_of(const Json& task)
{
    const auto number = [&](std::string_view name) {
        return std::max<double>(0, static_cast<double>(rest::number_at(task, name).value_or(0)));
    };
    const auto status = rest::number_at(task, "status").value_or(0);
    if (status == 1)
        return {ArrayCopyState::Phase::done, 100, ""};
    const double phases = std::max(1.0, number("totalPhases"));
    const double steps = number("completedSteps") / std::max(1.0, number("totalSteps"));
    const int percent = static_cast<int>(100 * (number("completedPhases") + steps) / phases);
    if (status == 2)
        return {ArrayCopyState::Phase::running, std::min(99, percent), ""};
    return {ArrayCopyState::Phase::failed, std::min(99, percent),
            fmt::format("task {} {}: {}", text_at(task, "id"), status == 3 ? "was cancelled" : "failed",
                        text_at(task, "detailedStatus"))};
}

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
{
    const Json* words = json != nullptr && json->is_object() ? json : nullptr;
    if (words && reply.status < 300) // a list that broke off ends in an error, after 200 was sent (facts 8)
        words = rest::find(*words, "success") && *rest::find(*words, "success") == false ? rest::find(*words, "message")
                                                                                         : nullptr;
    if (!words || text_at(*words, "code").empty())
        return std::nullopt;
    return explain(errors, "primera3par", {text_at(*words, "code"), text_at(*words, "desc")}, reply.status);
}

bool has_lapsed(const rest::Reply& reply) // 13 is a real refusal
{
    return reply.status == 401 || (reply.status == 403 && code_of(reply) == "6");
}

// Another request uses the key at this moment: a 409 without a number that means something else (likely, facts 2).
bool key_in_use(const rest::Reply& reply)
{
    constexpr std::string_view refusals[] = {"16", "18", "22", "26", "29", "32",  "34",  "59",  "73",
                                             "77", "96", "97", "98", "99", "101", "104", "150", "151"};
    return reply.status == 409 && std::ranges::count(refusals, code_of(reply)) == 0;
}

} // namespace xcopy::primera3par
