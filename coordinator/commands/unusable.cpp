#include "coordinator/commands/commands.hpp"
#include "coordinator/log.hpp"
#include "coordinator/metrics/copy_metrics.hpp"
#include "coordinator/metrics/exposer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

namespace xcopy {

void tell_forklift(const Config& config, const std::vector<std::string>& problems, const std::stop_token& stop)
{
    constexpr auto first_answer_after = std::chrono::seconds(5); // as in populate
    constexpr auto last_scrape = std::chrono::seconds(10);
    const auto log = stderr_log(Log::Level::info);
    log->error("\"copy-offload failed\"",
               {{"err", fmt::format("settings: {}", fmt::join(problems, "; "))}, {"xcopyUsed", 0}});
    if (!config.metrics)
        return;
    Observer nobody;
    CopyMetrics metrics(config.order, nobody);
    CopyReport report;
    report.outcome = Outcome::refused;
    report.error = Error{Errc::bad_request, "the settings cannot be used"};
    metrics.end(report);
    const auto exposer = Exposer::start({.address = config.metrics->address,
                                         .port = config.metrics->port,
                                         .answers_from = std::chrono::steady_clock::now() + first_answer_after},
                                        [&metrics] { return metrics.text(); });
    if (exposer)
        (*exposer)->wait_for_scrape(stop, last_scrape);
}

} // namespace xcopy
