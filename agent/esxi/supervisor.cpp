#include "agent/esxi/supervisor.hpp"

#include "agent/esxi/clone_verdict.hpp"
#include "agent/esxi/commands.hpp"
#include "agent/esxi/pointer_files.hpp"
#include "agent/esxi/supervised_clone.hpp"
#include "agent/esxi/writer_lock.hpp"
#include "agent/esxi/xcopy_verdict.hpp"
#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace xcopy {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

volatile std::sig_atomic_t told_to_stop = 0;

void note_signal(int)
{
    told_to_stop = 1;
}

void prepare_process()
{
    setsid(); // fails when it leads a session already, which is what is wanted
    struct sigaction action {};
    action.sa_handler = note_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); // ignored, it would take the exit status away
}

std::int64_t now_ms()
{
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The last look at what will be written where; the agent has checked far more.
Result<void> check_order(const JobOrder& order, const std::string& root)
{
    if (auto named = check_pointer_names(order, root); !named)
        return named;
    auto target = parse_device_name(order.request.target_naa);
    if (!target)
        return target.error();
    if (*target != order.request.target_naa)
        return Error{Errc::bad_request, fmt::format("target '{}' is not in lower case", order.request.target_naa)};
    if (*target == order.source_device)
        return Error{Errc::bad_request, fmt::format("{} is the source's own device", *target), "", "target_is_source"};
    return {};
}

class Supervisor {
public:
    Supervisor(const JobDir& dir, const Tools& tools, const SupervisorConfig& config, JobOrder order, int lock_fd)
        : dir_(dir), tools_(tools), config_(config), order_(std::move(order)), lock_fd_(lock_fd),
          started_at_(steady_clock::now())
    {
        status_.supervisor_pid = getpid();
    }

    // True when the final status was written.
    bool run()
    {
        if (auto usable = check_order(order_, config_.volumes_root); !usable)
            return finish({CloneState::failed, usable.error()}, {});
        if (!save())
            return false; // no place for a verdict: nothing is started
        read_counters(&CountersAround::before);
        auto ending = attempts();
        read_counters(&CountersAround::after);
        // Kept where it fails: the agent sweeps leftovers, and a copy is not worse for them.
        remove_pointer_files_below(config_.volumes_root, order_);
        return ending ? finish(verdict(*ending), *ending) : finish({CloneState::failed, ending.error()}, {});
    }

private:
    Result<CloneEnding> attempts()
    {
        const auto give_up = steady_clock::now() + config_.retry_for;
        for (;;) {
            if (auto why = asked_to_stop())
                return CloneEnding{.stopped = why};
            if (auto clean = remove_pointer_files_below(config_.volumes_root, order_); !clean)
                return std::move(clean.error()).in("remove leftover pointer files");
            auto ending = attempt();
            if (!ending || !worth_another_try(*ending) || steady_clock::now() + config_.retry_every > give_up)
                return ending;
            pause(config_.retry_every);
        }
    }

    Result<CloneEnding> attempt()
    {
        auto clone = SupervisedClone::start(commands::clone(tools_.paths().vmkfstools, order_), lock_fd_);
        if (!clone)
            return clone.error();
        status_.writer_pid = clone->pid();
        if (status_.started_ms == 0)
            status_.started_ms = now_ms();
        save();
        dir_.sync_order(); // after the start: a host that goes down must find whose pointer files these are
        while (!clone->follow(config_.tick)) {
            if (auto why = clone->is_stopping() ? std::nullopt : asked_to_stop()) {
                clone->stop(std::move(*why), config_.kill_grace);
                status_.state = CloneState::cancelling;
                save();
            }
            report(*clone);
        }
        auto ending = clone->ending();
        status_.writer_pid = 0;
        status_.percent = ending.percent;
        status_.last_line = ending.last_line;
        return ending;
    }

    void report(const SupervisedClone& clone)
    {
        const auto now = steady_clock::now();
        const bool changed = clone.percent() != status_.percent;
        if (!changed || now - saved_at_ < config_.status_interval)
            return;
        status_.percent = clone.percent();
        status_.last_line = clone.last_line();
        save();
    }

    std::optional<Error> asked_to_stop() const
    {
        if (auto why = dir_.cancel_requested())
            return why;
        if (told_to_stop != 0)
            return Error{Errc::cancelled, "the supervisor was told to stop (SIGTERM)"};
        const auto limit = order_.request.time_limit_s;
        const auto spent = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - started_at_).count();
        if (limit > 0 && spent >= limit)
            return Error{Errc::timed_out, fmt::format("the time limit of {} s is over", limit),
                         "raise the time limit, or find out why the copy is slow", "time_limit"};
        return std::nullopt;
    }

    void pause(milliseconds length) const
    {
        const auto until = steady_clock::now() + length;
        while (steady_clock::now() < until && !asked_to_stop())
            std::this_thread::sleep_for(std::min(config_.tick, length));
    }

    void read_counters(std::optional<DeviceCounters> CountersAround::*when)
    {
        std::vector<std::string> devices{order_.request.target_naa};
        if (!order_.source_device.empty())
            devices.push_back(order_.source_device);
        auto counters = tools_.counters_of(devices, {.time = config_.counters_time});
        if (counters.front())
            target_.*when = std::move(*counters.front());
        if (counters.size() > 1 && counters.back())
            source_.*when = std::move(*counters.back());
    }

    bool finish(CloneVerdict verdict, const CloneEnding& ending)
    {
        status_.state = verdict.state;
        status_.error = std::move(verdict.error);
        status_.percent = verdict.state == CloneState::succeeded ? 100 : ending.percent;
        status_.exit_status = ending.exit_status;
        status_.exit_signal = ending.exit_signal;
        status_.xcopy =
            xcopy_verdict(source_, target_, order_.source_size / 100 * static_cast<std::uint64_t>(status_.percent));
        status_.ended_ms = now_ms();
        // A full disk may have room a moment later; without this file a finished copy counts as indeterminate.
        for (int tries = 0; tries < 20; ++tries) {
            if (save())
                return true;
            std::this_thread::sleep_for(config_.tick);
        }
        return false;
    }

    bool save()
    {
        saved_at_ = steady_clock::now();
        return dir_.write_status(status_).has_value();
    }

    const JobDir& dir_;
    const Tools& tools_;
    const SupervisorConfig& config_;
    const JobOrder order_;
    const int lock_fd_;
    const steady_clock::time_point started_at_;
    steady_clock::time_point saved_at_{};
    JobStatus status_;
    CountersAround source_;
    CountersAround target_;
};

