#include "agent/agent.hpp"

#include <utility>

namespace xcopy {

namespace {

constexpr int worker_threads = 7; // the five tools of a look at the devices, a rescan, and one to spare

} // namespace

Agent::Agent(const Config& settings, asio::any_io_executor home, const http::Certificates& certificates)
    : config(settings), workers(std::move(home), worker_threads), tools(settings.tools), inventory(workers, tools),
      rescans(workers, tools, counters), jobs(config, workers, tools, inventory, counters),
      attachments(config, workers, tools, inventory, rescans, counters,
                  [this](const std::string& naa) { return jobs.writer_of(naa); }),
      health(config, workers, tools, inventory, jobs, certificates)
{
    jobs.use(attachments);
}

} // namespace xcopy
