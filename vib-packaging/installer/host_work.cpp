#include "vib-packaging/installer/host_work.hpp"

#include <fmt/format.h>

namespace xcopy::installer {

namespace {

HostReport begin(const SshSession& session)
{
    HostReport report;
    report.host = session.host().name;
    return report;
}

void add(HostReport& report, const Plan& plan)
{
    report.findings.insert(report.findings.end(), plan.findings.begin(), plan.findings.end());
}

Result<void> refused(const Plan& plan)
{
    for (const auto& one : plan.findings)
        if (one.severity == Severity::error)
            return Error{Errc::denied, one.message, one.remedy, one.code};
    return {};
}

void show(HostReport& report, const Plan& plan)
{
    for (const auto& step : plan.steps)
        report.steps.push_back({step, false});
}

} // namespace

Result<HostFacts> HostWork::look(const char* when)
{
    progress_(when);
    auto facts = inspect(call_, session_, job_.wanted.port);
    if (facts)
        facts_ = *facts;
    return facts;
}

HostReport HostWork::finish(HostReport report, const Result<void>& done)
{
    if (!done)
        end_drain();
    report.host_key = session_.host_key();
    bool changed = false;
    for (const auto& one : report.steps)
        changed |= one.done && changes_host(one.step.act);
    report.outcome = !done          ? Outcome::failed
                     : job_.dry_run ? Outcome::planned
                     : changed      ? Outcome::changed
                                    : Outcome::unchanged;
    if (!done)
        report.error = done.error();
    if (report.error && report.error->code == Errc::indeterminate)
        report.error->remedy =
            "the command may have taken effect: run this again, it looks at the host first and goes on "
            "from there";
    return report;
}

Result<void> HostWork::carry_out(HostReport& report, const Plan& plan)
{
    for (const auto& step : plan.steps) {
        progress_(step.detail.empty() ? std::string(name(step.act))
                                      : fmt::format("{} ({})", name(step.act), step.detail));
        if (auto done = perform(step, report); !done)
            return done.error().in(name(step.act));
        report.steps.push_back({step, true});
    }
    return {};
}

HostReport HostWork::install()
{
    auto report = begin(session_);
    auto facts = look("look at the host");
    if (!facts)
        return finish(std::move(report), facts.error());
    report.before = report.after = *facts;
    const auto software = plan_software(*facts, job_.wanted);
    add(report, software);
    if (auto no = refused(software); !no)
        return finish(std::move(report), no);
    if (job_.dry_run) {
        show(report, software);
        const auto settings = plan_settings(after_software(*facts, job_.wanted), job_.wanted);
        show(report, settings);
        add(report, settings);
        return finish(std::move(report), {});
    }
    if (auto done = carry_out(report, software); !done)
        return finish(std::move(report), done);
    if (!software.steps.empty()) {
        facts = look("look at the host again");
        if (!facts)
            return finish(std::move(report), facts.error());
        if (facts->installed != job_.wanted.version)
            return finish(std::move(report),
                          Error{Errc::failed, "install VIB: esxcli says it is done, but the host does not list it",
                                "restart the host, and run this again", "not_installed"});
        report.after = *facts;
    }
    const auto settings = plan_settings(*facts, job_.wanted);
    add(report, settings);
    auto done = carry_out(report, settings);
    if (done && settings.changes())
        if (auto last = look("look at the host a last time"))
            report.after = *last;
    return finish(std::move(report), done);
}

HostReport HostWork::remove()
{
    for_good_ = true;
    auto report = begin(session_);
    auto facts = look("look at the host");
    if (!facts)
        return finish(std::move(report), facts.error());
    report.before = report.after = *facts;
    const auto plan = plan_removal(*facts, job_.wanted);
    add(report, plan);
    if (auto no = refused(plan); !no)
        return finish(std::move(report), no);
    if (job_.dry_run) {
        show(report, plan);
        return finish(std::move(report), {});
    }
    auto done = carry_out(report, plan);
    if (done && !plan.steps.empty())
        done = verify_gone(report);
    return finish(std::move(report), done);
}

Result<void> HostWork::verify_gone(HostReport& report)
{
    auto facts = look("look at the host a last time");
    if (!facts)
        return facts.error();
    report.after = *facts;
    std::string left;
    const auto add_left = [&](bool is_left, std::string_view what) {
        if (is_left)
            left.append(left.empty() ? "" : ", ").append(what);
    };
    add_left(!facts->installed.empty(), "the VIB");
    add_left(facts->running, "the process");
    add_left(facts->ruleset.has_value(), "the firewall ruleset");
    add_left(facts->has_group, "the memory group");
    for (const auto& file : facts->files)
        add_left(true, file);
    if (left.empty())
        return {};
    return Error{Errc::failed, fmt::format("left on the host: {}", left),
                 "run this again; what stays then goes with a restart of the host", "left_behind"};
}

HostReport HostWork::status()
{
    auto report = begin(session_);
    auto facts = look("look at the host");
    if (!facts)
        return finish(std::move(report), facts.error());
    report.before = report.after = *facts;
    if (facts->installed.empty())
        return finish(std::move(report), Error{Errc::not_found, "the agent is not installed",
                                               "vib-installer install puts it there", "not_installed"});
    if (!facts->running)
        return finish(std::move(report), Error{Errc::unavailable, "the agent does not run",
                                               "/etc/init.d/xcopy-agent start on the host", "not_running"});
    if (facts->enrolment.state != "enrolled")
        return finish(std::move(report),
                      Error{Errc::denied,
                            fmt::format("the agent is not enrolled{}{}", facts->enrolment.problem.empty() ? "" : ": ",
                                        facts->enrolment.problem),
                            "vib-installer install enrols it", "not_enrolled"});
    return finish(std::move(report), job_.wanted.prove ? health(report) : Result<void>());
}

} // namespace xcopy::installer
