#include "protocol/json.hpp"

#include "protocol/json_fields.hpp"

namespace xcopy {

namespace json {

// An unknown name comes from a newer peer: the reader keeps its default.
template <class Enum> Enum among(std::string_view text, Enum otherwise, Enum last)
{
    for (int i = 0; i <= static_cast<int>(last); ++i)
        if (name(static_cast<Enum>(i)) == text)
            return static_cast<Enum>(i);
    return otherwise;
}

template <> struct Names<Severity> {
    static Severity read(std::string_view text, Severity before) { return among(text, before, Severity::error); }
};

template <> struct Names<XcopyUse> {
    static XcopyUse read(std::string_view text, XcopyUse before) { return among(text, before, XcopyUse::full); }
};

template <> struct Names<CloneState> {
    // A state we do not know must never read as finished.
    static CloneState read(std::string_view text, CloneState)
    {
        return among(text, CloneState::running, CloneState::indeterminate);
    }
};

template <> struct Names<RescanKind> {
    // The one enumeration that asks for an action: guessing is not allowed.
    static RescanKind read(std::string_view text, RescanKind)
    {
        if (text != name(RescanKind::add) && text != name(RescanKind::remove))
            throw BadMessage("a rescan kind is 'add' or 'delete'");
        return text == name(RescanKind::add) ? RescanKind::add : RescanKind::remove;
    }
};

template <> struct Names<Errc> {
    static Errc read(std::string_view text, Errc) { return errc_from(text); }
};

} // namespace json

using json::field;
using json::required;

template <class Archive> void serialize(Archive& a, VersionRange& m)
{
    field(a, "min", m.min);
    field(a, "max", m.max);
}

template <class Archive> void serialize(Archive& a, Error& m)
{
    field(a, "code", m.code);
    field(a, "message", m.message);
    field(a, "remedy", m.remedy);
    field(a, "reason", m.reason);
}

template <class Archive> void serialize(Archive& a, Problem& m)
{
    field(a, "severity", m.severity);
    field(a, "code", m.code);
    field(a, "subject", m.subject);
    field(a, "message", m.message);
    field(a, "remedy", m.remedy);
}

template <class Archive> void serialize(Archive& a, Adapter& m)
{
    field(a, "name", m.name);
    field(a, "driver", m.driver);
    field(a, "link_state", m.link_state);
    field(a, "uid", m.uid);
    field(a, "description", m.description);
}

template <class Archive> void serialize(Archive& a, Datastore& m)
{
    field(a, "name", m.name);
    field(a, "uuid", m.uuid);
    field(a, "type", m.type);
    field(a, "mount_point", m.mount_point);
    field(a, "mounted", m.mounted);
    field(a, "size_bytes", m.size_bytes);
    field(a, "free_bytes", m.free_bytes);
    field(a, "devices", m.devices);
}

template <class Archive> void serialize(Archive& a, DevicePath& m)
{
    field(a, "runtime_name", m.runtime_name);
    field(a, "adapter", m.adapter);
    field(a, "state", m.state);
    field(a, "transport", m.transport);
    field(a, "lun", m.lun);
}

template <class Archive> void serialize(Archive& a, VaaiStatus& m)
{
    field(a, "plugin", m.plugin);
    field(a, "ats", m.ats);
    field(a, "clone", m.clone);
    field(a, "zero", m.zero);
    field(a, "reclaim", m.reclaim);
}

template <class Archive> void serialize(Archive& a, Device& m)
{
    field(a, "name", m.name);
    field(a, "size_bytes", m.size_bytes);
    field(a, "status", m.status);
    field(a, "vendor", m.vendor);
    field(a, "model", m.model);
    field(a, "is_local", m.is_local);
    field(a, "is_boot", m.is_boot);
    field(a, "is_detached", m.is_detached);
    field(a, "lun", m.lun);
    field(a, "used_by", m.used_by);
    field(a, "paths", m.paths);
    field(a, "vaai", m.vaai);
}

template <class Archive> void serialize(Archive& a, Source& m)
{
    required(a, "path", m.path);
    field(a, "datastore", m.datastore);
    field(a, "devices", m.devices);
    required(a, "size_bytes", m.size_bytes);
    field(a, "create_type", m.create_type);
}

template <class Archive> void serialize(Archive& a, AttachRequest& m)
{
    required(a, "job", m.job);
    required(a, "expected_size", m.expected_size);
    field(a, "adapters", m.adapters);
    field(a, "wait_s", m.wait_s);
    field(a, "lun", m.lun);
}

template <class Archive> void serialize(Archive& a, DetachRequest& m)
{
    required(a, "job", m.job);
}

template <class Archive> void serialize(Archive& a, RescanRequest& m)
{
    required(a, "kind", m.kind);
    field(a, "adapters", m.adapters);
}

template <class Archive> void serialize(Archive& a, RescanReply& m)
{
    field(a, "adapters", m.adapters);
    field(a, "coalesced", m.coalesced);
}

template <class Archive> void serialize(Archive& a, CloneRequest& m)
{
    required(a, "source", m.source);
    required(a, "target_naa", m.target_naa);
    required(a, "target_size", m.target_size);
    field(a, "time_limit_s", m.time_limit_s);
    field(a, "orphan_ttl_s", m.orphan_ttl_s);
}

template <class Archive> void serialize(Archive& a, XcopyVerdict& m)
{
    field(a, "use", m.use);
    field(a, "clone_write_ops", m.clone_write_ops);
    field(a, "clone_read_ops", m.clone_read_ops);
    field(a, "failed_clone_ops", m.failed_clone_ops);
    field(a, "bytes_by_array", m.bytes_by_array);
    field(a, "bytes_by_host", m.bytes_by_host);
}

template <class Archive> void serialize(Archive& a, CloneStatus& m)
{
    required(a, "id", m.id);
    required(a, "revision", m.revision);
    required(a, "state", m.state);
    field(a, "percent", m.percent);
    field(a, "queue_position", m.queue_position);
    field(a, "source", m.source);
    field(a, "target_naa", m.target_naa);
    field(a, "target_size", m.target_size);
    field(a, "source_size", m.source_size);
    field(a, "ordered_ms", m.ordered_ms);
    field(a, "started_ms", m.started_ms);
    field(a, "ended_ms", m.ended_ms);
    field(a, "exit_status", m.exit_status);
    field(a, "xcopy", m.xcopy);
    field(a, "error", m.error);
}

template <class Archive> void serialize(Archive& a, CloneList& m)
{
    required(a, "clones", m.clones);
}

template <class Archive> void serialize(Archive& a, DrainRequest& m)
{
    required(a, "on", m.on);
    field(a, "seconds", m.seconds);
    field(a, "finish_queue", m.finish_queue);
}

template <class Archive> void serialize(Archive& a, DrainStatus& m)
{
    required(a, "drained_s", m.drained_s);
    required(a, "running", m.running);
    required(a, "queued", m.queued);
}

template <class Archive> void serialize(Archive& a, AdapterList& m)
{
    required(a, "adapters", m.adapters);
}

template <class Archive> void serialize(Archive& a, DatastoreList& m)
{
    required(a, "datastores", m.datastores);
}

template <class Archive> void serialize(Archive& a, MemoryGroup& m)
{
    field(a, "path", m.path);
    field(a, "max_mb", m.max_mb);
    field(a, "used_mb", m.used_mb);
}

template <class Archive> void serialize(Archive& a, VaaiSettings& m)
{
    field(a, "hardware_accelerated_move", m.hardware_accelerated_move);
    field(a, "hardware_accelerated_init", m.hardware_accelerated_init);
    field(a, "max_hw_transfer_kb", m.max_hw_transfer_kb);
}

template <class Archive> void serialize(Archive& a, SelftestResult& m)
{
    required(a, "name", m.name);
    required(a, "passed", m.passed);
    field(a, "warning", m.warning);
    field(a, "detail", m.detail);
    field(a, "remedy", m.remedy);
    field(a, "took_us", m.took_us);
}

template <class Archive> void serialize(Archive& a, Selftest& m)
{
    field(a, "ran_ms", m.ran_ms);
    field(a, "agent_version", m.agent_version);
    field(a, "passed", m.passed);
    required(a, "tests", m.tests);
}

template <class Archive> void serialize(Archive& a, Health& m)
{
    required(a, "protocol", m.protocol);
    field(a, "agent_version", m.agent_version);
    field(a, "host_uuid", m.host_uuid);
    field(a, "host_name", m.host_name);
    field(a, "product", m.product);
    field(a, "version", m.version);
    field(a, "build", m.build);
    field(a, "uptime_s", m.uptime_s);
    field(a, "agent_uptime_s", m.agent_uptime_s);
    field(a, "clock_ms", m.clock_ms);
    field(a, "disk_max_lun", m.disk_max_lun);
    field(a, "highest_lun", m.highest_lun);
    field(a, "vaai", m.vaai);
    field(a, "adapters", m.adapters);
    field(a, "datastores", m.datastores);
    field(a, "memory", m.memory);
    field(a, "running", m.running);
    field(a, "queued", m.queued);
    field(a, "max_running", m.max_running);
    field(a, "drained_s", m.drained_s);
    field(a, "selftest", m.selftest);
    field(a, "problems", m.problems);
}

template <class Archive> void serialize(Archive& a, ScriptVersion& m)
{
    required(a, "script_version", m.script_version);
    required(a, "protocol", m.protocol);
    field(a, "sha256", m.sha256);
}

template <class Archive> void serialize(Archive& a, ErrorReply& m)
{
    field(a, "code", m.code);
    field(a, "message", m.message);
    field(a, "remedy", m.remedy);
    field(a, "reason", m.reason);
}

template <class Message> std::string encode(const Message& message)
{
    return json::write(message);
}

template <class Message> Result<Message> decode(std::string_view text)
{
    return json::read<Message>(text);
}

#define XCOPY_MESSAGE(Type)                                                                                            \
    template std::string encode(const Type&);                                                                          \
    template Result<Type> decode(std::string_view);

XCOPY_MESSAGE(ErrorReply)
XCOPY_MESSAGE(Device)
XCOPY_MESSAGE(Source)
XCOPY_MESSAGE(AttachRequest)
XCOPY_MESSAGE(DetachRequest)
XCOPY_MESSAGE(RescanRequest)
XCOPY_MESSAGE(RescanReply)
XCOPY_MESSAGE(CloneRequest)
XCOPY_MESSAGE(CloneStatus)
XCOPY_MESSAGE(CloneList)
XCOPY_MESSAGE(DrainRequest)
XCOPY_MESSAGE(DrainStatus)
XCOPY_MESSAGE(AdapterList)
XCOPY_MESSAGE(DatastoreList)
XCOPY_MESSAGE(Health)
XCOPY_MESSAGE(Selftest)
XCOPY_MESSAGE(ScriptVersion)

} // namespace xcopy
