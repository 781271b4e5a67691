#include "agent/rescans.hpp"

#include "agent/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace xcopy {

namespace {

// Disks of one migration arrive within moments of each other, and a rescan takes seconds on a real host: it waits until
// nobody has joined for `quiet`, and never longer than `longest`.
constexpr milliseconds quiet{25};
constexpr milliseconds longest{150};

constexpr seconds rescan_limit{300};
constexpr int attempts = 5; // "already in progress" (facts/esxi.md 6.3): somebody else's rescan, it will end

} // namespace

bool can_carry_lun(const Adapter& adapter)
{
    constexpr std::array<std::string_view, 6> prefixes{"fc.", "iqn.", "eui.", "sas.", "tcp.", "rdma."};
    if (adapter.driver == "scini") // PowerFlex: known to the array by a GUID
        return true;
    return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return adapter.uid.starts_with(prefix); });
}

Result<RescanReply> rescan_outcome(std::vector<std::string> served, const std::vector<Error>& failures, bool coalesced)
{
    if (!served.empty() || failures.empty())
        return RescanReply{std::move(served), coalesced};
    Error error = failures.front();
    for (std::size_t i = 1; i < failures.size(); ++i)
        error.message += "; " + failures[i].message;
    return error;
}

awaitable<Result<RescanReply>> Rescans::rescan(RescanKind kind, std::vector<std::string> adapters)
{
    auto& slot = waiting(kind);
    const bool first = !slot;
    if (first) {
        slot = std::make_shared<Round>();
        slot->kind = kind;
    }
    auto round = slot;
    round->all = round->all || adapters.empty();
    round->adapters.insert(adapters.begin(), adapters.end());
    if (!first) {
        round->joined.notify();
        while (!round->outcome)
            co_await round->done.wait_until(steady_clock::time_point::max());
        auto shared = *round->outcome;
        if (shared)
            shared->coalesced = true;
        co_return shared;
    }
    auto outcome = co_await lead(round);
    co_return outcome;
}

awaitable<Result<RescanReply>> Rescans::lead(std::shared_ptr<Round> round)
{
    const auto latest = steady_clock::now() + longest;
    for (bool gathering = true; gathering || running_;) {
        if (running_) {
            co_await idle_.wait_until(steady_clock::time_point::max());
            continue;
        }
        const auto joined = round->joined.count();
        co_await round->joined.wait_until(std::min(steady_clock::now() + quiet, latest));
        gathering = round->joined.count() != joined && steady_clock::now() < latest;
    }
    running_ = true;
    waiting(round->kind).reset(); // from here on a newcomer may have mapped too late for this round
    auto outcome = co_await run(*round);
    round->outcome = outcome;
    running_ = false;
    round->done.notify();
    idle_.notify();
    co_return outcome;
}

awaitable<Result<RescanReply>> Rescans::run(const Round& round)
{
    ++counters_.rescans;
    std::set<std::string> names = round.adapters;
    if (round.all) {
        auto known = co_await workers_.run([&] { return tools_.adapters({.stop = workers_.stop()}); });
        if (!known)
            co_return std::move(known.error()).in("list adapters");
        for (const auto& adapter : *known)
            if (can_carry_lun(adapter))
                names.insert(adapter.name);
    }
    std::vector<std::string> served;
    std::vector<Error> failures;
    for (const auto& adapter : names) { // one after the other: two at once answer "busy"
        auto outcome = co_await rescan_one(adapter, round.kind);
        if (outcome) {
            served.push_back(adapter);
            continue;
        }
        log::warn("adapter not rescanned", {{"adapter", adapter}, {"reason", outcome.error().message}});
        failures.push_back(std::move(outcome.error()).in("rescan " + adapter));
    }
    if (names.empty())
        failures.push_back({Errc::unavailable, "this host has no adapter that could carry a LUN",
                            "look at `esxcli storage core adapter list`", "no_adapter"});
    co_return rescan_outcome(std::move(served), failures, false);
}

awaitable<Result<void>> Rescans::rescan_one(const std::string& adapter, RescanKind kind)
{
    const RunLimits limits{.time = rescan_limit, .stop = workers_.stop()};
    milliseconds pause{100};
    for (int attempt = 1;; ++attempt, pause *= 3) {
        auto outcome = co_await workers_.run([&] { return tools_.rescan(adapter, kind, limits); });
        if (outcome || outcome.error().code != Errc::busy || attempt == attempts)
            co_return outcome;
        co_await sleep_for(pause);
    }
}

} // namespace xcopy
