// Physical copies, offline, into the existing volume: it keeps its name and its WWN (facts 7). Never a promote: that
// writes to the source.
#include "vendors/error_table.hpp"
#include "vendors/primera3par/primera3par.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xcopy::primera3par {

using rest::Json;
using Phase = ArrayCopyState::Phase;

namespace {

std::int64_t id_of(const std::optional<Json>& task)
{
    return task ? rest::number_at(*task, "id").value_or(-1) : -1;
}

} // namespace

Result<Volume> Primera3par::find_source(const Call& call, const DiskBacking& backing)
{
    const auto id = id_in(backing);
    const bool uuid = is_uuid(id);
    const Error missing{Errc::not_found, fmt::format("{} has no volume '{}'", api_.rules().array, backing.id),
                        "the disk may live on another array: use the array's secret whose volume it is"};
    if (id.empty())
        return missing;
    auto volumes = list(call, volumes_, uuid ? "uuid EQ " + id : "wwn EQ " + upper(id));
    if (!volumes)
        return volumes.error().in("find the source volume");
    std::erase_if(*volumes,
                  [&](const Json& volume) { return lower(rest::text_at(volume, uuid ? "uuid" : "wwn")) != id; });
    return volumes->size() == 1 ? parse_volume(volumes->front()) : missing;
}

Result<void> Primera3par::check(const Call& call, const ArrayCopy& copy)
{
    const auto refuse = [&](std::string_view why, std::string_view remedy, std::string_view reason) {
        return Error{Errc::unsupported,
                     fmt::format("{}: copy {} to {}: {}", api_.rules().array, copy.source.name, copy.target.name, why),
                     std::string(remedy), std::string(reason)};
    };
    if (!is_name(copy.source.id) || !is_name(copy.target.id) || copy.source.id == copy.target.id ||
        copy.source.naa == copy.target.naa)
        return refuse("that is not one volume and another", "choose another volume as target", "same_volume");
    if (copy.source.size_bytes > copy.target.size_bytes)
        return refuse("the target is smaller", "make the PersistentVolume as large as the disk", "target_too_small");
    const auto mappings = mappings_of(call, copy.target);
    if (!mappings)
        return mappings.error();
    if (!mappings->empty())
        return refuse(
            fmt::format("the target is exported to {} and the array copies only onto a volume that nobody sees",
                        mappings->front().host.name),
            "stop the pod that uses the PersistentVolume, or have the disk copied through a host", "target_exported");
    return {};
}

std::optional<std::int64_t> Primera3par::remembered(const ArrayCopy& copy)
{
    const std::lock_guard lock(mutex_);
    const auto task = started_.find(copy.source.id + "->" + copy.target.id);
    return task == started_.end() ? std::nullopt : std::optional(task->second);
}

void Primera3par::remember(const ArrayCopy& copy, std::optional<std::int64_t> task)
{
    const std::lock_guard lock(mutex_);
    started_.erase(copy.source.id + "->" + copy.target.id);
    if (task)
        started_.emplace(copy.source.id + "->" + copy.target.id, *task);
}

// The task that this process started; else, or when `newest` is asked for, the newest of this source and target.
Result<std::optional<Json>> Primera3par::task_of(const Call& call, const ArrayCopy& copy, bool newest)
{
    if (const auto id = remembered(copy); id && !newest) {
        auto task = api_.get(call, fmt::format("{}/{}", tasks_.path, *id));
        if (!task && !is(task.error(), "primera3par_145"))
            return task.error();
        return task && id_of(*task) == *id ? std::optional(std::move(*task)) : std::nullopt;
    }
    const auto tasks = list(call, tasks_);
    if (!tasks)
        return tasks.error();
    std::optional<Json> found;
    for (const Json& task : *tasks)
        if (is_copy(task, copy) && id_of(task) > id_of(found))
            found = task;
    return found;
}

Result<ArrayCopyState> Primera3par::start(const Call& call, const ArrayCopy& copy)
{
    std::optional<std::int64_t> before; // the newest task when we came: only a later one can be ours
    const auto look = [&]() -> Result<std::optional<ArrayCopyState>> {
        const auto task = task_of(call, copy, before.has_value());
        if (!task)
            return task.error();
        const bool ours = *task && (state_of(**task).phase == Phase::running || (before && id_of(*task) > *before));
        before = before.value_or(id_of(*task));
        if (!ours)
            return std::optional<ArrayCopyState>();
        remember(copy, id_of(*task));
        return std::optional(state_of(**task));
    };
    const auto change = [&]() -> Result<std::optional<ArrayCopyState>> {
        if (auto checked = check(call, copy); !checked)
            return checked.error();
        const auto reply =
            api_.post(call, fmt::format("{}/{}", volumes_.path, copy.source.id),
                      {{"action", "createPhysicalCopy"},
                       {"parameters", {{"destVolume", copy.target.id}, {"saveSnapshot", false}, {"priority", 1}}}});
        if (!reply)
            return reply.error();
        const auto task = rest::number_at(*reply, "taskid");
        remember(copy, task);
        return task ? std::optional(ArrayCopyState{Phase::running}) : std::nullopt;
    };
    auto started = settle<ArrayCopyState>(settling(call), look, change);
    return started ? started : started.error().in(fmt::format("copy {} to {}", copy.source.name, copy.target.name));
}

Result<ArrayCopyState> Primera3par::look(const Call& call, const ArrayCopy& copy)
{
    const auto task = task_of(call, copy, false);
    if (!task)
        return task.error();
    return *task ? state_of(**task) : ArrayCopyState{};
}

Result<void> Primera3par::cancel(const Call& call, const ArrayCopy& copy)
{
    std::int64_t id = -1;
    const auto look = [&]() -> Result<std::optional<bool>> {
        const auto task = task_of(call, copy, false);
        if (!task)
            return task.error();
        id = id_of(*task);
        return *task && state_of(**task).phase == Phase::running ? std::nullopt : std::optional(true);
    };
    const auto change = [&]() -> Result<void> {
        const Json stop = {{"action", 1}};
        const auto stopped = api_.put(call, fmt::format("{}/{}", volumes_.path, copy.target.id), stop);
        if (!stopped)
            if (const auto ended = api_.put(call, fmt::format("{}/{}", tasks_.path, id), stop); !ended)
                return ended.error();
        return api_.clock().wait(call, std::chrono::seconds(1));
    };
    auto how = settling(call);
    how.rounds = 10;
    const auto done = settle<bool>(how, look, change);
    return done ? Result<void>() : done.error().in(fmt::format("stop the copy to {}", copy.target.name));
}

Result<void> Primera3par::forget(const Call&, const ArrayCopy& copy)
{
    remember(copy, std::nullopt); // the array drops the record of the task by itself
    return {};
}

} // namespace xcopy::primera3par
