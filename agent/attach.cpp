#include "agent/attach.hpp"

#include "agent/guards.hpp"
#include "agent/host_clock.hpp"
#include "agent/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace xcopy {

namespace {

constexpr milliseconds first_look{10};
constexpr milliseconds longest_look{1000};

milliseconds grown(milliseconds pause)
{
    return std::min(pause * 3 / 2, longest_look);
}

} // namespace

Attachments::Attachments(const Config& config, Workers& workers, const Tools& tools, Inventory& inventory,
                         Rescans& rescans, Counters& counters, Writer writer_of)
    : config_(config), workers_(workers), tools_(tools), inventory_(inventory), rescans_(rescans), counters_(counters),
      writer_of_(std::move(writer_of)), records_(config.state_dir + "/devices")
{}

awaitable<Result<Device>> Attachments::attach(std::string naa, AttachRequest request)
{
    const auto* record = records_.find(naa);
    if (record != nullptr && record->job != request.job) {
        if (writer_of_(naa))
            co_return Error{Errc::conflict, fmt::format("{} is being written for job {}", naa, record->job),
                            "two copies were given one volume: check their PersistentVolumeClaims", "target_busy"};
        co_return Error{Errc::conflict, fmt::format("{} is attached for job {}", naa, record->job),
                        fmt::format("detach it for job {} first", record->job), "attached_for_other_job"};
    }
    if (const auto busy = writer_of_(naa); busy && *busy != request.job)
        co_return Error{Errc::conflict, fmt::format("job {} writes {}, or may still do so", *busy, naa),
                        "wait for that job, or cancel it", "target_busy"};
    if (request.lun) {
        const auto limit = co_await max_lun();
        if (auto ok = check_lun_number(naa, request.lun, limit); !ok)
            co_return ok.error();
    }
    auto device = co_await wait_until_ready(naa, request);
    if (!device) {
        log::warn("attach failed", {{"job", request.job}, {"device", naa}, {"reason", device.error().message}});
        co_return device;
    }
    co_return attached(*device, request);
}

awaitable<Result<Device>> Attachments::wait_until_ready(std::string naa, AttachRequest request)
{
    const auto deadline = steady_clock::now() + seconds(std::clamp(request.wait_s, 0, 600));
    std::vector<std::string> rescanned;
    milliseconds pause = first_look;
    auto next_rescan = steady_clock::time_point::min();
    bool suspected = false;
    bool overtaken = false;
    for (;;) {
        const auto rescans_before = rescans_.ended();
        auto view = co_await inventory_.fresh();
        if (!view)
            co_return view.error();
        const Device* seen = (*view)->device(naa);
        auto step = next_attach_step(request, naa, seen);
        if (!step) {
            // A size from before a resize is corrected by one rescan; after that it is what it is.
            const bool stale = step.error().reason == "size_mismatch" && rescanned.empty();
            if (!stale)
                co_return step.error();
            step = AttachStep::rescan;
        }
        if (*step == AttachStep::ready && node_exists(naa)) {
            auto free = check_writers(**view, naa, request.job);
            if (!free && !std::exchange(suspected, true)) // it may have been one of ours that ended during the look
                continue;
            if (!free)
                co_return free.error();
            co_return *seen;
        }
        if (steady_clock::now() >= deadline && !rescanned.empty()) {
            if (seen == nullptr) {
                auto why = co_await explain_absence(naa, request, rescanned);
                co_return why;
            }
            co_return Error{Errc::timed_out,
                            fmt::format("{} is in state '{}' and did not become usable within {} s", naa, seen->status,
                                        request.wait_s),
                            "look at its paths: esxcli storage core path list -d " + naa, "device_not_ready"};
        }
        if (*step == AttachStep::forget_detached) {
            auto on = co_await switch_on(naa, *seen);
            if (!on)
                co_return on.error();
        }
        if (*step != AttachStep::ready && *step != AttachStep::settle && steady_clock::now() >= next_rescan) {
            if (rescans_.ended() != rescans_before && !std::exchange(overtaken, true))
                continue; // one that ended during this look may have brought the device: nobody needs another
            auto reply = co_await rescans_.rescan(RescanKind::add, request.adapters);
            if (!reply)
                co_return std::move(reply.error()).in("attach " + naa);
            rescanned = reply->adapters;
            next_rescan = steady_clock::now() + 2 * longest_look; // again once the looks have grown to their longest
            continue;
        }
        // The device node costs nothing to look at; the tools are asked again when it is there or a look is due.
        for (auto again = steady_clock::now() + pause; steady_clock::now() < std::min(again, deadline);) {
            co_await sleep_for(first_look);
            if (seen == nullptr && node_exists(naa))
                break;
        }
        pause = grown(pause);
    }
}

Result<void> Attachments::check_writers(const HostView& view, const std::string& naa, const std::string& job) const
{
    if (!view.vmkfstools)
        log::warn("cannot tell whether others write the device",
                  {{"job", job}, {"device", naa}, {"reason", view.vmkfstools.error().message}});
    if (writer_of_(naa) == job) // attached again while its clone runs
        return {};
    return check_no_foreign_writer(naa, view.vmkfstools_on(naa));
}

