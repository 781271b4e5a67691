#include "agent/esxi/job_json.hpp"

#include "protocol/json_fields.hpp"

#include <array>

namespace xcopy {

using json::field;
using json::required;

namespace {

// Enumerations travel as their names; a state nobody here knows must not read as finished.
CloneState clone_state(std::string_view text)
{
    using enum CloneState;
    for (CloneState state : {queued, running, cancelling, succeeded, failed, cancelled, indeterminate})
        if (name(state) == text)
            return state;
    return running;
}

XcopyUse xcopy_use(std::string_view text)
{
    using enum XcopyUse;
    for (XcopyUse use : {unknown, none, partial, full})
        if (name(use) == text)
            return use;
    return unknown;
}

} // namespace

template <class Archive> void serialize(Archive& a, JobOrder& m)
{
    required(a, "id", m.id);
    required(a, "source", m.request.source);
    required(a, "target_naa", m.request.target_naa);
    required(a, "target_size", m.request.target_size);
    field(a, "time_limit_s", m.request.time_limit_s);
    field(a, "orphan_ttl_s", m.request.orphan_ttl_s);
    required(a, "source_path", m.source_path);
    field(a, "source_device", m.source_device);
    field(a, "source_size", m.source_size);
    required(a, "pointer_path", m.pointer_path);
    required(a, "mapping_path", m.mapping_path);
    field(a, "ordered_ms", m.ordered_ms);
    field(a, "boot_ms", m.boot_ms);
}

// Error and JobStatus hold types whose JSON form belongs to protocol/json.cpp, so they are spelled out here.
struct ErrorFields {
    std::string code;
    std::string message;
    std::string remedy;
    std::string reason;
};

// A reader refuses texts above max_text_bytes; a long message must not make a verdict unreadable.
ErrorFields fields_of(const Error& error)
{
    const auto bounded = [](const std::string& text) { return text.substr(0, max_text_bytes); };
    return {std::string(name(error.code)), bounded(error.message), bounded(error.remedy), bounded(error.reason)};
}

Error error_of(const ErrorFields& fields)
{
    return {errc_from(fields.code), fields.message, fields.remedy, fields.reason};
}

template <class Archive> void serialize(Archive& a, ErrorFields& m)
{
    required(a, "code", m.code);
    field(a, "message", m.message);
    field(a, "remedy", m.remedy);
    field(a, "reason", m.reason);
}

struct StatusFields {
    std::string state;
    std::string xcopy;
    std::optional<ErrorFields> error;
    JobStatus rest;
};

template <class Archive> void serialize(Archive& a, StatusFields& m)
{
    required(a, "state", m.state);
    field(a, "percent", m.rest.percent);
    field(a, "started_ms", m.rest.started_ms);
    field(a, "ended_ms", m.rest.ended_ms);
    field(a, "supervisor_pid", m.rest.supervisor_pid);
    field(a, "writer_pid", m.rest.writer_pid);
    field(a, "exit_status", m.rest.exit_status);
    field(a, "exit_signal", m.rest.exit_signal);
    field(a, "last_line", m.rest.last_line);
    field(a, "xcopy", m.xcopy);
    field(a, "clone_write_ops", m.rest.xcopy.clone_write_ops);
    field(a, "clone_read_ops", m.rest.xcopy.clone_read_ops);
    field(a, "failed_clone_ops", m.rest.xcopy.failed_clone_ops);
    field(a, "bytes_by_array", m.rest.xcopy.bytes_by_array);
    field(a, "bytes_by_host", m.rest.xcopy.bytes_by_host);
    field(a, "error", m.error);
}

std::string to_json(const JobOrder& order)
{
    return json::write(order);
}

std::string to_json(const JobStatus& status)
{
    StatusFields fields{.state = std::string(name(status.state)),
                        .xcopy = std::string(name(status.xcopy.use)),
                        .error = std::nullopt,
                        .rest = status};
    if (status.error)
        fields.error = fields_of(*status.error);
    return json::write(fields);
}

std::string to_json(const Error& cancel_reason)
{
    return json::write(fields_of(cancel_reason));
}

Result<JobOrder> order_from_json(std::string_view text)
{
    return json::read<JobOrder>(text);
}

Result<JobStatus> status_from_json(std::string_view text)
{
    auto fields = json::read<StatusFields>(text);
    if (!fields)
        return fields.error();
    JobStatus status = std::move(fields->rest);
    status.state = clone_state(fields->state);
    status.xcopy.use = xcopy_use(fields->xcopy);
    if (fields->error)
        status.error = error_of(*fields->error);
    return status;
}

std::optional<Error> cancel_from_json(std::string_view text)
{
    auto fields = json::read<ErrorFields>(text);
    if (!fields)
        return std::nullopt;
    return error_of(*fields);
}

} // namespace xcopy
