#include "vendors/infinibox/infinibox.hpp"

#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace xcopy::infinibox {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::string_view oui = "742b0f";
constexpr std::size_t serial_length = 31;
constexpr int highest_lun_number = 1023; // what an ESXi host sees by default; the array's own limit is not published
const rest::Query approved{{"approved", "true"}}; // without it risky changes are answered by APPROVAL_REQUIRED

constexpr ErrorRow error_rows[] = {
    {"VOLUME_NOT_FOUND", Errc::not_found, "no such volume", "check that STORAGE_HOSTNAME is the volume's InfiniBox"},
    {"HOST_NOT_FOUND", Errc::not_found, "no such host object", "run again: it is looked up anew"},
    {"HOST_CLUSTER_NOT_FOUND", Errc::not_found, "no such host cluster", "run again"},
    {"LUN_NOT_FOUND", Errc::not_found, "no such mapping", ""},
    {"MAPPING_ALREADY_EXISTS", Errc::conflict, "the mapping exists", ""},
    {"is already mapped", Errc::conflict, "the mapping exists", "", "infinibox_MAPPING_ALREADY_EXISTS"},
    {"PORT_ALREADY_BELONGS_TO_HOST", Errc::conflict, "the initiator belongs to another host object", ""},
    {"APPROVAL_REQUIRED", Errc::denied, "the array wants this approved", "approve it on the array, then run again"},
    {"APPROVAL_REQUIRED_VOLUME_HAS_CHILDREN", Errc::denied,
     "the volume has snapshots and the array wants this approved", "approve it on the array, then run again"},
    {"REMOTE_PERMISSION_REQUIRED", Errc::denied, "the volume is replicated and the remote system must agree",
     "use a volume that is not replicated"},
    // The code for a LUN number in use is published nowhere.
    {"LUN_ALREADY_IN_USE", Errc::busy, "the LUN number is taken", "", "infinibox_lun_taken"},
    {"LUN_ALREADY_EXISTS", Errc::busy, "the LUN number is taken", "", "infinibox_lun_taken"},
    {"LUN_IN_USE", Errc::busy, "the LUN number is taken", "", "infinibox_lun_taken"},
    {"lun is already", Errc::busy, "the LUN number is taken", "", "infinibox_lun_taken"},
};

rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    rest::Page page{.records = {}, .next = {}};
    for (const Json& row : rest::list_at(answer.body, "result"))
        page.records.push_back(row);
    const auto now = rest::number_at(answer.body, "metadata.page").value_or(1);
    if (now < rest::number_at(answer.body, "metadata.pages_total").value_or(1))
        page.next = fmt::format("{}&page={}", path, now + 1);
    return page;
}

std::vector<std::string> ports_of(const Json& host)
{
    std::vector<std::string> ports;
    for (const Json& port : rest::list_at(host, "ports")) {
        auto address = lower(text_at(port, "address"));
        if (!address.starts_with("iqn.") && !address.starts_with("eui."))
            std::erase_if(address, [](char c) { return c == ':' || c == '-' || c == ' '; });
        ports.push_back(std::move(address));
    }
    return ports;
}

// A mapping of the host's cluster reaches the host too, so the cluster stands among its initiators.
ArrayHost parse_host(const Json& host)
{
    ArrayHost parsed{"host:" + text_at(host, "id"), text_at(host, "name"), ports_of(host)};
    if (const auto cluster = rest::number_at(host, "host_cluster_id").value_or(0); cluster > 0)
        parsed.initiator_ids.push_back(fmt::format("cluster:{}", cluster));
    return parsed;
}

Mapping parse_mapping(const Json& row)
{
    const auto cluster = rest::number_at(row, "host_cluster_id").value_or(0);
    Mapping mapping;
    mapping.host.id = cluster > 0 ? fmt::format("cluster:{}", cluster) : "host:" + text_at(row, "host_id");
    mapping.host.name = mapping.host.id;
    if (cluster > 0)
        mapping.host.initiator_ids.push_back(mapping.host.id);
    if (const auto lun = rest::number_at(row, "lun"))
        mapping.lun = static_cast<int>(*lun);
    return mapping;
}

