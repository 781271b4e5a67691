#include "vib-packaging/installer/fleet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace xcopy::installer {

namespace {

HostReport work_on_one(const Call& call, Command command, const HostLogin& host, const Job& job, HostKeys& keys,
                       const SshLimits& limits, const Progress& progress)
{
    if (call.stop.stop_requested()) {
        HostReport report;
        report.host = host.address.name;
        report.outcome = Outcome::failed;
        report.error = Error{Errc::cancelled, "not begun", "run this again", "not_begun"};
        return report;
    }
    SshSession session(host.address, host.login, keys, limits);
    HostWork work(call, job, session, progress);
    switch (command) {
    case Command::install:
        return work.install();
    case Command::remove:
        return work.remove();
    case Command::status:
        break;
    }
    return work.status();
}

} // namespace

std::vector<HostReport> work_on(const Call& call, Command command, const std::vector<HostLogin>& hosts, const Job& job,
                                HostKeys& keys, const FleetOptions& options, Watcher& watcher)
{
    std::vector<HostReport> reports(hosts.size());
    std::atomic<std::size_t> next{0};
    std::mutex watching;
    const auto worker = [&] {
        for (std::size_t i = next++; i < hosts.size(); i = next++) {
            reports[i] = work_on_one(call, command, hosts[i], job, keys, options.ssh, [&](const std::string& what) {
                const std::lock_guard lock(watching);
                watcher.at(hosts[i].address.name, what);
            });
            const std::lock_guard lock(watching);
            watcher.ended(reports[i]);
        }
    };
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < std::min(std::max<std::size_t>(options.at_once, 1), hosts.size()); ++i)
        workers.emplace_back(worker);
    workers.clear();
    return reports;
}

} // namespace xcopy::installer
