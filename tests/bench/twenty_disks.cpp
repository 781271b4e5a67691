// Twenty coordinators at once, all for one host.
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>

namespace bench {

namespace {

constexpr int disks = 20;
constexpr int rounds = 5;

struct Order {
    e2e::Disk disk;
    e2e::Target target;
    std::unique_ptr<e2e::Process> run;
};

std::vector<Order> prepare(e2e::Site& site, int round)
{
    std::vector<Order> orders;
    for (int number = 0; number < disks; ++number) {
        Order order{site.make_disk(fmt::format("vm{}-{}/d.vmdk", round, number), e2e::mib, "datastore1", number),
                    site.make_target(e2e::mib), nullptr};
        order.run = site.prepare_populate(order.disk, order.target, {"--migration-host=esx1"});
        orders.push_back(std::move(order));
    }
    return orders;
}

void wait_for_all(std::vector<Order>& orders)
{
    for (auto& order : orders)
        if (const auto ended = order.run->wait(); ended.exit != 0)
            throw std::runtime_error("populate failed: " + ended.out + ended.err);
}

// By adapter, the most of any.
int rescans(const e2e::Site& site, std::uint64_t start, const std::string& kind)
{
    std::map<std::string, int> count;
    for (const auto& event : site.list({{"do", "events"}, {"after", start}}, "events")) {
        const auto what = event.at("what").get<std::string>();
        if (event.at("when") == "before" && std::regex_search(what, std::regex("adapter rescan.*-t " + kind)))
            ++count[event.at("where").get<std::string>() + " " + what];
    }
    int most = 0;
    for (const auto& [what, times] : count)
        most = std::max(most, times);
    return most;
}

} // namespace

std::vector<Figure> twenty_disks(const Build& build)
{
    e2e::Site site(nlohmann::json::object(), build.programs);
    std::vector<double> last;
    for (int round = 0; round < rounds; ++round) {
        auto orders = prepare(site, round);
        const auto begun = std::chrono::steady_clock::now();
        for (auto& order : orders)
            order.run->go();
        wait_for_all(orders);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
        last.push_back(took.count());
    }
    return {{"twenty_disks_last_ms", median(last), "ms", 2000,
             fmt::format("median of {}; worst {:.0f}", rounds, worst(last))}};
}

// The first rescan waits until all twenty have mapped their volume: a real one takes that long.
std::vector<Figure> rescans_for_twenty_disks(const Build& build)
{
    e2e::Site site(nlohmann::json::object(), build.programs);
    auto orders = prepare(site, 0);
    site.lab.add_rule({{"where", "host:esx1"}, {"what", "adapter rescan.*-t add"}, {"hold", "first rescan"}});
    const auto start = site.last_event();
    for (auto& order : orders)
        order.run->go();
    site.lab.call({{"do", "events.wait"}, {"what", "POST /api/protocols/san/lun-maps"}, {"count", 2 * disks}});
    site.lab.wait_held("first rescan");
    site.lab.release("first rescan");
    wait_for_all(orders);
    return {{"rescans_for_twenty_disks", static_cast<double>(rescans(site, start, "add")), "", 2,
             "of one adapter; the first lasts until all twenty are mapped"},
            {"delete_rescans_for_twenty_disks",
             static_cast<double>(rescans(site, start, "delete")),
             "",
             {},
             "of one adapter, each instant"}};
}

} // namespace bench
