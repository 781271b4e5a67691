#include "vendors/lists.hpp"
#include "vendors/primera3par/parse.hpp"
#include "vendors/registry.hpp"
#include "vendors/remembered.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

// HPE 3PAR, Primera, Alletra 9000 and Alletra Storage MP B10000 (facts/arrays/primera3par.md).
namespace xcopy::primera3par {

using rest::Json;
using rest::number_at;
using rest::text_at;
using Phase = ArrayCopyState::Phase;

namespace {

bool has_member(const Json& set, const ArrayHost& host)
{
    return std::ranges::count(rest::texts_at(set, "setmembers"), host.name) > 0;
}

class Primera3par final : public CopyingDriver, public LunNumbers {
public:
    using CopyingDriver::CopyingDriver;

    Result<ArrayInfo> info(const Call& call) override
    {
        return then(api_.get(call, "/api/v1/system"), [](const Json& system) {
            return ArrayInfo{"HPE", "Primera/3PAR", text_at(system, "model"), text_at(system, "systemVersion")};
        });
    }

    Result<Volume> find_volume(const Call& call, const VolumeHandle& handle) override
    {
        const auto name = handle.handle.substr(0, 31); // the CSI driver cuts names to what the array takes (facts 4)
        if (!is_plain_name(name, 31))
            return not_a_handle(handle, "HPE 3PAR and its successors", "csi.hpe.com");
        if (const auto protocol = lower(handle.attribute("accessProtocol")); protocol.starts_with("n")) // nvmetcp, nfs
            return Error{Errc::unsupported, fmt::format("volume {} is reached by {}", name, protocol),
                         "use fc or iscsi"};
        const auto record = api_.get(call, "/api/v1/volumes/" + name);
        if (!record && is(record.error(), "primera3par_23"))
            return error(Errc::not_found, "no volume is called " + name,
                         "use the secret of the array that the StorageClass names; Alletra 5000/6000 and Nimble share "
                         "the driver csi.hpe.com and are other arrays");
        const auto volume = then(record, parse_volume);
        return volume && volume->name != name ? answered_another("volume " + name) : volume;
    }

    Result<ArrayHost> ensure_host(const Call& call, const HostIdentity& host) override
    {
        HostObjects objects{.longest_name = 31, .spell = &Initiator::in_capitals};
        objects.list = [&](const Spellings& wanted, const std::string&, bool everyone) {
            std::vector<std::string> paths;
            for (const auto& one : wanted)
                paths.push_back(fmt::format("{}=={}]", is_hex(one) ? "FCPaths[wwn" : "iSCSIPaths[name", one));
            return each(list(call, "hosts", everyone ? "" : join(paths, " OR ")), parse_host);
        };
        objects.write = [&](const ArrayHost* own, const std::string& name, Spellings ids) -> Result<void> {
            if (ids.empty())
                return Error{Errc::conflict, "other hosts have all its initiators", "", "primera3par_73"};
            const bool fc = is_hex(ids.front()); // FC and iSCSI never in one request: code 44
            std::erase_if(ids, [&](const std::string& id) { return is_hex(id) != fc; });
            Json body = own ? Json{{"pathOperation", 1}} : Json{{"name", name}, {"persona", 8}}; // VMware (facts 5.3)
            body[fc ? "FCWWNs" : "iSCSINames"] = ids;
            return done(own ? api_.put(call, "/api/v1/hosts/" + name, body) : api_.post(call, "/api/v1/hosts", body));
        };
        return ensure_host_object(settling(call), host, objects);
    }

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 16383; }

    Result<std::set<int>> used_by(const Call& call, const ArrayHost& host) override
    {
        const auto sets = list(call, "hostsets");
        if (!sets)
            return sets.error();
        std::set<std::string> names{host.name};
        for (const Json& set : *sets)
            if (has_member(set, host))
                names.insert("set:" + text_at(set, "name"));
        const auto rows =
            joined(names, [&](const std::string& name) { return list(call, "vluns", "hostname EQ " + name); });
        return numbers_in(kept(rows, [&](const Json& row) { return names.contains(text_at(row, "hostname")); }), "lun");
    }

