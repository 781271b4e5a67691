// What the agent keeps in memory: after its first request with nobody connected, and under load.
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <future>
#include <list>

namespace bench {

namespace {

constexpr int jobs = 8;
constexpr int connections = 16;

struct Resident {
    double agent_kb = 0;
    double supervisors_kb = 0;
    int supervisors = 0;
};

Resident resident(const lab::Lab& lab)
{
    Resident sum;
    const auto processes = lab.call({{"do", "host.processes"}, {"host", "esx1"}}).at("processes");
    for (const auto& process : processes) {
        const auto argv = process.at("argv").get<std::vector<std::string>>();
        if (argv.size() < 2 || !argv[0].ends_with("xcopy-agent"))
            continue;
        if (argv[1] == "serve") {
            sum.agent_kb = process.at("rss_kb");
        } else {
            sum.supervisors_kb += process.at("rss_kb").get<double>();
            ++sum.supervisors;
        }
    }
    if (sum.agent_kb == 0)
        throw std::runtime_error("the host lists no agent");
    return sum;
}

Figure idle(const Build& build)
{
    const OneHost site(build, e2e::mib);
    {
        HostClient once(site.lab, "esx1");
        must(once.host.health({}, xcopy::HealthAge::cached));
    }
    return {"agent_idle_rss_kb", resident(site.lab).agent_kb, "KiB", 8192, "after one health request"};
}

std::vector<Figure> busy(const Build& build)
{
    OneHost site(build, 16 * e2e::mib, {{"max_running", jobs}});
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    std::vector<xcopy::CloneStatus> clones;
    for (int number = 1; number <= jobs; ++number) {
        const auto job = fmt::format("busy-{}", number);
        const auto naa = site.add_target();
        site.attach(naa, job);
        clones.push_back(must(site.client.host.start_clone({}, job, site.order_for(naa))));
    }
    site.lab.wait_held("half", jobs);
    for (auto& clone : clones)
        while (clone.percent < 50)
            clone = must(site.client.host.watch_clone({}, clone.id, clone.revision, std::chrono::seconds(20)));

    // Each has a connection of its own and keeps it; the first one's is among them.
    std::list<HostClient> clients;
    for (int number = 1; number < connections; ++number) {
        clients.emplace_back(site.lab, "esx1");
        must(clients.back().host.health({}, xcopy::HealthAge::cached));
    }
    std::vector<std::future<xcopy::CloneStatus>> watchers;
    for (auto& client : clients)
        watchers.push_back(std::async(std::launch::async, [&client, seen = clones[watchers.size() % jobs]] {
            return must(client.host.watch_clone({}, seen.id, seen.revision, std::chrono::seconds(20)));
        }));
    const auto loaded = resident(site.lab);
    site.lab.release("half");
    for (auto& watcher : watchers)
        watcher.get();
    for (auto& clone : clones)
        site.watch_to_end(std::move(clone));
    if (loaded.supervisors != jobs)
        throw std::runtime_error(fmt::format("{} supervisors for {} jobs", loaded.supervisors, jobs));
    return {
        {"agent_busy_rss_kb", loaded.agent_kb, "KiB", 12288, fmt::format("{} jobs, {} connections", jobs, connections)},
        {"supervisor_rss_kb", loaded.supervisors_kb / jobs, "KiB", {}, "each, mostly pages shared with the agent"}};
}

} // namespace

std::vector<Figure> agent_memory(const Build& build)
{
    auto figures = busy(build);
    figures.insert(figures.begin(), idle(build));
    return figures;
}

} // namespace bench