// "/api/rest/hosts/1023" or "/api/rest/clusters/7"; empty for an id that is none.
std::string path_of(const ArrayHost& host)
{
    const auto colon = host.id.find(':');
    const auto kind = host.id.substr(0, colon);
    const auto number = colon == std::string::npos ? std::string() : host.id.substr(colon + 1);
    if (!is_digits(number) || (kind != "host" && kind != "cluster"))
        return {};
    return fmt::format("/api/rest/{}s/{}", kind, number);
}

Result<std::string> luns_path(const Volume& volume, const ArrayHost& host)
{
    const auto path = path_of(host);
    if (path.empty() || !is_digits(volume.id))
        return Error{Errc::bad_request,
                     fmt::format("'{}' and '{}' are not ids of a host and a volume", host.id, volume.id)};
    return path + "/luns";
}

Settling settling(const Call& call, rest::Clock& clock)
{
    return {.call = call, .clock = clock, .after_error = [](const Error& error) {
                const bool done_by_another = is(error, "infinibox_MAPPING_ALREADY_EXISTS") ||
                                             is(error, "infinibox_PORT_ALREADY_BELONGS_TO_HOST");
                return done_by_another ? Afterwards::look_again : Afterwards::give_up;
            }};
}

} // namespace

std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json)
{
    const Json* error = json != nullptr ? rest::find(*json, "error") : nullptr; // in a 200 too
    if (error == nullptr || !error->is_object())
        return std::nullopt;
    return explain(error_rows, "infinibox", {text_at(*error, "code"), text_at(*error, "message")}, reply.status);
}

Result<std::string> volume_id_of(const VolumeHandle& handle)
{
    const auto end = handle.handle.find("$$");
    const auto id = handle.handle.substr(0, end);
    const auto protocol = end == std::string::npos ? std::string() : handle.handle.substr(end + 2);
    if (!is_digits(id) || id.size() > 18)
        return Error{Errc::bad_request,
                     fmt::format("'{}' is not a volume handle of InfiniBox (6507$$fc)", handle.handle),
                     "the PersistentVolume must have been made by infinibox-csi-driver"};
    if (!protocol.empty() && protocol != "fc" && protocol != "iscsi" && protocol != "auto")
        return Error{Errc::unsupported,
                     fmt::format("volume {} is reached by {}, not as a SCSI LUN", handle.handle, protocol),
                     "use a StorageClass with storage_protocol fc or iscsi"};
    return id;
}

Result<Volume> parse_volume(const Json& row)
{
    Volume volume{.id = text_at(row, "id"), .name = text_at(row, "name"), .serial = lower(text_at(row, "serial"))};
    const auto refuse = [&](Errc code, std::string_view why, std::string_view remedy) {
        return Error{code, fmt::format("volume {}: {}", volume.name, why), std::string(remedy)};
    };
    if (volume.serial.size() != serial_length || !is_hex(volume.serial) || !volume.serial.starts_with(oui))
        return refuse(Errc::failed, fmt::format("its serial number '{}' is not one of InfiniBox", volume.serial), "");
    if (text_at(row, "type") == "SNAPSHOT" || text_at(row, "write_protected") == "true")
        return refuse(Errc::unsupported, "it is a snapshot or write protected", "use a volume that can be written");
    volume.naa = "naa.6" + volume.serial;
    const auto size = rest::number_at(row, "size").value_or(0);
    if (size <= 0)
        return refuse(Errc::failed, "the array gave no size", "");
    volume.size_bytes = static_cast<std::uint64_t>(size);
    return volume;
}

InfiniBox::InfiniBox(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
                     rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock)
{}

int InfiniBox::highest() const
{
    return highest_lun_number;
}