    // Physical copies, offline, into the existing volume, which keeps its name and its WWN (facts 7). Never a promote,
    // which writes to the source.
    Result<void> check(const Call& call, const ArrayCopy& copy) override
    {
        return check_unmapped_target(*this, call, copy);
    }

    Result<Volume> find_source(const Call& call, const DiskBacking& backing) override
    {
        const auto hex = hex_in(backing);
        const bool wwn = is_wwn(hex);
        const auto id = wwn ? upper(hex) : backing.kind == DiskBacking::Kind::vvol ? as_uuid(hex) : "";
        const char* field = wwn ? "wwn" : "uuid"; // a vVol is in no list that does not ask for it (facts 4)
        const auto volumes = id.empty() ? Records() : list(call, "volumes", fmt::format("{} EQ {}", field, id));
        const auto found = kept(volumes, [&](const Json& one) { return lower(text_at(one, field)) == lower(id); });
        if (found && found->size() != 1)
            return error(Errc::not_found, fmt::format("it has no volume '{}'", backing.id),
                         "the disk may live on another array");
        return then(found, [](const Records& only) { return parse_volume(only.front()); });
    }

protected:
    bool are_ids(const Volume& volume, const ArrayHost& host) const override
    {
        return is_plain_name(volume.id, 31) && !hostname_of(host.id).empty();
    }

    Result<std::vector<Mapping>> read_mappings(const Call& call, const Volume& volume) override
    {
        return then(exports_of(call, volume), mappings_in);
    }

    // Directly, by a path that is active, or through a host set that has the host as a member.
    Result<std::optional<Mapping>> reaching(const Call& call, const Volume& volume, const ArrayHost& host,
                                            bool in_doubt) override
    {
        const auto rows = exports_of(call, volume, in_doubt);
        if (!rows)
            return rows.error();
        const auto mappings = mappings_in(*rows);
        auto found = mapping_that_reaches(mappings, host);
        for (const Mapping& one : mappings)
            if (!found && one.host.id.starts_with("set:")) {
                const auto path = "/api/v1/hostsets/" + rest::percent_encode(one.host.id.substr(4));
                const auto set = or_none(api_.get(call, path), "primera3par_102");
                if (!set)
                    return set.error();
                if (has_member(*set, host))
                    found = one;
            }
        return found;
    }

    // 3PAR refuses autoLun without a number, Primera a number without autoLun (facts 6.2). A wrong one is code 28.
    Result<std::optional<Mapping>> connect(const Call& call, const Volume& volume, const ArrayHost& host,
                                           std::optional<int> lun) override
    {
        const Json body = {
            {"volumeName", volume.id}, {"lun", lun.value_or(0)}, {"autoLun", true}, {"hostname", hostname_of(host.id)}};
        const auto reply = api_.ask(call, rest::Method::post, "/api/v1/vluns", body);
        if (!reply)
            return reply.error();
        const rest::Reply made{.headers = reply->headers}; // Location: …/volume,number,host; any number
        const auto parts = split(made.header("Location").value_or(""), ',');
        const auto number = parts.size() >= 3 ? to_int(parts[1]) : std::nullopt;
        return number && parts[0].ends_with("/" + volume.id) ? std::optional(Mapping{host, number}) : std::nullopt;
    }

    // The templates of that very host or set. Their active paths go with them.
    Result<void> disconnect(const Call& call, const Volume& volume, const ArrayHost& host) override
    {
        const auto rows = kept(exports_of(call, volume), "hostname", hostname_of(host.id));
        return one_by_one(rows, [&](const Json& row) {
            const auto key = template_in(row);
            return key.empty() ? Result<void>()
                               : done(or_none(api_.remove(call, "/api/v1/vluns/" + key), "primera3par_19"));
        });
    }

