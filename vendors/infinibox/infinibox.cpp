#include "vendors/infinibox/infinibox.hpp"

#include "vendors/driver.hpp"
#include "vendors/lists.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::infinibox {

using rest::Json;
using rest::text_at;

namespace {

constexpr std::size_t serial_length = 31;
const rest::Query approved{{"approved", "true"}}; // without it risky changes are answered by APPROVAL_REQUIRED

constexpr ErrorRow error_rows[] = {
    {"VOLUME_NOT_FOUND", Errc::not_found, "no such volume", "check that STORAGE_HOSTNAME is the volume's InfiniBox"},
    {"HOST_NOT_FOUND,HOST_CLUSTER_NOT_FOUND", Errc::not_found, "no such host object or cluster",
     "run again: it is looked up anew"},
    {"LUN_NOT_FOUND", Errc::not_found, "no such mapping", ""},
    {"MAPPING_ALREADY_EXISTS", Errc::conflict, "the mapping exists", ""},
    {"is already mapped", Errc::conflict, "the mapping exists", "", "infinibox_MAPPING_ALREADY_EXISTS"},
    {"PORT_ALREADY_BELONGS_TO_HOST", Errc::conflict, "the initiator belongs to another host object", ""},
    {"APPROVAL_REQUIRED,APPROVAL_REQUIRED_VOLUME_HAS_CHILDREN", Errc::denied, "the array wants this approved",
     "approve it on the array (does the volume have snapshots?), then run again"},
    {"REMOTE_PERMISSION_REQUIRED", Errc::denied, "the volume is replicated and the remote system must agree",
     "use a volume that is not replicated"},
};

rest::Page split_page(const rest::Answer& answer, const std::string& path)
{
    const auto now = rest::number_at(answer.body, "metadata.page").value_or(1);
    const bool more = now < rest::number_at(answer.body, "metadata.pages_total").value_or(1);
    return {rest::records_at(answer.body, "result"), more ? fmt::format("{}&page={}", path, now + 1) : ""};
}

// A mapping of the host's cluster reaches the host too, so the cluster stands among its initiators.
ArrayHost parse_host(const Json& host)
{
    ArrayHost parsed{"host:" + text_at(host, "id"), text_at(host, "name")};
    for (const Json& port : rest::list_at(host, "ports")) {
        auto address = lower(text_at(port, "address"));
        if (!address.starts_with("iqn.") && !address.starts_with("eui."))
            std::erase_if(address, [](char c) { return c == ':' || c == '-' || c == ' '; });
        parsed.initiator_ids.push_back(std::move(address));
    }
    if (const auto cluster = rest::number_at(host, "host_cluster_id").value_or(0); cluster > 0)
        parsed.initiator_ids.push_back(fmt::format("cluster:{}", cluster));
    return parsed;
}

Mapping parse_mapping(const Json& row)
{
    const auto cluster = rest::number_at(row, "host_cluster_id").value_or(0);
    const auto id = cluster > 0 ? fmt::format("cluster:{}", cluster) : "host:" + text_at(row, "host_id");
    return {{id, id, cluster > 0 ? std::vector{id} : std::vector<std::string>()}, rest::number_at(row, "lun")};
}

std::string path_of(const std::string& id) // "/api/rest/hosts/1023" or "/api/rest/clusters/7"
{
    const auto [kind, number] = halves(id);
    return fmt::format("/api/rest/{}s/{}", kind, number);
}

class InfiniBox final : public Driver, public LunNumbers {
public:
    using Driver::Driver;

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(api_.get(call, "/api/rest/system"), [](const Json& reply) {
            return ArrayInfo{"Infinidat", "InfiniBox", text_at(reply, "result.model"),
                             text_at(reply, "result.version")};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto id = volume_id_of(handle);
        if (!id)
            return id.error();
        const auto reply = in_step("find volume " + *id, api_.get(call, "/api/rest/volumes/" + *id));
        if (!reply)
            return reply.error();
        const Json* row = rest::find(*reply, "result");
        if (row == nullptr || text_at(*row, "id") != *id)
            return answered_another("volume " + *id);
        // Ids are small numbers that every InfiniBox gives out; the name tells whether this is the array that is meant.
        if (const auto name = handle.attribute("Name"); !name.empty() && name != text_at(*row, "name"))
            return error(Errc::conflict,
                         fmt::format("wrong array configured, or a renamed volume: volume {} is called '{}', the "
                                     "PersistentVolume says '{}'",
                                     *id, text_at(*row, "name"), name),
                         "use the secret of the array the StorageClass belongs to");
        return in_step(array(), parse_volume(*row));
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects;
        objects.list = [&](const auto&, const auto&, bool) {
            return each(list(call, "/api/rest/hosts", {{"fields", "id,name,ports,host_cluster_id"}}), parse_host);
        };
        objects.write = [&](const ArrayHost* own, const std::string& name, const Spellings& ports) {
            if (!own)
                return in_step("create it", done(api_.post(call, "/api/rest/hosts", {{"name", name}})));
            return one_by_one(Result<Spellings>(ports), [&](const std::string& port) {
                const Json body = {{"type", is_hex(port) ? "fc" : "iscsi"}, {"address", port}};
                const auto added = api_.post(call, path_of(own->id) + "/ports", body, approved);
                return in_step("add initiator " + port, done(added));
            });
        };
        auto how = settling(call);
        how.rounds = 4; // one to create it, one for its ports, two in doubt
        return ensure_host_object(how, host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 1023; } // what ESXi sees by default; the array's own limit is not published

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        std::set<std::string> holders{host.id};
        std::ranges::copy_if(host.initiator_ids, std::inserter(holders, holders.end()),
                             [](const std::string& id) { return id.starts_with("cluster:"); });
        const auto rows =
            joined(holders, [&](const std::string& holder) { return list(call, path_of(holder) + "/luns"); });
        return in_step("list the LUN numbers of " + host.name, numbers_in(rows, "lun"));
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        const auto [kind, number] = halves(host.id);
        return is_digits(volume.id) && is_digits(number) && (kind == "host" || kind == "cluster");
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        const auto rows = list(call, fmt::format("/api/rest/volumes/{}/luns", rest::percent_encode(volume.id)));
        return each(kept(rows, "volume_id", volume.id), parse_mapping); // a cluster's has a row for every member
    }

    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        Json body = {{"volume_id", std::stoll(volume.id)}};
        if (lun)
            body["lun"] = *lun;
        return then(api_.post(call, path_of(host.id) + "/luns", body, approved), [&](const Json& reply) {
            const auto number = number_in(reply, "result.lun");
            const bool is_proof = number && text_at(reply, "result.volume_id") == volume.id;
            return is_proof ? std::optional(Mapping{host, number}) : std::nullopt;
        });
    }

    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        return done(api_.remove(call, fmt::format("{}/luns/volume_id/{}", path_of(host.id), volume.id), approved));
    }