Result<Device> Attachments::attached(const Device& device, const AttachRequest& request)
{
    if (const auto* record = records_.find(device.name); record != nullptr && record->job != request.job)
        return Error{Errc::conflict, fmt::format("{} is attached for job {}", device.name, record->job),
                     "two copies were given one volume: check their PersistentVolumeClaims", "attached_for_other_job"};
    const AttachRecord record{device.name, request.job, request.expected_size, unix_ms()};
    if (auto kept = records_.put(record); !kept)
        return std::move(kept.error()).in("remember attachment");
    ++counters_.attaches;
    log::info("device attached", {{"job", request.job},
                                  {"device", device.name},
                                  {"lun", device.lun ? fmt::to_string(*device.lun) : "unknown"},
                                  {"bytes", fmt::to_string(device.size_bytes)}});
    return device;
}

awaitable<Result<void>> Attachments::switch_on(const std::string& naa, const Device& seen)
{
    const RunLimits limits{.stop = workers_.stop()};
    if (seen.status == "off") { // before it is forgotten: the list is what makes a return come up as off again
        auto on = co_await workers_.run([&] { return tools_.set_device_state(naa, true, limits); });
        if (!on)
            log::warn("device not switched on", {{"device", naa}, {"reason", on.error().message}});
    }
    auto forgotten = co_await workers_.run([&] { return tools_.forget_detached(naa, limits); });
    inventory_.invalidate();
    if (!forgotten)
        co_return std::move(forgotten.error()).in("remove " + naa + " from the detached list");
    co_return Result<void>{};
}

awaitable<Result<void>> Attachments::detach(std::string naa, DetachRequest request)
{
    if (const auto busy = writer_of_(naa))
        co_return Error{Errc::conflict, fmt::format("job {} writes {}, or may still do so", *busy, naa),
                        "cancel the clone, then detach", "target_busy"};
    if (!leaving_.insert(naa).second)
        co_return Error{Errc::busy, fmt::format("{} is being detached already", naa), "ask again in a moment"};
    auto outcome = co_await take_away(naa, request.job);
    leaving_.erase(naa);
    if (outcome)
        log::info("device detached", {{"job", request.job}, {"device", naa}});
    else
        log::warn("detach failed", {{"job", request.job}, {"device", naa}, {"reason", outcome.error().message}});
    co_return outcome;
}

awaitable<Result<void>> Attachments::take_away(std::string naa, std::string job)
{
    auto view = co_await inventory_.fresh();
    if (!view)
        co_return std::move(view.error()).in("detach " + naa);
    const Device* seen = (*view)->device(naa);
    auto allowed = check_detach(naa, job, records_.find(naa), records_.find_job(job), seen);
    if (!allowed)
        co_return allowed;
    if (seen != nullptr && seen->status != "off") {
        auto off = co_await switch_off(naa);
        if (!off)
            co_return std::move(off.error()).in("detach " + naa);
    }
    const RunLimits limits{.stop = workers_.stop()};
    auto forgotten = co_await workers_.run([&] { return tools_.forget_detached(naa, limits); });
    inventory_.invalidate();
    if (!forgotten)
        co_return std::move(forgotten.error()).in("detach " + naa);
    if (auto removed = records_.remove(naa); !removed)
        co_return std::move(removed.error()).in("forget attachment");
    ++counters_.detaches;
    co_return Result<void>{};
}

awaitable<Result<void>> Attachments::switch_off(const std::string& naa)
{
    const RunLimits limits{.stop = workers_.stop()};
    const auto deadline = steady_clock::now() + seconds(60);
    auto off = co_await workers_.run([&] { return tools_.set_device_state(naa, false, limits); });
    for (milliseconds pause = first_look;; pause = grown(pause)) {
        auto now = co_await workers_.run([&] { return tools_.device(naa, limits); });
        if (now && (!now->has_value() || (**now).status == "off" || (**now).status == "dead" ||
                    (**now).status == "dead timeout"))
            co_return Result<void>{};
        if (!off && off.error().code != Errc::busy)
            co_return off;
        if (steady_clock::now() >= deadline)
            co_return Error{Errc::timed_out, off ? fmt::format("{} is still on after 60 s", naa) : off.error().message,
                            "something on this host uses the device", "device_in_use"};
        co_await sleep_for(pause);
        if (!off) // was busy: outstanding I/O ends, so ask again
            off = co_await workers_.run([&] { return tools_.set_device_state(naa, false, limits); });
    }
}

awaitable<std::optional<std::int64_t>> Attachments::max_lun()
{
    auto option =
        co_await workers_.run([&] { return tools_.advanced_option("/Disk/MaxLUN", {.stop = workers_.stop()}); });
    co_return option ? std::optional<std::int64_t>(option->value) : std::nullopt;
}

awaitable<Error> Attachments::explain_absence(std::string naa, AttachRequest request,
                                              std::vector<std::string> rescanned)
{
    const auto limit = co_await max_lun();
    auto adapters = co_await workers_.run([&] { return tools_.adapters({.stop = workers_.stop()}); });
    auto view = co_await inventory_.not_older_than(seconds(10));
    int dead = 0;
    if (view)
        for (const auto& device : (*view)->devices)
            for (const auto& path : device.paths)
                dead += path.state == "dead" ? 1 : 0;
    co_return device_not_seen(naa, request.wait_s, request.lun, limit, adapters ? *adapters : std::vector<Adapter>{},
                              rescanned, dead);
}

bool Attachments::node_exists(const std::string& naa) const
{
    return ::access(fmt::format("{}/{}", config_.devices_root, naa).c_str(), F_OK) == 0;
}

} // namespace xcopy
