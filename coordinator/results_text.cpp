#include "coordinator/results.hpp"
#include "coordinator/table.hpp"
#include "coordinator/verdict.hpp"

#include <fmt/format.h>

namespace xcopy {

namespace {

std::string remedy_line(const std::string& remedy)
{
    return remedy.empty() ? std::string() : "    remedy: " + remedy + '\n';
}

std::string left_behind_text(const std::vector<std::string>& left)
{
    if (left.empty())
        return {};
    std::string out = "Left behind (the journal knows; undo with: xcopy-coordinator sweep):\n";
    for (const auto& item : left)
        out += "  - " + item + '\n';
    return out;
}

std::string xcopy_sentence(XcopyUse use)
{
    switch (use) {
    case XcopyUse::full:
        return "the array did all of the copying";
    case XcopyUse::partial:
        return "the array did a part of the copying, the host the rest";
    case XcopyUse::none:
        return "the host did the copying, not the array";
    case XcopyUse::unknown:
        return "whether the array did the copying is not known";
    }
    return {};
}

std::string number(std::optional<int> value)
{
    return value ? std::to_string(*value) : "?";
}

std::string marked(CheckState state)
{
    switch (state) {
    case CheckState::pass:
        return "pass";
    case CheckState::warn:
        return "WARN";
    case CheckState::fail:
        return "FAIL";
    }
    return {};
}

} // namespace

std::string copy_text(const CopyReport& report)
{
    std::string out;
    if (report.outcome == Outcome::succeeded) {
        const auto where = report.host.empty()      ? "inside the array"
                           : report.method == "ssh" ? fmt::format("on {} over SSH", report.host)
                                                    : "on " + report.host;
        out = fmt::format("Copied {} to {} {} in {} ({}).\n", bytes_text(report.bytes), report.target_naa, where,
                          seconds_text(report.wall_ms / 1000), xcopy_sentence(report.xcopy.use));
        if (report.method == "ssh" && !report.why_method.empty())
            out += fmt::format("Over SSH: {}.\n", report.why_method);
        if (report.left_behind.empty())
            out += "Everything is back as it was found.\n";
        return out + left_behind_text(report.left_behind);
    }
    out = fmt::format("Job {} {}: {}\n", report.job, name(report.outcome),
                      report.error ? report.error->message : "no reason is known");
    if (report.error)
        out += remedy_line(report.error->remedy);
    if (!report.target_touched)
        out += "This run wrote nothing to the target.\n";
    else if (!report.error || report.error->reason != xcopy_not_used_reason)
        out += "The target's content is undefined: the copy was begun and did not finish.\n";
    if (report.left_behind.empty() && report.outcome != Outcome::refused)
        out += "Everything else is back as it was found.\n";
    return out + left_behind_text(report.left_behind);
}

std::string preflight_text(const std::vector<Check>& checks)
{
    std::vector<Row> rows;
    std::string remedies;
    for (const auto& check : checks) {
        rows.push_back({marked(check.state), check.what, check.message});
        if (check.state != CheckState::pass && !check.remedy.empty())
            remedies += fmt::format("  {}: {}\n", check.what, check.remedy);
    }
    return table({"", "CHECK", "FOUND"}, rows) + (remedies.empty() ? "" : "\nRemedies:\n" + remedies);
}

std::string hosts_text(const Survey& survey)
{
    std::vector<Row> rows;
    std::string problems;
    for (const auto& seen : survey) {
        const auto& name_of_host = seen.host->name();
        if (seen.unreachable) {
            rows.push_back({name_of_host, "unreachable"});
            problems += fmt::format("  {}: error: {}\n{}", name_of_host, seen.unreachable->message,
                                    remedy_line(seen.unreachable->remedy));
            continue;
        }
        const auto& health = seen.health;
        if (const auto transport = seen.host->transport(); transport.kind == HostTransport::Kind::ssh)
            problems += fmt::format("  {}: reached over SSH: {}\n", name_of_host, transport.why);
        std::string datastores;
        for (const auto& datastore : health.datastores)
            if (datastore.mounted)
                datastores += (datastores.empty() ? "" : ", ") + datastore.name;
        rows.push_back({name_of_host, health.problems.empty() ? "healthy" : "see below", health.version,
                        health.agent_version, fmt::format("{}/{}", health.running, health.max_running),
                        std::to_string(health.queued),
                        fmt::format("{} of {}", number(health.highest_lun), number(health.disk_max_lun)), datastores});
        for (const auto& problem : health.problems)
            problems +=
                fmt::format("  {}: {}: {}{}\n{}", name_of_host, name(problem.severity), problem.message,
                            problem.subject.empty() ? "" : " (" + problem.subject + ")", remedy_line(problem.remedy));
    }
    return table({"HOST", "STATE", "ESXI", "AGENT", "RUNNING", "QUEUED", "LUN", "DATASTORES"}, rows) +
           (problems.empty() ? "" : "\nProblems:\n" + problems);
}

std::string clones_text(const Survey& survey)
{
    std::vector<Row> rows;
    std::string unreachable;
    for (const auto& seen : survey) {
        if (seen.unreachable)
            unreachable += fmt::format("  {}: {}\n{}", seen.host->name(), seen.unreachable->message,
                                       remedy_line(seen.unreachable->remedy));
        for (const auto& clone : seen.clones)
            rows.push_back({clone.id, seen.host->name(),
                            clone.queue_position > 0 ? fmt::format("queued ({})", clone.queue_position)
                                                     : std::string(name(clone.state)),
                            fmt::format("{}%", clone.percent), bytes_text(clone.target_size),
                            std::string(name(clone.xcopy.use)), clone.target_naa, clone.source});
    }
    const std::string list = rows.empty()
                                 ? "No clones.\n"
                                 : table({"JOB", "HOST", "STATE", "DONE", "SIZE", "XCOPY", "TARGET", "SOURCE"}, rows);
    return list + (unreachable.empty() ? "" : "\nNot asked, because unreachable:\n" + unreachable);
}

std::string sweep_text(const std::vector<Swept>& swept)
{
    if (swept.empty())
        return "Nothing was left behind.\n";
    std::string out;
    for (const auto& one : swept) {
        if (!one.why_not.empty())
            out += fmt::format("{}: not touched: {}\n", one.job, one.why_not);
        else
            out += fmt::format("{}: {}; the copy to {} {}\n", one.job,
                               one.left_behind.empty() ? "put back" : "not all could be put back", one.target_naa,
                               one.outcome == Outcome::succeeded ? "had succeeded: every byte is on the target"
                                                                 : "did not finish: its content is undefined");
        for (const auto& item : one.left_behind)
            out += "  - " + item + '\n';
    }
    return out;
}

} // namespace xcopy