    Afterwards after_error(const Error& error) const override
    {
        const bool by_another =
            is(error, "infinibox_MAPPING_ALREADY_EXISTS") || is(error, "infinibox_PORT_ALREADY_BELONGS_TO_HOST");
        return by_another ? Afterwards::look_again : Afterwards::give_up;
    }

private:
    Result<std::vector<Json>> list(const Call& call, std::string_view path, rest::Query query = {})
    {
        query.emplace_back("page_size", "1000");
        const auto first = rest::with_query(path, query);
        return rest::all_records(api_, call, first,
                                 [&](const rest::Answer& answer) { return split_page(answer, first); });
    }
};

} // namespace

std::optional<Error> decode_error(const rest::Reply& reply, const Json* json)
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
        return not_a_handle(handle, "InfiniBox (6507$$fc)", "infinibox-csi-driver");
    if (!protocol.empty() && protocol != "fc" && protocol != "iscsi" && protocol != "auto")
        return Error{Errc::unsupported,
                     fmt::format("volume {} is reached by {}, not as a SCSI LUN", handle.handle, protocol),
                     "use a StorageClass with storage_protocol fc or iscsi"};
    return id;
}

Result<Volume> parse_volume(const Json& row)
{
    Volume volume{.id = text_at(row, "id"), .name = text_at(row, "name"), .serial = lower(text_at(row, "serial"))};
    volume.naa = "naa.6" + volume.serial;
    if (volume.serial.size() != serial_length)
        return about(volume, Errc::failed,
                     fmt::format("its serial number '{}' is not one of InfiniBox", volume.serial));
    if (text_at(row, "type") == "SNAPSHOT" || rest::is_true(row, "write_protected"))
        return about(volume, Errc::unsupported, "it is a snapshot or write protected",
                     "use a volume that can be written");
    return proven(volume, rest::number_at(row, "size").value_or(0), {"naa.6742b0f"});
}

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "InfiniBox", "infinibox");
    check.need_account();
    return made<InfiniBox>(wire, check.rules(), decode_error, rest::basic(config.username, config.password), clock);
}

} // namespace xcopy::infinibox
