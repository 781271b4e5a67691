// Physical copies, offline, into the existing volume, which keeps its name and its WWN (facts 7). Never a promote, which
// writes to the source.
#include "vendors/primera3par/primera3par.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/settle.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::primera3par {

using rest::Json;
using rest::number_at;
using Phase = ArrayCopyState::Phase;

Result<Volume> Primera3par::find_source(const Call& call, const DiskBacking& backing)
{
    auto id = hex_in(backing);
    const bool uuid = !is_wwn(id) && id.size() == 32 && backing.kind == DiskBacking::Kind::vvol;
    for (const int dash : {20, 16, 12, 8})
        if (uuid)
            id.insert(static_cast<std::size_t>(dash), "-");
    const Error missing{Errc::not_found, fmt::format("{} has no volume '{}'", api_.rules().array, backing.id),
                        "the disk may live on another array"};
    if (!uuid && !is_wwn(id))
        return missing;
    const char* field = uuid ? "uuid" : "wwn"; // a vVol is in no list that does not ask for it (facts 4)
    auto volumes = list(call, "volumes", fmt::format("{} EQ {}", field, uuid ? id : upper(id)));
    if (!volumes)
        return volumes.error();
    std::erase_if(*volumes, [&](const Json& one) { return lower(rest::text_at(one, field)) != id; });
    return volumes->size() == 1 ? parse_volume(volumes->front()) : missing;
}

// The newest task of this copy: by its name, or because this process started it.
Result<std::optional<Json>> Primera3par::task_of(const Call& call, const ArrayCopy& copy)
{
    const auto tasks = list(call, "tasks");
    if (!tasks)
        return tasks.error();
    const std::lock_guard lock(mutex_);
    const auto started = started_.find(copy.target.id);
    std::optional<Json> newest;
    for (const Json& task : *tasks)
        if (is_copy(task, copy) || (started != started_.end() && number_at(task, "id") == started->second))
            if (!newest || *number_at(task, "id") > *number_at(*newest, "id"))
                newest = task;
    return newest;
}

Result<ArrayCopyState> Primera3par::start(const Call& call, const ArrayCopy& copy)
{
    std::optional<std::int64_t> before; // the newest task when we came: only a later one can be this copy's
    const auto look = [&]() -> Result<std::optional<ArrayCopyState>> {
        const auto task = task_of(call, copy);
        if (!task)
            return task.error();
        const auto id = *task ? *number_at(**task, "id") : -1;
        const bool later = id > before.value_or(id);
        before = before.value_or(id);
        if (*task && (later || state_of(**task).phase == Phase::running))
            return std::optional(state_of(**task));
        return std::optional<ArrayCopyState>();
    };
    const auto change = [&]() -> Result<std::optional<ArrayCopyState>> {
        if (auto checked = check(call, copy); !checked)
            return checked.error();
        const Json parameters = {{"destVolume", copy.target.id}, {"saveSnapshot", false}, {"priority", 1}};
        const Json body = {{"action", "createPhysicalCopy"}, {"parameters", parameters}};
        const auto reply = api_.post(call, "/api/v1/volumes/" + rest::percent_encode(copy.source.id), body);
        if (!reply)
            return reply.error();
        const std::lock_guard lock(mutex_);
        started_[copy.target.id] = number_at(*reply, "taskid").value_or(-1);
        return std::optional(ArrayCopyState{Phase::running});
    };
    auto started = settle<ArrayCopyState>(settling(call, api_.clock(), done_already), look, change);
    return started ? started : started.error().in(fmt::format("copy {} to {}", copy.source.name, copy.target.name));
}

Result<ArrayCopyState> Primera3par::look(const Call& call, const ArrayCopy& copy)
{
    const auto task = task_of(call, copy);
    return !task ? Result<ArrayCopyState>(task.error()) : *task ? state_of(**task) : ArrayCopyState{};
}

Result<void> Primera3par::cancel(const Call& call, const ArrayCopy& copy)
{
    const auto stopped = [&]() -> Result<std::optional<Json>> {
        const auto task = task_of(call, copy);
        if (!task)
            return task.error();
        if (!*task || state_of(**task).phase != Phase::running)
            return std::optional(Json(true));
        if (!api_.put(call, "/api/v1/volumes/" + rest::percent_encode(copy.target.id),
                      {{"action", 1}})) // stop the copy
            if (auto ended = api_.put(call, "/api/v1/tasks/" + rest::text_at(**task, "id"), {{"action", 1}}); !ended)
                return ended.error();
        return std::optional<Json>();
    };
    const auto done = rest::poll(call.within(std::chrono::minutes(2)), api_.clock(), {}, stopped);
    return done ? Result<void>() : done.error().in(fmt::format("stop the copy to {}", copy.target.name));
}

} // namespace xcopy::primera3par
