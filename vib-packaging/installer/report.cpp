#include "vib-packaging/installer/report.hpp"

#include "coordinator/table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy::installer {

namespace {

using json = nlohmann::ordered_json;

json error_json(const Error& error)
{
    return {{"code", xcopy::name(error.code)},
            {"message", error.message},
            {"remedy", error.remedy},
            {"reason", error.reason}};
}

json facts_json(const HostFacts& facts)
{
    json out{{"esxi", facts.version},
             {"build", facts.build},
             {"uuid", facts.uuid},
             {"name", facts.name},
             {"acceptance", facts.acceptance},
             {"installed", facts.installed},
             {"running", facts.running},
             {"enrolment", facts.enrolment.state},
             {"days_left", facts.enrolment.days_left}};
    if (facts.secure_boot)
        out["secure_boot"] = *facts.secure_boot;
    if (facts.ruleset)
        out["allowed"] = facts.ruleset->allowed_all ? json("all") : json(facts.ruleset->allowed);
    return out;
}

json host_json(const HostReport& report)
{
    json steps = json::array();
    for (const auto& one : report.steps)
        steps.push_back({{"step", name(one.step.act)},
                         {"detail", one.step.detail},
                         {"done", one.done},
                         {"change", changes_host(one.step.act)}});
    json findings = json::array();
    for (const auto& one : report.findings)
        findings.push_back({{"severity", xcopy::name(one.severity)},
                            {"code", one.code},
                            {"subject", one.subject},
                            {"message", one.message},
                            {"remedy", one.remedy}});
    json out{{"host", report.host},
             {"outcome", name(report.outcome)},
             {"before", facts_json(report.before)},
             {"after", facts_json(report.after)},
             {"agent_version", report.agent_version},
             {"steps", steps},
             {"findings", findings}};
    if (report.host_key)
        out["host_key"] = {{"type", report.host_key->type},
                           {"fingerprint", report.host_key->fingerprint},
                           {"new", report.host_key->is_new}};
    if (report.error)
        out["error"] = error_json(*report.error);
    return out;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string out;
    for (const auto& word : words)
        out.append(out.empty() ? "" : ",").append(word);
    return out;
}

// What people should read beside the table: problems with remedies, once each.
std::string remarks(const std::vector<HostReport>& reports)
{
    std::string out;
    for (const auto& report : reports) {
        for (const auto& one : report.findings)
            if (one.severity != Severity::error)
                out += fmt::format("{}: {}: {}\n    remedy: {}\n", report.host, xcopy::name(one.severity), one.message,
                                   one.remedy);
        if (report.host_key && report.host_key->is_new)
            out += fmt::format("{}: new SSH host key accepted: {} ({})\n", report.host, report.host_key->fingerprint,
                               report.host_key->type);
        if (report.error)
            out += fmt::format("{}: FAILED: {}\n    remedy: {}\n", report.host, report.error->message,
                               report.error->remedy.empty() ? "none known" : report.error->remedy);
    }
    return out;
}

} // namespace

std::string_view name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::unchanged:
        return "unchanged";
    case Outcome::changed:
        return "changed";
    case Outcome::planned:
        return "planned";
    case Outcome::failed:
        break;
    }
    return "failed";
}

std::string one_line(const HostReport& report)
{
    return report.error ? fmt::format("FAILED: {}", report.error->message) : std::string(name(report.outcome));
}

int failed_hosts(const std::vector<HostReport>& reports)
{
    return static_cast<int>(
        std::ranges::count_if(reports, [](const auto& one) { return one.outcome == Outcome::failed; }));
}

std::string text_report(const std::vector<HostReport>& reports)
{
    std::vector<Row> rows;
    for (const auto& report : reports) {
        std::string steps;
        for (const auto& one : report.steps)
            if (changes_host(one.step.act))
                steps.append(steps.empty() ? "" : ", ")
                    .append(name(one.step.act))
                    .append(one.step.detail.empty() ? "" : " " + one.step.detail);
        rows.push_back(
            {report.host, std::string(name(report.outcome)), report.after.version, report.after.installed, steps});
    }
    return table({"HOST", "OUTCOME", "ESXI", "AGENT", "CHANGES"}, rows) + remarks(reports) +
           fmt::format("{} hosts, {} failed\n", reports.size(), failed_hosts(reports));
}

std::string status_text(const std::vector<HostReport>& reports)
{
    std::vector<Row> rows;
    for (const auto& report : reports) {
        const auto& now = report.after;
        rows.push_back(
            {report.host, report.error ? "not healthy" : "healthy", now.version, now.installed,
             now.running ? "yes" : "no",
             now.enrolment.state == "enrolled" ? fmt::format("{} days", now.enrolment.days_left) : now.enrolment.state,
             !now.ruleset               ? ""
             : now.ruleset->allowed_all ? "all"
                                        : joined(now.ruleset->allowed)});
    }
    return table({"HOST", "STATE", "ESXI", "AGENT", "RUNS", "CERTIFICATE", "ALLOWED"}, rows) + remarks(reports);
}

std::string json_report(const std::vector<HostReport>& reports)
{
    json hosts = json::array();
    for (const auto& report : reports)
        hosts.push_back(host_json(report));
    const json all{{"failed", failed_hosts(reports)}, {"hosts", hosts}};
    return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace xcopy::installer
