// Running: the queue, the supervisors, and what becomes of a clone.
#include "agent/esxi/pointer_files.hpp"
#include "agent/esxi/supervisor.hpp"
#include "agent/host_clock.hpp"
#include "agent/jobs.hpp"
#include "agent/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy {

namespace {

constexpr milliseconds first_look{10}; // a clone that ends at once is noticed at once
constexpr milliseconds longest_look{100};
constexpr milliseconds judged_for{500}; // an order that starts at once was judged by the request that brought it
constexpr std::int64_t keep_finished_ms = 24LL * 3600 * 1000;

// From here on the device may be written: a restarted agent must not take the order for one that never began.
Result<void> mark_begun(const JobDir& dir)
{
    const int file = ::open((dir.path() + "/begun").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return Error{Errc::failed, fmt::format("{}: {}", dir.path(), std::strerror(errno)),
                     "check the space of state_dir"};
    ::close(file);
    return {};
}

} // namespace

void Jobs::changed(Job& job)
{
    ++job.status.revision;
    job.encoded.clear();
    job.changed.notify();
}

void Jobs::number_queue()
{
    for (std::size_t i = 0; i < queue_.size(); ++i) {
        const int position = static_cast<int>(i) + 1;
        if (queue_[i]->status.queue_position == position)
            continue;
        queue_[i]->status.queue_position = position;
        changed(*queue_[i]);
    }
}

void Jobs::pump()
{
    while (!queue_held_ && busy_ < config_.max_running && !queue_.empty()) {
        auto job = queue_.front();
        queue_.erase(queue_.begin());
        ++busy_;
        job->status.state = CloneState::running;
        job->status.queue_position = 0;
        changed(*job);
        asio::co_spawn(workers_.home(), launch(job), asio::detached);
    }
    number_queue();
}

// It may have waited long in the queue, and the host may have changed: judged again right before it writes.
awaitable<Result<void>> Jobs::judge_again(JobPtr job)
{
    const std::string id = job->order.id;
    auto source = co_await examine(id, job->order.request);
    if (!source)
        co_return source.error();
    auto view = co_await view_for(job->order.request.target_naa);
    if (!view)
        co_return view.error();
    co_await find_datastore(*source, **view);
    if (source->path != job->order.source_path)
        co_return Error{Errc::conflict, fmt::format("{} now leads to {}", job->order.request.source, source->path),
                        "order the clone again", "source_changed"};
    co_return guard(id, job->order.request, *source, **view);
}

awaitable<void> Jobs::launch(JobPtr job)
{
    Result<void> started;
    if (steady_clock::now() - job->judged > judged_for)
        started = co_await judge_again(job);
    if (started && job->status.state == CloneState::cancelling)
        started =
            job->dir.cancel_requested().value_or(Error{Errc::cancelled, "cancelled before it began", "", "cancelled"});
    if (started)
        started = start_writing(*job);
    if (!started) {
        const auto state = started.error().code == Errc::cancelled ? CloneState::cancelled : CloneState::failed;
        finish(*job, state, started.error());
        co_return;
    }
    co_await follow(job);
}

Result<void> Jobs::start_writing(Job& job)
{
    if (auto marked = mark_begun(job.dir); !marked)
        return marked;
    auto pid = start_supervisor(agent_path_, job.dir, config_.tools);
    if (!pid)
        return std::move(pid.error()).in("start supervisor");
    job.supervisor_pid = *pid;
    ++counters_.clones_started;
    log::info("clone started",
              {{"job", job.order.id}, {"source", job.order.source_path}, {"target", job.order.request.target_naa}});
    return {};
}

awaitable<void> Jobs::follow(JobPtr job)
{
    milliseconds pause = first_look;
    for (;;) {
        // The writer is looked at before its status: a last status written in between is then not missed.
        const auto before = job->dir.status();
        const bool gone = writer_is_gone(*job, before ? *before : std::nullopt);
        auto now = job->dir.status();
        if (now && *now) {
            take(*job, **now);
            if (is_final((**now).state)) {
                finish(*job, (**now).state, (**now).error);
                co_return;
            }
        }
        if (gone) {
            settle_without_writer(*job, now ? *now : std::nullopt);
            co_return;
        }
        co_await sleep_for(pause);
        pause = std::min(pause * 3 / 2, longest_look);
    }
}

bool Jobs::writer_is_gone(Job& job, const std::optional<JobStatus>& now)
{
    if (job.supervisor_pid > 0) {
        int status = 0;
        const auto reaped = ::waitpid(job.supervisor_pid, &status, WNOHANG);
        if (reaped == 0 || (reaped < 0 && errno != ECHILD))
            return false;
        job.supervisor_pid = 0; // its vmkfstools may have survived it: the lock knows
    }
    return writer_state(job.dir, now, job.order.boot_ms, host_boot_ms()) == Writer::gone;
}

void Jobs::take(Job& job, const JobStatus& now)
{
    auto& status = job.status;
    const bool stopping = status.state == CloneState::cancelling && !is_final(now.state);
    const auto state = stopping || is_final(now.state) ? status.state : now.state;
    const int percent = std::max(status.percent, std::clamp(now.percent, 0, 100));
    const bool news = state != status.state || percent != status.percent || now.started_ms != status.started_ms;
    status.state = state;
    status.percent = percent;
    status.started_ms = now.started_ms;
    status.ended_ms = now.ended_ms;
    status.exit_status = now.exit_status;
    status.xcopy = now.xcopy;
    if (news)
        changed(job);
}

void Jobs::finish(Job& job, CloneState state, std::optional<Error> error)
{
    auto& status = job.status;
    status.state = state;
    status.error = std::move(error);
    if (status.ended_ms == 0)
        status.ended_ms = unix_ms();
    const auto kept = job.dir.status();
    if (!kept || !*kept || !is_final((**kept).state)) { // nobody else writes it any more
        JobStatus last = kept && *kept ? **kept : JobStatus{};
        last.state = state;
        last.percent = status.percent;
        last.ended_ms = status.ended_ms;
        last.error = status.error;
        if (auto written = job.dir.write_status(last); !written)
            log::error("verdict not kept", {{"job", job.order.id}, {"reason", written.error().message}});
    }
    changed(job);
    const std::string why = status.error ? status.error->message : "";
    (state == CloneState::succeeded ? log::info : log::warn)("clone ended",
                                                             {{"job", job.order.id},
                                                              {"state", std::string(name(state))},
                                                              {"xcopy", std::string(name(status.xcopy.use))},
                                                              {"why", why}});
    if (job.supervisor_pid > 0) { // it ends right after its last status
        const int pid = std::exchange(job.supervisor_pid, 0);
        asio::co_spawn(workers_.home(), reap(pid), asio::detached);
    }
    --busy_;
    pump();
}

awaitable<void> Jobs::reap(int pid)
{
    for (milliseconds pause = first_look; ::waitpid(pid, nullptr, WNOHANG) == 0;
         pause = std::min(pause * 2, longest_look))
        co_await sleep_for(pause);
}

void Jobs::settle_without_writer(Job& job, const std::optional<JobStatus>& left)
{
    const int percent = left ? left->percent : 0;
    const bool rebooted = !same_boot(job.order.boot_ms, host_boot_ms());
    Error error{Errc::indeterminate,
                rebooted ? fmt::format("the host restarted during the copy, at {}%", percent)
                         : fmt::format("the copy ended at {}% and nobody saw how", percent),
                "the target is not a copy: clone it again", rebooted ? "host_restarted" : "no_exit_status"};
    if (auto removed = remove_pointer_files_below(config_.volumes_root + '/', job.order); !removed)
        log::warn("pointer files not removed", {{"job", job.order.id}, {"reason", removed.error().message}});
    finish(job, CloneState::indeterminate, std::move(error));
}

void Jobs::ask_to_stop(Job& job, const Error& why)
{
    if (is_final(job.status.state) || job.status.state == CloneState::cancelling)
        return;
    log::info("clone told to stop", {{"job", job.order.id}, {"why", why.message}});
    const auto waiting = std::find_if(queue_.begin(), queue_.end(), [&](const JobPtr& j) { return j.get() == &job; });
    if (waiting != queue_.end()) {
        queue_.erase(waiting);
        job.status.queue_position = 0;
        ++busy_; // finish() gives it back
        finish(job, CloneState::cancelled, why);
        return;
    }
    if (auto asked = job.dir.request_cancel(why); !asked) {
        log::error("clone cannot be told to stop", {{"job", job.order.id}, {"reason", asked.error().message}});
        return;
    }
    job.status.state = CloneState::cancelling;
    changed(job);
}

awaitable<void> Jobs::keep_house()
{
    for (auto& job : std::exchange(adopted_, {}))
        asio::co_spawn(workers_.home(), follow(job), asio::detached);
    pump();
    for (;;) {
        co_await sleep_for(milliseconds(500));
        const auto now = steady_clock::now();
        if (drained_until_ && now >= *drained_until_)
            end_drain("its time is over");
        std::vector<JobPtr> orphans;
        std::vector<std::string> old;
        for (const auto& [id, job] : jobs_) {
            const auto ttl = seconds(job->order.request.orphan_ttl_s);
            if (!is_final(job->status.state)) {
                if (!job->changed.awaited() && ttl.count() > 0 && now - job->last_heard > ttl)
                    orphans.push_back(job);
            } else if (unix_ms() - job->status.ended_ms > keep_finished_ms && !may_still_be_written(*job)) {
                old.push_back(id);
            }
        }
        for (const auto& job : orphans)
            ask_to_stop(*job, {Errc::cancelled,
                               fmt::format("nobody asked about this clone for {} s", job->order.request.orphan_ttl_s),
                               "the coordinator died or lost the network: run it again", "orphaned"});
        for (const auto& id : old) {
            auto gone = co_await forget(id);
            if (!gone)
                log::warn("old clone not forgotten", {{"job", id}, {"reason", gone.error().message}});
        }
    }
}

} // namespace xcopy
