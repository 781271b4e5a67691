#include "coordinator/journal.hpp"

#include "protocol/json_fields.hpp"

#include <algorithm>
#include <array>

namespace xcopy {

std::string_view name(Outcome value)
{
    constexpr std::array<std::string_view, 6> names{"unknown", "succeeded", "failed",
                                                    "refused", "cancelled", "indeterminate"};
    return names[static_cast<std::size_t>(value)];
}

namespace json {

template <> struct Names<Outcome> {
    static Outcome read(std::string_view text, Outcome)
    {
        for (int i = 0; i <= static_cast<int>(Outcome::indeterminate); ++i)
            if (name(static_cast<Outcome>(i)) == text)
                return static_cast<Outcome>(i);
        throw BadMessage("the outcome is not one this version knows"); // never guess whether a copy succeeded
    }
};

template <> struct Names<HostTransport::Kind> {
    static HostTransport::Kind read(std::string_view text, HostTransport::Kind)
    {
        for (auto kind : {HostTransport::Kind::agent, HostTransport::Kind::ssh})
            if (name(kind) == text)
                return kind;
        throw BadMessage("the transport is not one this version knows"); // another one knows nothing of the clone
    }
};

} // namespace json

namespace {

XcopyUse xcopy_use_from(std::string_view text)
{
    for (auto use : {XcopyUse::none, XcopyUse::partial, XcopyUse::full})
        if (name(use) == text)
            return use;
    return XcopyUse::unknown;
}

} // namespace

using json::field;
using json::required;

template <class Archive> void serialize(Archive& a, Volume& m)
{
    field(a, "id", m.id);
    field(a, "name", m.name);
    field(a, "naa", m.naa);
    field(a, "serial", m.serial);
    field(a, "size_bytes", m.size_bytes);
}

template <class Archive> void serialize(Archive& a, ArrayHost& m)
{
    field(a, "id", m.id);
    field(a, "name", m.name);
    field(a, "initiator_ids", m.initiator_ids);
}

template <class Archive> void serialize(Archive& a, Mapping& m)
{
    required(a, "host", m.host);
    field(a, "lun", m.lun);
}

template <class Archive> void serialize(Archive& a, HostTransport& m)
{
    required(a, "kind", m.kind);
    field(a, "why", m.why);
    field(a, "host_key", m.host_key);
    field(a, "datastore", m.datastore);
}

template <class Archive> void serialize(Archive& a, CopyRecord& m)
{
    required(a, "job", m.job);
    field(a, "begun_ms", m.begun_ms);
    field(a, "changed_ms", m.changed_ms);
    required(a, "vendor", m.vendor);
    required(a, "array", m.array);
    required(a, "volume", m.volume);
    required(a, "source", m.source);
    required(a, "source_path", m.source_path);
    field(a, "time_limit_s", m.time_limit_s);
    field(a, "orphan_ttl_s", m.orphan_ttl_s);
    required(a, "host", m.host);
    field(a, "host_uuid", m.host_uuid);
    field(a, "transport", m.transport); // missing: written when there were only agents
    field(a, "adapters", m.adapters);
    required(a, "array_host", m.array_host);
    field(a, "lun", m.lun);
    required(a, "mappings_before", m.mappings_before);
    required(a, "mapping_intended", m.mapping_intended);
    required(a, "attach_intended", m.attach_intended);
    required(a, "clone_ordered", m.clone_ordered);
    field(a, "source_volume", m.source_volume);
    field(a, "array_copy_ordered", m.array_copy_ordered);
    required(a, "outcome", m.outcome);
    field(a, "outcome_message", m.outcome_message);
    std::string use(name(m.xcopy.use));
    field(a, "xcopy_use", use);
    m.xcopy.use = xcopy_use_from(use);
    field(a, "copy_ms", m.copy_ms);
}

std::string encode(const CopyRecord& record)
{
    CopyRecord bounded = record;
    bounded.outcome_message.resize(std::min(bounded.outcome_message.size(), max_text_bytes)); // must stay readable
    return json::write(bounded);
}

Result<CopyRecord> decode_record(std::string_view text)
{
    auto record = json::read<CopyRecord>(text);
    if (record && (record->volume.id.empty() || record->volume.naa.empty() || record->volume.size_bytes == 0))
        return Error{Errc::bad_request, "the record does not say which volume it is about"};
    return record;
}

bool mapping_is_ours(const CopyRecord& record)
{
    return record.mapping_intended && !mapping_that_reaches(record.mappings_before, record.array_host);
}

bool has_something_to_undo(const CopyRecord& record)
{
    return record.mapping_intended || record.attach_intended || record.clone_ordered || record.array_copy_ordered;
}

Result<void> check_same_copy(const CopyRecord& record, const std::string& vendor, const std::string& array,
                             const std::string& source, const std::string& migration_host)
{
    const auto differs = [&](std::string_view what, std::string_view before, std::string_view now) {
        return Error{
            Errc::conflict,
            fmt::format("job {} was begun with {} '{}' and is now asked for with '{}'", record.job, what, before, now),
            "run it again as it was begun, or undo it with: xcopy-coordinator sweep", "other_copy"};
    };
    if (!has_something_to_undo(record))
        return {};
    if (record.vendor != vendor)
        return differs("array vendor", record.vendor, vendor);
    if (record.array != array)
        return differs("array", record.array, array);
    if (record.source != source)
        return differs("source", record.source, source);
    if (!migration_host.empty() && !record.is_on_array() && record.host != migration_host)
        return differs("host", record.host, migration_host);
    return {};
}

} // namespace xcopy
