#include "coordinator/results.hpp"
#include "coordinator/verdict.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy {

namespace {

using json = nlohmann::ordered_json;

// Texts of hosts and arrays may hold bytes that are no UTF-8.
std::string print(const json& value)
{
    return value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

json error_json(const Error& error)
{
    return {{"code", name(error.code)}, {"message", error.message}, {"remedy", error.remedy}, {"reason", error.reason}};
}

json problem_json(const Problem& problem)
{
    return {{"severity", name(problem.severity)},
            {"code", problem.code},
            {"subject", problem.subject},
            {"message", problem.message},
            {"remedy", problem.remedy}};
}

json clone_json(const CloneStatus& clone, const std::string& host)
{
    json out{{"job", clone.id},
             {"host", host},
             {"state", name(clone.state)},
             {"percent", clone.percent},
             {"queue_position", clone.queue_position},
             {"source", clone.source},
             {"target_naa", clone.target_naa},
             {"bytes", clone.target_size},
             {"xcopy", name(clone.xcopy.use)}};
    if (clone.exit_status)
        out["exit_status"] = *clone.exit_status;
    if (clone.error)
        out["error"] = error_json(*clone.error);
    return out;
}

json host_json(const SurveyedHost& seen)
{
    const auto transport = seen.host->transport();
    json out{{"name", seen.host->name()},
             {"reachable", !seen.unreachable},
             {"transport", name(transport.kind)},
             {"why_transport", transport.why}};
    if (seen.unreachable) {
        out["error"] = error_json(*seen.unreachable);
        return out;
    }
    const auto& health = seen.health;
    out.update({{"uuid", health.host_uuid},
                {"host_name", health.host_name},
                {"product", health.product},
                {"version", health.version},
                {"build", health.build},
                {"agent_version", health.agent_version},
                {"uptime_s", health.uptime_s},
                {"running", health.running},
                {"queued", health.queued},
                {"max_running", health.max_running},
                {"drained_s", health.drained_s}});
    if (health.disk_max_lun)
        out["disk_max_lun"] = *health.disk_max_lun;
    if (health.highest_lun)
        out["highest_lun"] = *health.highest_lun;
    out["datastores"] = json::array();
    for (const auto& datastore : health.datastores)
        out["datastores"].push_back({{"name", datastore.name},
                                     {"uuid", datastore.uuid},
                                     {"type", datastore.type},
                                     {"mounted", datastore.mounted},
                                     {"size_bytes", datastore.size_bytes},
                                     {"free_bytes", datastore.free_bytes},
                                     {"devices", datastore.devices}});
    out["problems"] = json::array();
    for (const auto& problem : health.problems)
        out["problems"].push_back(problem_json(problem));
    return out;
}

} // namespace

std::string copy_json(const CopyReport& report)
{
    const auto sum = std::max<std::int64_t>(0, report.wall_ms - report.copy_ms);
    json out{{"result", name(report.outcome)},
             {"exit_code", static_cast<int>(exit_code(report))},
             {"job", report.job},
             {"source", report.source},
             {"target_naa", report.target_naa},
             {"bytes", report.bytes},
             {"xcopy", name(report.xcopy.use)},
             {"host", report.host},
             {"clone_method", report.method},
             {"why_method", report.why_method},
             {"target_touched", report.target_touched},
             {"copy_ms", report.copy_ms},
             {"overhead_ms", sum},
             {"wall_ms", report.wall_ms},
             {"steps", json::array()},
             {"left_behind", report.left_behind}};
    for (const auto& step : report.steps)
        out["steps"].push_back({{"name", step.name}, {"ms", step.ms}});
    if (report.error)
        out["error"] = error_json(*report.error);
    return print(out);
}

std::string preflight_json(const std::vector<Check>& checks)
{
    json list = json::array();
    for (const auto& check : checks)
        list.push_back({{"check", check.what},
                        {"state", name(check.state)},
                        {"message", check.message},
                        {"remedy", check.remedy}});
    const bool failed = std::ranges::any_of(checks, [](const Check& c) { return c.state == CheckState::fail; });
    return print({{"result", failed ? "fail" : "pass"}, {"checks", list}});
}

std::string hosts_json(const Survey& survey)
{
    json list = json::array();
    for (const auto& seen : survey)
        list.push_back(host_json(seen));
    return print({{"hosts", list}});
}

std::string clones_json(const Survey& survey)
{
    json list = json::array();
    json unreachable = json::array();
    for (const auto& seen : survey) {
        if (seen.unreachable)
            unreachable.push_back({{"name", seen.host->name()}, {"error", error_json(*seen.unreachable)}});
        for (const auto& clone : seen.clones)
            list.push_back(clone_json(clone, seen.host->name()));
    }
    return print({{"clones", list}, {"unreachable", unreachable}});
}

std::string sweep_json(const std::vector<Swept>& swept)
{
    json list = json::array();
    for (const auto& one : swept)
        list.push_back({{"job", one.job},
                        {"target_naa", one.target_naa},
                        {"host", one.host},
                        {"copy", name(one.outcome)},
                        {"put_back", one.left_behind.empty() && one.why_not.empty()},
                        {"left_behind", one.left_behind},
                        {"why_not", one.why_not}});
    return print({{"swept", list}});
}

} // namespace xcopy