    // By its name, or because this process started it.
    Result<std::optional<ArrayCopyRecord>> record_of(const Call& call, const ArrayCopy& copy) override
    {
        const auto started = started_.get(copy.target.id).value_or(-1);
        const auto is_ours = [&](const Json& task) { return is_copy(task, copy) || number_at(task, "id") == started; };
        return then(kept(list(call, "tasks"), is_ours), [&](const Records& tasks) -> std::optional<ArrayCopyRecord> {
            const auto newest =
                std::ranges::max_element(tasks, {}, [](const Json& one) { return number_at(one, "id"); });
            if (newest == tasks.end())
                return std::nullopt;
            auto task = parse_task(*newest);
            std::tie(task.source, task.target) =
                std::tie(copy.source.id, copy.target.id); // or it were not of this copy
            return task;
        });
    }

    Result<std::optional<ArrayCopyState>> begin(const Call& call, const ArrayCopy& copy,
                                                const std::optional<ArrayCopyRecord>&) override
    {
        const Json parameters = {{"destVolume", copy.target.id}, {"saveSnapshot", false}, {"priority", 1}};
        const Json body = {{"action", "createPhysicalCopy"}, {"parameters", parameters}};
        const auto reply = api_.post(call, "/api/v1/volumes/" + rest::percent_encode(copy.source.id), body);
        return then(reply, [&](const Json& made) {
            started_.put(copy.target.id, number_at(made, "taskid").value_or(-1));
            return std::optional(ArrayCopyState{Phase::running});
        });
    }

    bool has_ended(const std::optional<ArrayCopyRecord>& task) const override
    {
        return !task || task->state.phase != Phase::running;
    }

    Result<void> end(const Call& call, const ArrayCopy& copy, const ArrayCopyRecord& task) override
    {
        const Json stop = {{"action", 1}};
        const auto stopped = api_.put(call, "/api/v1/volumes/" + rest::percent_encode(copy.target.id), stop);
        return stopped ? Result<void>() : done(api_.put(call, "/api/v1/tasks/" + task.id, stop));
    }

    Afterwards after_error(const Error& error) const override { return afterwards(error); }

private:
    // A build that refuses the query gives the whole list; what comes back is always compared (facts 5.4, 6.3).
    Result<std::vector<Json>> list(const Call& call, const std::string& kind, const std::string& query = "")
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
            return error(Errc::failed, "half a list of " + kind, "run again");
        return rest::records_at(*reply, "members");
    }

    // `everything`: a query may have shown less than there is. That it shows nothing at all is not believed.
    Result<std::vector<Json>> exports_of(const Call& call, const Volume& volume, bool everything = false)
    {
        const auto filter = everything ? "" : "volumeName EQ " + volume.id;
        auto rows = kept(list(call, "vluns", filter), "volumeName", volume.id);
        if (rows && rows->empty() && !everything)
            return exports_of(call, volume, true);
        const auto with_wwn = kept(rows, [](const Json& row) { return !text_at(row, "volumeWWN").empty(); });
        const auto still = one_by_one(
            with_wwn, [&](const Json& row) { return unless_replaced(volume, row, "volumeWWN", Errc::conflict); });
        return still ? rows : still.error();
    }

    Remembered<std::string, std::int64_t> started_; // target to the task that this process started
};

} // namespace

Result<std::unique_ptr<Array>> make(const ArrayConfig& config, rest::Transport& wire, rest::Clock& clock)
{
    ConfigCheck check(config, "HPE 3PAR/Primera", "primera3par");
    check.need_account();
    auto rules = check.rules(443, 8080); // Primera and later; 3PAR (facts 1)
    if (rules) {
        rules->retry.also = key_in_use;
        rules->max_concurrent = 4;                      // the array serves a session's requests one by one (facts 2)
        rules->max_reply_bytes = std::size_t{64} << 20; // lists have no pages
    }
    const rest::Json account = {{"user", config.username}, {"password", config.password.reveal()}};
    const auto session = rest::key_session({.path = "/api/v1/credentials",
                                            .body = rest::to_text(account),
                                            .key_field = "key",
                                            .header = "X-HP3PAR-WSAPI-SessionKey",
                                            .secrets = {config.password},
                                            .lapsed = has_lapsed});
    return made<Primera3par>(wire, std::move(rules), decode_error, rest::session(session), clock);
}

} // namespace xcopy::primera3par
