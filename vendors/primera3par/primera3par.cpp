#include "vendors/primera3par/primera3par.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/rest/two_ports.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy::primera3par {

using rest::Json;
using rest::text_at;

namespace {

// 443 on Primera and later, 8080 on 3PAR (facts 1). A port in the secret is used as it is.
std::unique_ptr<rest::Transport> ports_of(rest::Transport& transport, const std::string& url)
{
    const auto at = url.find_last_of(":]"); // "https://[::1]" and "https://name" name none
    return url[at] == ':' && at > 5 ? nullptr : rest::two_ports(transport, url, url + ":8080");
}

rest::Session session_of(const ArrayConfig& config)
{
    const rest::Request login{.method = rest::Method::post,
                              .url = "/api/v1/credentials",
                              .body =
                                  rest::to_text({{"user", config.username}, {"password", config.password.reveal()}})};
    return {.open = [login](const Call& call, const rest::Send& send) -> Result<std::vector<rest::Header>> {
                const auto reply = rest::sign_in_step(call, send, login);
                if (reply)
                    return rest::from_reply_field(*reply, "key", "X-HP3PAR-WSAPI-SessionKey");
                Error error = reply.error();
                if (is(error, "sign_in_unavailable"))
                    error.remedy = "the array may have no free session: showwsapisession lists them, "
                                   "unused ones end after 15 minutes";
                return error;
            },
            .lapsed = has_lapsed,
            .logout = [](const std::vector<rest::Header>& key) -> std::optional<rest::Request> {
                return rest::Request{.method = rest::Method::remove,
                                     .url = "/api/v1/credentials/" + rest::percent_encode(key.front().value),
                                     .hide_path = true};
            },
            .secrets = {config.password}};
}

Result<void> check_ids(const Volume& volume, const ArrayHost& host)
{
    if (!is_name(volume.id) || hostname_of(host).empty())
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not the ids of a volume and a host", volume.id, host.id)};
    return {};
}

} // namespace

Primera3par::Primera3par(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                         rest::Clock& clock)
    : ports_(ports_of(transport, rules.base_url)),
      api_(ports_ ? *ports_ : transport, std::move(rules), std::move(sign_in), clock)
{}

Settling Primera3par::settling(const Call& call)
{
    return {.call = call, .clock = api_.clock(), .after_error = [](const Error& error) {
                for (const char* done : {"16", "18", "29", "73"}) // perhaps by another caller
                    if (error.reason == fmt::format("primera3par_{}", done))
                        return Afterwards::look_again;
                return error.code == Errc::busy ? Afterwards::wait_first : Afterwards::give_up;
            }};
}

Result<std::vector<Json>> Primera3par::list(const Call& call, Listing& listing, const std::string& query)
{
    const bool filtered = listing.filters && !query.empty();
    const auto reply =
        api_.get(call, listing.path, filtered ? rest::Query{{"query", fmt::format("\"{}\"", query)}} : rest::Query{});
    if (!reply && filtered && reply.error().code == Errc::bad_request) {
        listing.filters = false;
        return list(call, listing);
    }
    if (!reply)
        return reply.error();
    const Json* members = rest::find(*reply, "members");
    if (!members || !members->is_array() ||
        (!filtered && rest::number_at(*reply, "total") != static_cast<std::int64_t>(members->size())))
        return Error{Errc::failed, fmt::format("{}: the list {} is not complete", api_.rules().array, listing.path)};
    return std::vector<Json>(members->begin(), members->end());
}

Result<ArrayInfo> Primera3par::info(const Call& call)
{
    const auto system = api_.get(call, "/api/v1/system");
    if (!system)
        return system.error();
    return ArrayInfo{"HPE", "Primera/3PAR", text_at(*system, "model"), text_at(*system, "systemVersion")};
}

Result<Volume> Primera3par::find_volume(const Call& call, const VolumeHandle& handle)
{
    if (const auto protocol = lower(handle.attribute("accessProtocol"));
        !protocol.empty() && protocol != "fc" && protocol != "iscsi")
        return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", handle.handle, protocol),
                     "use a StorageClass with accessProtocol fc or iscsi"};
    const auto name = handle.handle.substr(0, 31); // as long as names may be; the CSI driver cuts them too (facts 4)
    if (!is_name(name))
        return Error{Errc::bad_request, fmt::format("'{}' is not a volume of csi.hpe.com", handle.handle),
                     "the PersistentVolume must have been made by csi.hpe.com"};
    const auto record = api_.get(call, fmt::format("{}/{}", volumes_.path, rest::percent_encode(name)));
    if (!record && is(record.error(), "primera3par_23"))
        return Error{Errc::not_found, fmt::format("{}: no volume is called {}", api_.rules().array, name),
                     "check that the secret is that of the array the StorageClass uses; Alletra 5000/6000 and Nimble "
                     "share the driver csi.hpe.com and are other arrays"};
    if (!record)
        return record.error().in(fmt::format("find volume {}", name));
    auto volume = parse_volume(*record);
    if (volume && volume->name != name)
        return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with {}", api_.rules().array,
                                               name, volume->name)};
    return volume;
}