InfiniBox::Rows InfiniBox::list(const Call& call, std::string_view path, rest::Query query)
{
    query.emplace_back("page_size", "1000");
    const auto first = rest::with_query(path, query);
    return rest::all_records(api_, call, first, [&](const rest::Answer& answer) { return split_page(answer, first); });
}

Result<ArrayInfo> InfiniBox::info(const Call& call)
{
    const auto system = api_.get(call, "/api/rest/system");
    if (!system)
        return system.error();
    return ArrayInfo{"Infinidat", "InfiniBox", text_at(*system, "result.model"), text_at(*system, "result.version")};
}

Result<Volume> InfiniBox::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto id = volume_id_of(handle);
    if (!id)
        return id.error();
    const auto reply = api_.get(call, "/api/rest/volumes/" + *id);
    if (!reply)
        return Error(reply.error()).in(fmt::format("find volume {}", *id));
    const Json* row = rest::find(*reply, "result");
    if (row == nullptr || text_at(*row, "id") != *id)
        return Error{Errc::failed, fmt::format("{}: asked for volume {} the array answered with another one",
                                               api_.rules().array, *id)};
    // Ids are small numbers that every InfiniBox gives out; the name tells whether this is the array that is meant.
    if (const auto name = handle.attribute("Name"); !name.empty() && name != text_at(*row, "name"))
        return Error{Errc::conflict,
                     fmt::format("wrong array configured, or a renamed volume: volume {} of {} is called '{}', the "
                                 "PersistentVolume says '{}'",
                                 *id, api_.rules().array, text_at(*row, "name"), name),
                     "use the secret of the array the StorageClass belongs to"};
    auto volume = parse_volume(*row);
    return volume ? volume : Error(volume.error()).in(api_.rules().array);
}

// The object that owns most of the host's initiators; our own where nobody owns any.
Result<std::optional<Json>> InfiniBox::host_of_owner(const Call& call, const HostIdentity& host)
{
    const auto hosts = list(call, "/api/rest/hosts", {{"fields", "id,name,ports,host_cluster_id"}});
    if (!hosts)
        return hosts.error();
    std::optional<Json> best;
    std::ptrdiff_t most = 0;
    for (const Json& row : *hosts) {
        const auto ports = ports_of(row);
        const auto owned = std::ranges::count_if(
            host.initiators, [&](const Initiator& one) { return std::ranges::count(ports, one.plain()) > 0; });
        const bool ours = text_at(row, "name") == "xcopy-" + host.uuid;
        if (owned > most || (owned == most && ours)) {
            best = row;
            most = owned;
        }
    }
    return best;
}

Result<ArrayHost> InfiniBox::ensure_host(const Call& call, const HostIdentity& host)
{
    if (!is_uuid(host.uuid) || host.initiators.empty())
        return Error{Errc::unsupported, fmt::format("host {} has no UUID or no FC or iSCSI adapter", host.name),
                     "use a host that is connected to the array"};
    const auto name = "xcopy-" + host.uuid;
    std::optional<Json> found;
    std::vector<Initiator> missing;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        auto owner = host_of_owner(call, host);
        if (!owner)
            return owner.error();
        found = std::move(*owner);
        missing = host.initiators;
        if (!found)
            return std::optional<ArrayHost>();
        const auto ports = ports_of(*found);
        std::erase_if(missing, [&](const Initiator& one) { return std::ranges::count(ports, one.plain()) > 0; });
        if (text_at(*found, "name") == name && !missing.empty())
            return std::optional<ArrayHost>();
        return std::optional(parse_host(*found)); // another's object is used as it is
    };
    const auto change = [&]() -> Result<void> {
        if (!found) {
            const auto made = api_.post(call, "/api/rest/hosts", {{"name", name}});
            return made ? Result<void>() : Error(made.error()).in("create host " + name);
        }
        for (const Initiator& one : missing) {
            const auto path = path_of(parse_host(*found)) + "/ports";
            const Json port = {{"type", one.kind == Initiator::Kind::fc ? "fc" : "iscsi"}, {"address", one.plain()}};
            if (const auto added = api_.post(call, path, port, approved); !added)
                return Error(added.error()).in(fmt::format("add initiator {}", one.plain()));
        }
        return {};
    };
    auto how = settling(call, api_.clock());
    how.rounds = 4; // one to create it, one for its ports, two in doubt
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("host object for {}", host.name));
}

