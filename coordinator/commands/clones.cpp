// clones list, watch and cancel: the clones on the hosts, whoever ordered them.
#include "coordinator/commands/commands.hpp"
#include "coordinator/patience.hpp"
#include "coordinator/progress.hpp"
#include "coordinator/results.hpp"
#include "coordinator/toolbox.hpp"
#include "coordinator/verdict.hpp"
#include "coordinator/vsphere/consult.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace xcopy {

namespace {

Result<Host*> host_with(const Survey& survey, const std::string& job)
{
    std::string unreachable;
    for (const auto& seen : survey) {
        if (std::ranges::any_of(seen.clones, [&](const CloneStatus& c) { return c.id == job; }))
            return seen.host;
        if (seen.unreachable)
            unreachable += "; not asked: " + seen.unreachable->message;
    }
    return Error{Errc::not_found, fmt::format("no host knows a clone of job {}{}", job, unreachable),
                 "see what there is with: xcopy-coordinator clones list"};
}

// It was there a moment ago.
Error forgotten(const std::string& job)
{
    return {Errc::not_found, fmt::format("the clone of job {} has ended, and whoever ordered it has forgotten it", job),
            "how it ended stands in the result of the coordinator that ordered it"};
}

int print_clone(const Toolbox& tools, Host& host, const CloneStatus& status)
{
    const Survey one{{.host = &host, .unreachable = {}, .health = {}, .clones = {status}}};
    fmt::print("{}", tools.config.output == Output::json ? clones_json(one) : clones_text(one));
    if (status.state == CloneState::cancelled)
        return exit_cancelled;
    return status.state == CloneState::succeeded && status.exit_status == 0 ? exit_success : exit_failed;
}

} // namespace

int list_clones(Config config, const std::stop_token& stop)
{
    auto tools = make_toolbox(std::move(config), stop, true);
    if (auto asked = consult_about_hosts(tools); !asked)
        return complain(asked.error(), exit_failed);
    make_hosts(tools);
    const auto seen = survey(tools.call(), tools.hosts, tools.config.order.limits);
    fmt::print("{}", tools.config.output == Output::json ? clones_json(seen) : clones_text(seen));
    const bool all_answer = std::ranges::none_of(seen, [](const SurveyedHost& h) { return h.unreachable.has_value(); });
    return all_answer ? exit_success : exit_failed;
}

int watch_clone(Config config, const std::stop_token& stop, const std::string& job)
{
    const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
    auto tools = make_toolbox(std::move(config), stop, on_terminal);
    if (auto asked = consult_about_hosts(tools); !asked)
        return complain(asked.error(), exit_failed);
    make_hosts(tools);
    const auto& limits = tools.config.order.limits;
    auto host = host_with(survey(tools.call(), tools.hosts, limits), job);
    if (!host)
        return complain(host.error(), exit_failed);

    auto observer = on_terminal ? terminal_progress(stderr) : logged_progress(*tools.log, job);
    std::uint64_t revision = 0;
    for (;;) {
        auto status = until_heard(tools.call(), limits, *tools.log,
                                  [&] { return (*host)->watch_clone(tools.call(), job, revision, limits.watch); });
        if (!status && stop.stop_requested()) // only the watching ends, the clone goes on
            return exit_cancelled;
        if (!status)
            return complain(is_absent_there(status.error()) ? forgotten(job) : status.error(), exit_failed);
        revision = status->revision;
        observer->progress({.host = (*host)->name(),
                            .percent = status->percent,
                            .bytes = status->target_size,
                            .queue_position = status->queue_position,
                            .xcopy = status->xcopy.use});
        if (is_final(status->state)) {
            observer.reset();
            return print_clone(tools, **host, *status);
        }
    }
}

int cancel_clone(Config config, const std::stop_token& stop, const std::string& job)
{
    auto tools = make_toolbox(std::move(config), stop, true);
    if (auto asked = consult_about_hosts(tools); !asked)
        return complain(asked.error(), exit_failed);
    make_hosts(tools);
    auto host = host_with(survey(tools.call(), tools.hosts, tools.config.order.limits), job);
    if (!host)
        return complain(host.error(), exit_failed);
    auto status = (*host)->cancel_clone(tools.call(), job);
    if (!status && is_absent_there(status.error())) {
        tools.log->info("clone forgotten", {{"job", job}, {"why", forgotten(job).message}});
        fmt::print("{}", tools.config.output == Output::json ? clones_json({}) : clones_text({}));
        return exit_success;
    }
    if (!status)
        return complain(status.error(), exit_failed);
    print_clone(tools, **host, *status);
    return is_final(status->state) ? exit_success : exit_failed;
}

} // namespace xcopy
