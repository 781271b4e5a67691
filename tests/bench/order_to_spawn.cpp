// From the moment a client sends PUT /v1/clones/{id} until the lab hears from the vmkfstools that was started for it.
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {

namespace {

constexpr int orders = 200;

std::int64_t started_us(const OneHost& site)
{
    const auto starts = site.lab.starts();
    std::int64_t last = 0;
    for (const auto& start : starts)
        if (!start.at("target").get<std::string>().empty())
            last = start.at("us");
    return last;
}

double one_order_ms(OneHost& site, const std::string& naa, int number)
{
    const auto job = fmt::format("order-{}", number);
    site.attach(naa, job);
    const auto sent = now_us();
    auto status = must(site.client.host.start_clone({}, job, site.order_for(naa)));
    site.watch_to_end(std::move(status));
    const auto started = started_us(site);
    if (started < sent)
        throw std::runtime_error("no vmkfstools was started for " + job);
    must(site.client.host.forget_clone({}, job));
    site.detach(naa, job);
    return static_cast<double>(started - sent) / 1000;
}

} // namespace

std::vector<Figure> order_to_spawn(const Build& build)
{
    OneHost site(build, e2e::mib);
    const auto naa = site.add_target();
    std::vector<double> times;
    for (int number = 1; number <= orders; ++number)
        times.push_back(one_order_ms(site, naa, number));
    const auto note =
        fmt::format("{} orders one after the other; median {:.2f}, worst {:.2f}", orders, median(times), worst(times));
    return {{"order_to_spawn_p99_ms", percentile(times, 0.99), "ms", 5, note}};
}

} // namespace bench
