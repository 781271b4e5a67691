// How old news is when the long poll brings it. A clone is held, a watcher waits, the clone is let go.
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <future>
#include <utility>

namespace bench {

namespace {

constexpr int rounds = 20; // of each kind
constexpr std::uint64_t disk = 64 * e2e::mib;
constexpr std::uint64_t speed = 128 * e2e::mib; // 1 % is printed 5 ms after the last one: progress comes before the end

enum class News { any, end };

struct Heard {
    std::int64_t us;
    xcopy::CloneStatus status;
};

Heard hear(xcopy::AgentHost& host, xcopy::CloneStatus status, News wanted)
{
    do
        status = must(host.watch_clone({}, status.id, status.revision, std::chrono::seconds(20)));
    while (wanted == News::end && !is_final(status.state));
    return {now_us(), std::move(status)};
}

// Holds the clone at `percent`, lets it go and returns how long the news of what follows took.
double one_round_ms(OneHost& site, const std::string& naa, const std::string& job, int percent, News wanted)
{
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", percent}, {"hold_name", job}, {"speed", speed}});
    site.attach(naa, job);
    auto& host = site.client.host;
    auto status = must(host.start_clone({}, job, site.order_for(naa)));
    site.lab.wait_held(job);
    while (status.percent < percent)
        status = hear(host, std::move(status), News::any).status;
    auto listening = std::async(std::launch::async, hear, std::ref(host), std::move(status), wanted);
    const auto released = now_us();
    site.lab.release(job);
    auto heard = listening.get();
    site.watch_to_end(std::move(heard.status));
    must(host.forget_clone({}, job));
    site.detach(naa, job);
    return static_cast<double>(heard.us - released) / 1000;
}

Figure age_of(OneHost& site, const std::string& naa, const char* name, int percent, News wanted)
{
    std::vector<double> ages;
    for (int round = 1; round <= rounds; ++round)
        ages.push_back(one_round_ms(site, naa, fmt::format("news-{}-{}", percent, round), percent, wanted));
    return {name, worst(ages), "ms", 250, fmt::format("worst of {}; median {:.1f}", rounds, median(ages))};
}

} // namespace

std::vector<Figure> news_age(const Build& build)
{
    OneHost site(build, disk);
    const auto naa = site.add_target();
    const auto progress = age_of(site, naa, "news_age_progress_ms", 50, News::any);
    const auto end = age_of(site, naa, "news_age_end_ms", 99, News::end);
    Figure both{"news_age_ms", std::max(progress.value, end.value), "ms", 250, "the worse of the two below"};
    return {both, progress, end};
}

} // namespace bench
