#include "vendors/primera3par/primera3par.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/owned_host.hpp"
#include "vendors/text.hpp"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace xcopy::primera3par {

using rest::Json;
using rest::text_at;

namespace {

Error no_ids(const Volume& volume, const ArrayHost& host)
{
    return {Errc::bad_request, fmt::format("'{}' and '{}' are not ids of a volume and a host", volume.id, host.id)};
}

bool has_member(const Json& set, const ArrayHost& host)
{
    return std::ranges::count(rest::list_at(set, "setmembers"), Json(host.name)) > 0;
}

} // namespace

// A build that refuses the query gives the whole list; what comes back is always compared (facts 5.4, 6.3).
Result<std::vector<Json>> Primera3par::list(const Call& call, const std::string& kind, const std::string& query)
{
    const auto filter = query.empty() ? rest::Query() : rest::Query{{"query", "\"" + query + "\""}};
    const auto reply = api_.get(call, "/api/v1/" + kind, filter);
    if (!reply && !query.empty() && reply.error().code == Errc::bad_request)
        return list(call, kind);
    if (!reply)
        return reply.error();
    const Json* members = rest::find(*reply, "members");
    const auto count = members && members->is_array() ? std::ssize(*members) : -1;
    if (count < 0 || (query.empty() && rest::number_at(*reply, "total").value_or(count) != count))
        return Error{Errc::failed, fmt::format("{}: half a list of {}", api_.rules().array, kind), "run again"};
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
    const auto name = handle.handle.substr(0, 31); // the CSI driver cuts its names to what the array takes (facts 4)
    if (!is_plain_name(name, 31))
        return Error{Errc::bad_request, fmt::format("'{}' is not a volume of csi.hpe.com", handle.handle),
                     "check the volume handle"};
    if (const auto protocol = lower(handle.attribute("accessProtocol")); protocol.starts_with("n")) // nvmetcp, nfs
        return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", name, protocol), "use fc or iscsi"};
    const auto record = api_.get(call, "/api/v1/volumes/" + name);
    if (!record && is(record.error(), "primera3par_23"))
        return Error{Errc::not_found, fmt::format("{}: no volume is called {}", api_.rules().array, name),
                     "use the secret of the array that the StorageClass names; Alletra 5000/6000 and Nimble share the "
                     "driver csi.hpe.com and are other arrays"};
    if (!record)
        return record.error();
    auto volume = parse_volume(*record);
    if (volume && volume->name != name)
        return Error{Errc::failed, fmt::format("{}: {} is asked for, {} came", api_.rules().array, name, volume->name)};
    return volume;
}

Result<ArrayHost> Primera3par::ensure_host(const Call& call, const HostIdentity& host)
{
    std::vector<std::string> wanted, paths;
    for (const Initiator& one : host.initiators)
        if (one.kind != Initiator::Kind::sdc) {
            wanted.push_back(spelled(one.plain()));
            const bool fc = one.kind == Initiator::Kind::fc;
            paths.push_back((fc ? "FCPaths[wwn==" : "iSCSIPaths[name==") + wanted.back() + "]");
        }
    const auto name = own_host_name(host.uuid, 31);
    if (wanted.empty() || !is_plain_name(name, 31))
        return Error{Errc::unsupported, fmt::format("host {} has no iSCSI or FC adapter, or no UUID", host.name),
                     "use a host that is connected to the array"};
    const auto own = "/api/v1/hosts/" + name;
    OwnedHosts hosts{.own_name = name};
    hosts.list = [&](bool everyone) -> Result<std::vector<ArrayHost>> {
        const auto records = list(call, "hosts", everyone ? "" : fmt::format("{}", fmt::join(paths, " OR ")));
        if (!records)
            return records.error();
        std::vector<ArrayHost> all;
        std::ranges::transform(*records, std::back_inserter(all), parse_host);
        return all;
    };
    hosts.write = [&](bool exists, std::vector<std::string> ids) -> Result<void> {
        const bool fc = is_hex(ids.front()); // FC and iSCSI never in one request: code 44
        std::erase_if(ids, [&](const std::string& id) { return is_hex(id) != fc; });
        Json body = exists ? Json{{"pathOperation", 1}} : Json{{"name", name}, {"persona", 8}}; // VMware (facts 5.3)
        body[fc ? "FCWWNs" : "iSCSINames"] = ids;
        const auto reply = exists ? api_.put(call, own, body) : api_.post(call, "/api/v1/hosts", body);
        return reply ? Result<void>() : reply.error();
    };
    return ensure_owned_host(settling(call, api_.clock(), done_already), wanted, hosts);
}

Result<std::set<int>> Primera3par::used_by(const Call& call, const ArrayHost& host)
{
    const auto sets = list(call, "hostsets");
    if (!sets)
        return sets.error();
    std::set<std::string> names{host.name};
    for (const Json& set : *sets)
        if (has_member(set, host))
            names.insert("set:" + text_at(set, "name"));
    std::set<int> numbers;
    for (const auto& name : names) {
        const auto rows = list(call, "vluns", "hostname EQ " + name);
        if (!rows)
            return rows.error();
        for (const Json& row : *rows)
            if (names.contains(text_at(row, "hostname")))
                numbers.insert(static_cast<int>(rest::number_at(row, "lun").value_or(0)));
    }
    return numbers;
}