// An initiator belongs to one host. Who has it is used as he is; we add initiators to the host of our own name only.
Result<ArrayHost> Primera3par::ensure_host(const Call& call, const HostIdentity& host)
{
    const auto name = host_name(host.uuid);
    std::vector<std::string> wanted, query;
    for (const Initiator& initiator : host.initiators)
        if (initiator.kind != Initiator::Kind::sdc) {
            wanted.push_back(spelled(initiator.plain()));
            const bool fc = initiator.kind == Initiator::Kind::fc;
            query.push_back((fc ? "FCPaths[wwn==" : "iSCSIPaths[name==") + wanted.back() + "]");
        }
    if (wanted.empty() || !is_name(name))
        return Error{Errc::unsupported, fmt::format("host {} has no iSCSI or FC adapter, or no UUID", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    Owner owner;
    bool everyone = false; // the filter may show less than there is
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        const auto hosts = list(call, hosts_, everyone ? "" : fmt::format("{}", fmt::join(query, " OR ")));
        if (!hosts)
            return hosts.error();
        owner = owner_among(*hosts, wanted);
        if (owner.name.empty()) { // our own may have lost all its adapters
            const auto own = api_.get(call, fmt::format("{}/{}", hosts_.path, name));
            if (!own && !is(own.error(), "primera3par_17"))
                return own.error();
            owner.name = own ? name : "";
        }
        if (owner.name.empty() || (owner.name == name && !owner.free.empty()))
            return std::optional<ArrayHost>();
        return std::optional(ArrayHost{"host:" + owner.name, owner.name, wanted});
    };
    const auto change = [&]() -> Result<void> { // never both kinds in one request: code 44
        const auto is_iscsi = [](const std::string& id) { return !is_hex(id); };
        const bool iscsi = is_iscsi(owner.free.front());
        std::erase_if(owner.free, [&](const std::string& id) { return is_iscsi(id) != iscsi; });
        Json body = {{iscsi ? "iSCSINames" : "FCWWNs", owner.free}};
        body.update(owner.name == name ? Json{{"pathOperation", 1}} : Json{{"name", name}, {"persona", 8}}); // VMware
        const auto reply = owner.name == name ? api_.put(call, fmt::format("{}/{}", hosts_.path, name), body)
                                              : api_.post(call, hosts_.path, body);
        everyone = !reply;
        return reply ? Result<void>() : reply.error();
    };
    auto ensured = settle<ArrayHost>(settling(call), look, change);
    return ensured ? ensured : ensured.error().in(fmt::format("host {}", name));
}

Result<std::set<int>> Primera3par::used_by(const Call& call, const ArrayHost& host)
{
    std::set<std::string> names{host.name};
    const auto sets = list(call, sets_);
    if (!sets)
        return sets.error();
    for (const Json& set : *sets)
        for (const Json& member : rest::list_at(set, "setmembers"))
            if (member == host.name)
                names.insert("set:" + text_at(set, "name"));
    std::set<int> numbers;
    for (const auto& name : names) {
        const auto records = list(call, vluns_, "hostname EQ " + name);
        if (!records)
            return records.error().in(fmt::format("list the LUN numbers of {}", name));
        for (const Json& record : *records)
            if (names.contains(text_at(record, "hostname")))
                numbers.insert(parse_row(record).lun);
    }
    return numbers;
}

Result<std::vector<Row>> Primera3par::rows_of(const Call& call, const Volume& volume, bool everything)
{
    const auto records = list(call, vluns_, everything ? "" : "volumeName EQ " + volume.id);
    if (!records)
        return records.error().in(fmt::format("list the exports of {}", volume.name));
    std::vector<Row> rows;
    for (const Json& record : *records) {
        auto row = parse_row(record);
        if (row.volume != volume.id)
            continue;
        if (!row.wwn.empty() && "naa." + row.wwn != volume.naa)
            return Error{Errc::conflict,
                         fmt::format("{}: volume {} is another one now: naa.{} instead of {}", api_.rules().array,
                                     volume.id, row.wwn, volume.naa),
                         "it was deleted and made anew in between: run again"};
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<std::vector<Mapping>> Primera3par::mappings_of(const Call& call, const Volume& volume)
{
    const auto rows = rows_of(call, volume, false);
    return rows ? Result<std::vector<Mapping>>(mappings_in(*rows)) : rows.error();
}

// Directly, by an active path, or through a host set that has the host as a member.
Result<std::optional<Mapping>> Primera3par::reaching(const Call& call, const Volume& volume, const ArrayHost& host,
                                                     bool everything)
{
    const auto rows = rows_of(call, volume, everything);
    if (!rows)
        return rows.error();
    const auto mappings = mappings_in(*rows);
    if (auto direct = mapping_that_reaches(mappings, host))
        return direct;
    for (const Mapping& mapping : mappings) {
        if (!mapping.host.id.starts_with("set:"))
            continue;
        const auto set =
            api_.get(call, fmt::format("{}/{}", sets_.path, rest::percent_encode(mapping.host.id.substr(4))));
        if (!set && !is(set.error(), "primera3par_102"))
            return set.error();
        if (set && std::ranges::count(rest::list_at(*set, "setmembers"), Json(host.name)) > 0)
            return std::optional(mapping);
    }
    return std::optional<Mapping>();
}

Result<Mapping> Primera3par::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    if (lun && (*lun < 0 || *lun > highest()))
        return Error{Errc::bad_request, fmt::format("LUN number {} is not between 0 and {}", *lun, highest())};
    // 3PAR refuses autoLun without a number, Primera a number without autoLun (facts 6.2).
    const Json body = {
        {"volumeName", volume.id}, {"lun", lun.value_or(0)}, {"autoLun", true}, {"hostname", hostname_of(host)}};
    bool everything = false;
    const auto look = [&] { return reaching(call, volume, host, everything); };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = api_.ask(call, rest::Method::post, vluns_.path, body);
        everything = !reply; // the filter may show less than there is
        if (!reply)
            return reply.error();
        const rest::Reply headers{.headers = reply->headers};
        const auto parts = split(headers.header("Location").value_or(""), ','); // …/vluns/volume,number,host
        if (parts.size() < 3 || !parts[0].ends_with("/" + volume.id) || parts[2] != hostname_of(host) ||
            !is_digits(parts[1]) || parts[1].size() > 5)
            return std::optional<Mapping>();
        return std::optional(Mapping{host, std::stoi(parts[1])});
    };
    auto mapped = settle<Mapping>(settling(call), look, change);
    return mapped ? mapped : mapped.error().in(fmt::format("export {} to {}", volume.name, host.name));
}

// Templates of that very host or set; a matched set has one for each port. Their active paths go with them.
Result<void> Primera3par::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (auto checked = check_ids(volume, host); !checked)
        return checked.error();
    std::vector<std::string> templates;
    const auto look = [&]() -> Result<std::optional<bool>> {
        const auto rows = rows_of(call, volume, false);
        if (!rows)
            return rows.error();
        templates.clear();
        for (const Row& row : *rows)
            if (!row.active && row.host == host.id && row.lun >= 0)
                templates.push_back(fmt::format("{}/{},{},{}{}{}", vluns_.path, volume.id, row.lun, hostname_of(host),
                                                row.type == 4 ? "," : "", row.type == 4 ? row.port : ""));
        return templates.empty() ? std::optional(true) : std::nullopt;
    };
    const auto change = [&]() -> Result<std::optional<bool>> {
        for (const auto& path : templates)
            if (const auto gone = api_.remove(call, path); !gone && !is(gone.error(), "primera3par_19"))
                return gone.error();
        return std::optional(true);
    };
    const auto done = settle<bool>(settling(call), look, change);
    return done ? Result<void>() : done.error().in(fmt::format("unexport {} from {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_primera3par(const ArrayConfig& config, rest::Transport& transport,
                                                rest::Clock& clock)
{
    ConfigCheck check(config, "HPE 3PAR/Primera", "primera3par");
    check.need_account();
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->retry.also = key_in_use;
    rules->max_concurrent = 4;                      // the array serves one after the other on one session (facts 2)
    rules->max_reply_bytes = std::size_t{64} << 20; // lists have no pages
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(
        std::make_unique<Primera3par>(transport, std::move(*rules), rest::session(session_of(config)), clock));
}

} // namespace xcopy::primera3par
