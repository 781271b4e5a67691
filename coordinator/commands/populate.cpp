#include "coordinator/commands/commands.hpp"
#include "coordinator/copy_disk.hpp"
#include "coordinator/progress.hpp"
#include "coordinator/results.hpp"
#include "coordinator/surroundings.hpp"
#include "coordinator/toolbox.hpp"
#include "coordinator/verdict.hpp"

#include <cstdio>
#include <unistd.h>

namespace xcopy {

int populate(Config config, const std::stop_token& stop)
{
    const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
    auto tools = make_toolbox(std::move(config), stop, on_terminal);
    auto array = make_array(tools.config.storage, *tools.transport);
    if (!array)
        return complain(array.error(), exit_usage);
    auto around = look_around(tools);
    if (!around)
        return complain_of_surroundings(around.error());

    const auto& order = tools.config.order;
    CopyReport report;
    { // a progress bar ends its line before anything else is printed
        auto observer = on_terminal ? terminal_progress(stderr) : logged_progress(*tools.log, order.job);
        report = copy_disk(tools.call(), order,
                           {.array = **array,
                            .hosts = tools.hosts,
                            .journal = *around->journal,
                            .log = *tools.log,
                            .observer = *observer});
    }
    if (report.error)
        tools.log->error("copy did not succeed", {{"job", report.job},
                                                  {"result", name(report.outcome)},
                                                  {"why", report.error->message},
                                                  {"remedy", report.error->remedy}});
    else
        tools.log->info("copy succeeded", {{"job", report.job},
                                           {"bytes", report.bytes},
                                           {"xcopy", name(report.xcopy.use)},
                                           {"wall_ms", report.wall_ms}});
    for (const auto& item : report.left_behind)
        tools.log->error("left behind", {{"job", report.job}, {"what", item}, {"remedy", "xcopy-coordinator sweep"}});
    fmt::print("{}", tools.config.output == Output::json ? copy_json(report) : copy_text(report));
    return exit_code(report);
}

} // namespace xcopy