// `everything`: a query may have shown less than there is. That it shows nothing at all is not believed.
Result<std::vector<Json>> Primera3par::exports_of(const Call& call, const Volume& volume, bool everything)
{
    auto rows = list(call, "vluns", everything ? "" : "volumeName EQ " + volume.id);
    if (!rows)
        return rows.error();
    std::erase_if(*rows, [&](const Json& row) { return text_at(row, "volumeName") != volume.id; });
    if (rows->empty() && !everything)
        return exports_of(call, volume, true);
    for (const Json& row : *rows)
        if (const auto wwn = text_at(row, "volumeWWN"); !wwn.empty() && "naa." + lower(wwn) != volume.naa)
            return Error{Errc::conflict, fmt::format("{}: {} is another volume now", api_.rules().array, volume.id),
                         "it was deleted and made anew in between: run again"};
    return rows;
}

Result<std::vector<Mapping>> Primera3par::mappings_of(const Call& call, const Volume& volume)
{
    const auto rows = exports_of(call, volume);
    return rows ? Result<std::vector<Mapping>>(mappings_in(*rows)) : rows.error();
}

// Directly, by a path that is active, or through a host set that has the host as a member.
Result<std::optional<Mapping>> Primera3par::reaching(const Call& call, const Volume& volume, const ArrayHost& host,
                                                     bool everything)
{
    const auto rows = exports_of(call, volume, everything);
    if (!rows)
        return rows.error();
    const auto mappings = mappings_in(*rows);
    auto found = mapping_that_reaches(mappings, host);
    for (auto one = mappings.begin(); !found && one != mappings.end(); ++one) {
        if (!one->host.id.starts_with("set:"))
            continue;
        const auto set = api_.get(call, "/api/v1/hostsets/" + rest::percent_encode(one->host.id.substr(4)));
        if (!set && !is(set.error(), "primera3par_102"))
            return set.error();
        if (set && has_member(*set, host))
            found = *one;
    }
    return found;
}

Result<Mapping> Primera3par::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    if (!is_plain_name(volume.id, 31) || hostname_of(host.id).empty())
        return no_ids(volume, host);
    // 3PAR refuses autoLun without a number, Primera a number without autoLun (facts 6.2). A wrong one is code 28.
    const Json body = {
        {"volumeName", volume.id}, {"lun", lun.value_or(0)}, {"autoLun", true}, {"hostname", hostname_of(host.id)}};
    bool everything = false;
    const auto look = [&] { return reaching(call, volume, host, everything); };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = api_.ask(call, rest::Method::post, "/api/v1/vluns", body);
        everything = !reply;
        if (!reply)
            return reply.error();
        const rest::Reply made{.headers = reply->headers}; // Location: …/volume,number,host; any number
        const auto parts = split(made.header("Location").value_or(""), ',');
        if (parts.size() < 3 || !parts[0].ends_with("/" + volume.id) || !is_digits(parts[1]) || parts[1].size() > 5)
            return std::optional<Mapping>();
        return std::optional(Mapping{host, std::stoi(parts[1])});
    };
    auto mapped = settle<Mapping>(settling(call, api_.clock(), done_already), look, change);
    return mapped ? mapped : mapped.error().in(fmt::format("export {} to {}", volume.name, host.name));
}

// The templates of that very host or set. Their active paths go with them.
Result<void> Primera3par::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    if (!is_plain_name(volume.id, 31) || hostname_of(host.id).empty())
        return no_ids(volume, host);
    const auto rows = exports_of(call, volume);
    if (!rows)
        return rows.error();
    for (const Json& row : *rows)
        if (const auto key = template_in(row); !key.empty() && text_at(row, "hostname") == hostname_of(host.id)) {
            const auto gone = api_.remove(call, "/api/v1/vluns/" + key);
            if (!gone && !is(gone.error(), "primera3par_19"))
                return gone.error();
        }
    return {};
}

Result<std::unique_ptr<Array>> make_primera3par(const ArrayConfig& config, rest::Transport& transport,
                                                rest::Clock& clock)
{
    ConfigCheck check(config, "HPE 3PAR/Primera", "primera3par");
    check.need_account();
    auto rules = check.rules(443, 8080); // Primera and later; 3PAR (facts 1)
    if (!rules)
        return rules.error();
    rules->retry.also = key_in_use;
    rules->max_concurrent = 4;                      // the array serves a session's requests one by one (facts 2)
    rules->max_reply_bytes = std::size_t{64} << 20; // lists have no pages
    rules->decode_error = decode_error;
    const Json account = {{"user", config.username}, {"password", config.password.reveal()}};
    auto session = rest::key_session("/api/v1/credentials", rest::to_text(account), "key", "X-HP3PAR-WSAPI-SessionKey");
    session.lapsed = has_lapsed;
    session.secrets = {config.password};
    return std::unique_ptr<Array>(
        std::make_unique<Primera3par>(transport, std::move(*rules), rest::session(session), clock));
}

} // namespace xcopy::primera3par
