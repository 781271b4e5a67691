#include "coordinator/commands/commands.hpp"
#include "coordinator/copy_disk.hpp"
#include "coordinator/kube/claim.hpp"
#include "coordinator/metrics/copy_metrics.hpp"
#include "coordinator/metrics/exposer.hpp"
#include "coordinator/metrics/final_wait.hpp"
#include "coordinator/place_script.hpp"
#include "coordinator/progress.hpp"
#include "coordinator/results.hpp"
#include "coordinator/surroundings.hpp"
#include "coordinator/toolbox.hpp"
#include "coordinator/verdict.hpp"
#include "coordinator/vsphere/consult.hpp"

#include <chrono>
#include <cstdio>
#include <unistd.h>

namespace xcopy {

namespace {

constexpr auto claim_look_up = std::chrono::seconds(5); // a pod has 30 s between SIGTERM and SIGKILL

// Null where nobody asked for metrics.
Result<std::unique_ptr<Exposer>> serve_metrics(const Toolbox& tools, const CopyMetrics& metrics,
                                               std::chrono::steady_clock::time_point begun)
{
    if (!tools.config.metrics)
        return std::unique_ptr<Exposer>();
    auto exposer = Exposer::start({.address = tools.config.metrics->address,
                                   .port = tools.config.metrics->port,
                                   .answers_from = begun + first_answer_after},
                                  [&metrics] { return metrics.text(); });
    if (exposer)
        tools.log->info("metrics are served", {{"job", tools.config.order.job}, {"port", (*exposer)->port()}});
    return exposer;
}

void wait_for_last_scrape(const Toolbox& tools, Exposer& exposer, const CopyReport& report,
                          std::chrono::steady_clock::time_point begun)
{
    const auto served = std::chrono::steady_clock::now() - begun;
    const auto wait = final_wait({.had_earlier_pod = report.had_earlier_run,
                                  .asked = exposer.asked(),
                                  .served = std::chrono::duration_cast<std::chrono::milliseconds>(served)});
    if (wait < last_scrape)
        tools.log->info("an earlier pod of this claim was the one that is scraped",
                        {{"job", report.job}, {"final_wait_ms", wait.count()}});
    if (!exposer.wait_for_scrape(tools.stop, wait))
        tools.log->info("nobody asked for the final metrics", {{"job", report.job}});
}

// Nothing was claimed or changed.
CopyReport not_begun(const CopyOrder& order, const Error& why)
{
    CopyReport report;
    report.outcome = why.code == Errc::cancelled ? Outcome::cancelled : Outcome::refused;
    report.error = why;
    report.job = order.job;
    report.source = order.source;
    return report;
}

// A pod that is ended while its claim lives is made again, and the new one takes the copy up. When the claim is going,
// nobody will.
bool will_be_taken_up(const Toolbox& tools, const Surroundings& around)
{
    const auto& claim = tools.config.kube.claim;
    const auto& job = tools.config.order.job;
    if (!around.cluster || claim.empty())
        return false;
    const auto going =
        kube::is_claim_going(Call{.job = job}.within(claim_look_up), *around.cluster, around.name_space, claim, job);
    if (!going)
        tools.log->warn("not known whether the claim is being deleted", {{"job", job}, {"why", going.error().message}});
    return !going || !*going;
}

// Forklift's test suite looks for these words, and for the cause in quotes: a text with a blank always has them.
void log_for_forklift(Log& log, const CopyReport& report)
{
    log.error("\"copy-offload failed\"", {{"err", fmt::format("{} ({})", report.error->message, name(report.outcome))},
                                          {"xcopyUsed", forklift_says_xcopy(report) ? 1 : 0}});
}

void tell_what_is_left(const CopyReport& report, Log& log)
{
    for (const auto& item : report.left_behind)
        log.error("left behind", {{"job", report.job}, {"what", item}, {"remedy", "xcopy-coordinator sweep"}});
}

void tell_the_end(const CopyReport& report, Log& log)
{
    if (!report.error) {
        log.info("copy succeeded", {{"job", report.job},
                                    {"bytes", report.bytes},
                                    {"clone_method", report.method},
                                    {"why_method", report.why_method},
                                    {"xcopy", name(report.xcopy.use)},
                                    {"xcopyUsed", forklift_says_xcopy(report) ? 1 : 0},
                                    {"wall_ms", report.wall_ms}});
        return tell_what_is_left(report, log);
    }
    log_for_forklift(log, report);
    if (is_left_running(*report.error))
        return log.warn("copy left running",
                        {{"job", report.job}, {"why", report.error->message}, {"remedy", report.error->remedy}});
    log.error("copy did not succeed", {{"job", report.job},
                                       {"result", name(report.outcome)},
                                       {"why", report.error->message},
                                       {"remedy", report.error->remedy}});
    tell_what_is_left(report, log);
}

} // namespace

int populate(Config config, const Signals& signals)
{
    const auto begun = std::chrono::steady_clock::now();
    const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
    auto tools = make_toolbox(std::move(config), signals.stop(), on_terminal);
    auto array = make_array(tools.config.storage, *tools.transport);
    if (!array)
        return complain(array.error(), exit_usage);
    const auto& order = tools.config.order;
    CopyReport report;
    { // a progress bar ends its line before anything else is printed
        auto shown = on_terminal ? terminal_progress(stderr) : logged_progress(*tools.log, order.job);
        CopyMetrics metrics(order, *shown);
        auto exposer = serve_metrics(tools, metrics, begun);
        if (!exposer)
            return complain(exposer.error(), exit_usage);
        tools.log->info("copy begins",
                        {{"job", order.job}, {"source_vmdk", order.source}}); // Forklift's tests read these
        auto around = look_around(tools);
        const auto asked = around ? consult_about_copy(tools) : Result<void>(around.error());
        if (!asked) {
            report = not_begun(order, asked.error());
        } else {
            make_hosts(tools, {.locks = rescan_locks(tools, *around), .ensure_script = script_placement(tools)});
            metrics.order(order);
            if (*exposer)
                if (const auto info = (*array)->info(tools.call()); info)
                    metrics.array(*info);
            report =
                copy_disk(tools.call(), order,
                          {.array = **array,
                           .hosts = tools.hosts,
                           .journal = *around->journal,
                           .log = *tools.log,
                           .observer = metrics,
                           .may_leave = [&] { return signals.is_terminated() && will_be_taken_up(tools, *around); }});
        }
        const bool is_over = !report.error || !is_left_running(*report.error); // else the next pod tells its end
        if (is_over)
            metrics.end(report);
        if (is_over && *exposer)
            wait_for_last_scrape(tools, **exposer, report, begun);
        if (!around) {
            log_for_forklift(*tools.log, report);
            return complain_of_surroundings(around.error());
        }
    }
    tell_the_end(report, *tools.log);
    fmt::print("{}", tools.config.output == Output::json ? copy_json(report) : copy_text(report));
    return exit_code(report);
}

} // namespace xcopy
