#include "coordinator/commands/commands.hpp"
#include "coordinator/copy_disk.hpp"
#include "coordinator/metrics/copy_metrics.hpp"
#include "coordinator/metrics/exposer.hpp"
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

// Forklift looks every 5 s, learns the result from one more look, and must not be answered before it has seen the pod run
// (facts/forklift-contract.md 2.3).
constexpr auto last_scrape = std::chrono::seconds(10);
constexpr auto first_answer_after = std::chrono::seconds(5);

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

bool did_xcopy(const CopyReport& report)
{
    return report.xcopy.use == XcopyUse::full || report.xcopy.use == XcopyUse::partial;
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

// Forklift's test suite looks for these words, and for the cause in quotes: a text with a blank always has them.
void log_for_forklift(Log& log, const CopyReport& report)
{
    log.error("\"copy-offload failed\"", {{"err", fmt::format("{} ({})", report.error->message, name(report.outcome))},
                                          {"xcopyUsed", did_xcopy(report) ? 1 : 0}});
}

} // namespace

int populate(Config config, const std::stop_token& stop)
{
    const auto begun = std::chrono::steady_clock::now();
    const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
    auto tools = make_toolbox(std::move(config), stop, on_terminal);
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
            report = copy_disk(tools.call(), order,
                               {.array = **array,
                                .hosts = tools.hosts,
                                .journal = *around->journal,
                                .log = *tools.log,
                                .observer = metrics});
        }
        metrics.end(report);
        if (*exposer && !(*exposer)->wait_for_scrape({}, last_scrape))
            tools.log->info("nobody asked for the final metrics", {{"job", order.job}});
        if (!around) {
            log_for_forklift(*tools.log, report);
            return complain_of_surroundings(around.error());
        }
    }
    if (report.error)
        log_for_forklift(*tools.log, report);
    if (report.error)
        tools.log->error("copy did not succeed", {{"job", report.job},
                                                  {"result", name(report.outcome)},
                                                  {"why", report.error->message},
                                                  {"remedy", report.error->remedy}});
    else
        tools.log->info("copy succeeded", {{"job", report.job},
                                           {"bytes", report.bytes},
                                           {"clone_method", report.method},
                                           {"why_method", report.why_method},
                                           {"xcopy", name(report.xcopy.use)},
                                           {"xcopyUsed", did_xcopy(report) ? 1 : 0},
                                           {"wall_ms", report.wall_ms}});
    for (const auto& item : report.left_behind)
        tools.log->error("left behind", {{"job", report.job}, {"what", item}, {"remedy", "xcopy-coordinator sweep"}});
    fmt::print("{}", tools.config.output == Output::json ? copy_json(report) : copy_text(report));
    return exit_code(report);
}

} // namespace xcopy
