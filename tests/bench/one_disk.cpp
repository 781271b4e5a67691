// One disk after the other, each by a coordinator of its own, while nothing takes time but our programs.
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <map>

namespace bench {

namespace {

constexpr int disks = 20;

struct Seen {
    int array_requests = 0;
    double vmkfstools_ms = 0;
    std::map<std::string, int> tools; // by name
};

Seen events_since(const e2e::Site& site, std::uint64_t start)
{
    Seen seen;
    std::int64_t copying_since = 0;
    for (const auto& event : site.list({{"do", "events"}, {"after", start}}, "events")) {
        const auto where = event.at("where").get<std::string>();
        const auto what = event.at("what").get<std::string>();
        const bool before = event.at("when") == "before";
        if (where.starts_with("array:"))
            seen.array_requests += before ? 1 : 0;
        else if (before && !what.starts_with("rescan "))
            ++seen.tools[what.substr(0, what.find(' '))];
        if (!what.starts_with("vmkfstools -i "))
            continue;
        if (before)
            copying_since = event.at("us");
        else
            seen.vmkfstools_ms = static_cast<double>(event.at("us").get<std::int64_t>() - copying_since) / 1000;
    }
    return seen;
}

// Requests that agents answered so far, from their metrics.
int agent_requests(const lab::Lab& lab)
{
    int sum = 0;
    for (const auto& [name, host] : lab.ready().at("hosts").items()) {
        const auto transport = xcopy::rest::curl_transport();
        const xcopy::rest::Tls tls{.ca_file = lab.ca(),
                                   .client_cert_file = lab.operator_cert(),
                                   .client_key_file = lab.operator_key(),
                                   .expected_uri_san = "xcopy://host/" + lab.host_uuid(name),
                                   .tls13_only = true};
        const auto reply = must(transport->send({}, {.url = lab.agent_url(name) + xcopy::routes::metrics}, tls));
        std::istringstream lines(reply.body);
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("xcopy_agent_requests_total{") && line.find("metrics") == std::string::npos)
                sum += std::stoi(line.substr(line.rfind(' ') + 1));
    }
    return sum;
}

} // namespace

std::vector<Figure> one_disk(const Build& build)
{
    e2e::Site site(nlohmann::json::object(), build.programs);
    std::vector<double> overheads;
    std::vector<double> requests;
    std::vector<double> asked_agents;
    std::vector<double> memory;
    std::map<std::string, int> tools;
    for (int number = 0; number < disks; ++number) {
        const auto disk = site.make_disk(fmt::format("vm{}/d.vmdk", number), e2e::mib);
        const auto target = site.make_target(e2e::mib);
        const auto start = site.last_event();
        const auto asked_before = agent_requests(site.lab);
        const auto run = site.prepare_populate(disk, target);
        const auto begun = std::chrono::steady_clock::now();
        const auto ended = run->wait();
        const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begun;
        if (ended.exit != 0)
            throw std::runtime_error("populate failed: " + ended.out + ended.err);
        const auto seen = events_since(site, start);
        overheads.push_back(wall.count() - seen.vmkfstools_ms);
        requests.push_back(seen.array_requests);
        asked_agents.push_back(agent_requests(site.lab) - asked_before);
        memory.push_back(static_cast<double>(ended.peak_rss_kb));
        tools = seen.tools;
    }
    std::string tool_list;
    for (const auto& [tool, count] : tools)
        tool_list += fmt::format("{}{} {}", tool_list.empty() ? "" : ", ", count, tool);
    int tool_runs = 0;
    for (const auto& [tool, count] : tools)
        tool_runs += count;
    return {
        {"overhead_per_disk_ms", median(overheads), "ms", 300,
         fmt::format("median of {}; worst {:.0f}; process start to end without vmkfstools", disks, worst(overheads))},
        {"array_requests_per_disk", worst(requests), "", {}, "most of any disk"},
        {"agent_requests_per_disk", worst(asked_agents), "", {}, "most of any disk; two hosts are asked"},
        {"host_tools_per_disk", static_cast<double>(tool_runs), "", {}, "processes on both hosts: " + tool_list},
        {"coordinator_peak_rss_kb", worst(memory), "KiB", {}, ""}};
}

} // namespace bench
