// Physical copies and their tasks.
#include "tests/lab/arrays/primera3par/primera3par.hpp"

#include <algorithm>
#include <chrono>

namespace lab::primera3par {

using nlohmann::json;

namespace {

constexpr int steps = 160;

} // namespace

bool Primera3par::is_target(const std::string& volume) const
{
    return std::ranges::any_of(tasks_, [&](const Task& task) { return task.status == 2 && task.target == volume; });
}

Response Primera3par::start_copy(StoredVolume& source, const json& parameters)
{
    const auto* target = inventory_.volume_named(parameters.value("destVolume", ""));
    if (parameters.contains("destCPG") || parameters.value("online", false))
        throw Refusal{400, 44, "this simulator copies offline, onto a volume that exists"};
    if (!target)
        throw Refusal{404, 23, "destination volume does not exist"};
    if (target->id == source.id)
        throw Refusal{403, 153, "copy to itself"};
    if (is_target(target->id))
        throw Refusal{409, 154, "physical copy in progress"};
    if (std::ranges::any_of(inventory_.maps, [&](const StoredMap& map) { return map.volume == target->id; }))
        throw Refusal{403, switches_.get<int>("exported_copy_code"), "destination is exported"};
    if (source.size > target->size)
        throw Refusal{409, 155, "parent is larger than the destination"};
    auto name = source.name + "->" + target->name;
    if (switches_.get<std::string>("task_names") == "cut")
        name.resize(std::min(name.size(), source.name.size() + 14));
    tasks_.push_back(
        {next_task_++, source.id, target->id, name, 2, clock_.now(), ByteCopy(source.file, target->file, source.size)});
    return json_response(201, {{"taskid", tasks_.back().id}});
}

void Primera3par::advance()
{
    const double whole = switches_.get<double>("copy_seconds");
    for (auto& task : tasks_) {
        if (task.status != 2)
            continue;
        const double passed = std::chrono::duration<double>(clock_.now() - task.begun).count();
        int percent = passed >= whole ? 100 : static_cast<int>(100 * passed / whole);
        const bool fails = switches_.on("copy_fails") && percent >= 50;
        task.bytes.bring_to(fails ? 50 : percent);
        task.status = fails ? 4 : percent == 100 ? 1 : 2;
    }
}

void Primera3par::stop_copy(const std::string& target)
{
    const auto task =
        std::ranges::find_if(tasks_, [&](const Task& one) { return one.status == 2 && one.target == target; });
    if (task == tasks_.end())
        throw Refusal{400, 156, "no physical copy is in progress"};
    task->status = 3;
}

json Primera3par::task_record(const Task& task) const
{
    json record = {{"id", task.id},
                   {"type", 1},
                   {"name", task.name},
                   {"status", task.status},
                   {"completedPhases", task.status == 1 ? 1 : 0},
                   {"totalPhases", 1},
                   {"completedSteps", task.bytes.percent() * steps / 100},
                   {"totalSteps", steps},
                   {"startTime", "2026-01-10 10:00:00 UTC"},
                   {"finishTime", task.status == 2 ? "-" : "2026-01-10 10:10:00 UTC"},
                   {"user", user_}};
    if (task.status == 4)
        record["detailedStatus"] = "error: could not read from the parent volume";
    return record;
}

Response Primera3par::tasks(const Request& request, const Path& path)
{
    if (path.size() == 1 && request.method == "GET") {
        json all = json::array({{{"id", 17}, {"type", 15}, {"name", "check_slow_disk"}, {"status", 1}}});
        for (const auto& task : tasks_)
            all.push_back(task_record(task));
        return listed(request, all, "");
    }
    const auto task = std::ranges::find_if(
        tasks_, [&](const Task& one) { return path.size() == 2 && std::to_string(one.id) == path[1]; });
    if (task == tasks_.end())
        throw Refusal{404, 145, "task does not exist"};
    if (request.method == "GET")
        return json_response(200, task_record(*task));
    if (request.method != "PUT" || body_of(request, {{"action", "number!"}})["action"] != 1)
        throw Refusal{400, 46, "no such action"};
    if (task->status != 2)
        throw Refusal{400, 157, "task is not active"};
    task->status = 3;
    return json_response(200, nullptr);
}

} // namespace lab::primera3par