Result<std::set<int>> InfiniBox::used_by(const Call& call, const ArrayHost& host)
{
    std::set<int> numbers;
    std::vector<std::string> paths{path_of(host)};
    for (const auto& id : host.initiator_ids)
        if (id.starts_with("cluster:"))
            paths.push_back(path_of({id, id}));
    for (const auto& path : paths) {
        const auto rows = list(call, path + "/luns");
        if (!rows)
            return Error(rows.error()).in(fmt::format("list the LUN numbers of {}", host.name));
        for (const Json& row : *rows)
            if (const auto lun = rest::number_at(row, "lun"))
                numbers.insert(static_cast<int>(*lun));
    }
    return numbers;
}

Result<std::vector<Mapping>> InfiniBox::mappings_of(const Call& call, const Volume& volume)
{
    const auto rows = list(call, fmt::format("/api/rest/volumes/{}/luns", rest::percent_encode(volume.id)));
    if (!rows)
        return Error(rows.error()).in(fmt::format("list the mappings of {}", volume.name));
    std::vector<Mapping> mappings;
    for (const Json& row : *rows) {
        auto mapping = parse_mapping(row);
        const bool seen =
            std::ranges::any_of(mappings, [&](const Mapping& one) { return one.host.id == mapping.host.id; });
        if (text_at(row, "volume_id") == volume.id && !seen) // a cluster's mapping has a row for every member
            mappings.push_back(std::move(mapping));
    }
    return mappings;
}

Result<Mapping> InfiniBox::map(const Call& call, const Volume& volume, const ArrayHost& host, std::optional<int> lun)
{
    const auto path = luns_path(volume, host);
    if (!path)
        return path.error();
    Json body = {{"volume_id", std::stoll(volume.id)}};
    if (lun)
        body["lun"] = *lun;
    const auto look = [&]() -> Result<std::optional<Mapping>> {
        const auto mappings = mappings_of(call, volume);
        return mappings ? Result<std::optional<Mapping>>(mapping_that_reaches(*mappings, host)) : mappings.error();
    };
    const auto change = [&]() -> Result<std::optional<Mapping>> {
        const auto reply = api_.post(call, *path, body, approved);
        if (!reply)
            return reply.error();
        const auto number = rest::number_at(*reply, "result.lun");
        if (!number || text_at(*reply, "result.volume_id") != volume.id)
            return std::optional<Mapping>();
        return std::optional(Mapping{host, static_cast<int>(*number)});
    };
    auto mapped = settle<Mapping>(settling(call, api_.clock()), look, change);
    return mapped ? mapped : Error(mapped.error()).in(fmt::format("map {} to {}", volume.name, host.name));
}

Result<void> InfiniBox::unmap(const Call& call, const Volume& volume, const ArrayHost& host)
{
    const auto path = luns_path(volume, host);
    if (!path)
        return path.error();
    const auto reply = api_.remove(call, fmt::format("{}/volume_id/{}", *path, volume.id), approved);
    const bool absent =
        !reply && reply.error().code == Errc::not_found && reply.error().reason.starts_with("infinibox_");
    if (reply || absent) // the array's own word for it, not any 404
        return {};
    return Error(reply.error()).in(fmt::format("unmap {} from {}", volume.name, host.name));
}

Result<std::unique_ptr<Array>> make_infinibox(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    ConfigCheck check(config, "InfiniBox", "infinibox");
    check.need_account();
    auto rules = check.rules();
    if (!rules)
        return rules.error();
    rules->decode_error = decode_error;
    return std::unique_ptr<Array>(std::make_unique<InfiniBox>(transport, std::move(*rules),
                                                              rest::basic(config.username, config.password), clock));
}

} // namespace xcopy::infinibox