// What an earlier supervisor of this directory left. Nobody writes any more, or its lock would not be ours; whether it
// copied everything, nobody saw.
bool close_unfinished(const JobDir& dir, JobStatus left, const SupervisorConfig& config)
{
    if (auto order = dir.order())
        remove_pointer_files_below(config.volumes_root, *order);
    left.state = CloneState::indeterminate;
    left.ended_ms = now_ms();
    left.error = Error{Errc::indeterminate, "an earlier supervisor of this clone ended without a verdict",
                       "copy the disk again", "supervisor_lost"};
    return dir.write_status(left).has_value();
}

} // namespace

int supervise(const JobDir& dir, const Tools& tools)
{
    return supervise(dir, tools, {}, -1);
}

int supervise(const JobDir& dir, const Tools& tools, const SupervisorConfig& config, int lock_fd)
{
    constexpr int wrote_verdict = 0;
    constexpr int wrote_nothing = 1;
    constexpr int has_a_writer = 3;
    prepare_process();

    UniqueFd lock(lock_fd);
    if (lock && fcntl(lock.get(), F_SETFD, FD_CLOEXEC) != 0) // only vmkfstools may have it
        lock.release();
    if (!lock) {
        auto taken = take_writer_lock(dir);
        if (!taken)
            return has_a_writer;
        lock = std::move(*taken);
    }

    auto left = dir.status();
    if (!left)
        return wrote_nothing;
    if (*left && is_final((*left)->state))
        return wrote_verdict;
    auto order = dir.order();
    if (*left) {
        // Locked, it is certain that the other is gone; without locks its pids must say so.
        const bool alive = !lock && order && writer_state(dir, *left, order->boot_ms, order->boot_ms) != Writer::gone;
        if (alive)
            return has_a_writer;
        return close_unfinished(dir, **left, config) ? wrote_verdict : wrote_nothing;
    }
    if (!order)
        return wrote_nothing;
    return Supervisor(dir, tools, config, std::move(*order), lock.get()).run() ? wrote_verdict : wrote_nothing;
}

Result<int> start_supervisor(const std::string& agent_path, const JobDir& dir, const ToolPaths& tools)
{
    auto lock = take_writer_lock(dir);
    if (!lock)
        return std::move(lock.error()).in("start supervisor");
    auto pid = launch({.argv = commands::supervise(agent_path, dir.path(), tools, lock->get()),
                       .keep = lock->get(),
                       .own_session = true});
    if (!pid)
        return std::move(pid.error()).in("start supervisor");
    return *pid;
}

int supervise_command(const std::vector<std::string>& arguments, const SupervisorConfig& config)
{
    constexpr int bad_usage = 2;
    if (arguments.size() % 2 == 0)
        return bad_usage;
    ToolPaths paths;
    int lock_fd = -1;
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        const std::string& option = arguments[i];
        const std::string& value = arguments[i + 1];
        if (option == "--esxcli")
            paths.esxcli = value;
        else if (option == "--localcli")
            paths.localcli = value;
        else if (option == "--vsish")
            paths.vsish = value;
        else if (option == "--vmkfstools")
            paths.vmkfstools = value;
        else if (option != "--lock-fd" ||
                 std::from_chars(value.data(), value.data() + value.size(), lock_fd).ec != std::errc{} || lock_fd < 3)
            return bad_usage;
    }
    return supervise(JobDir(arguments.front()), Tools(std::move(paths)), config, lock_fd);
}

} // namespace xcopy
