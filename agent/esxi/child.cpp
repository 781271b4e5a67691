#include "agent/esxi/child.hpp"

#include "agent/esxi/spawn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>
#include <thread>

namespace xcopy {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds tick{20};              // how late a stop request is seen at most
constexpr std::chrono::microseconds nap{200}; // between looks for a child that has closed its output
constexpr milliseconds kill_grace{500};       // from SIGTERM to SIGKILL
constexpr milliseconds abandon_after{2'000};  // a process stuck in a dead device survives even SIGKILL

struct Running {
    std::string program;
    pid_t pid = 0;
    UniqueFd out;
    UniqueFd err;
    Finished result{};
    bool reaped = false;
    bool status_lost = false;

    bool outputs_closed() const { return !out && !err; }
};

Result<Running> start(const std::vector<std::string>& argv)
{
    auto out = make_pipe();
    auto err = make_pipe();
    if (!out || !err)
        return out ? err.error() : out.error();
    auto pid = launch({.argv = argv, .out = out->write.get(), .err = err->write.get()});
    if (!pid)
        return pid.error();
    return Running{.program = argv.front(), .pid = *pid, .out = std::move(out->read), .err = std::move(err->read)};
}

// Follows a set of children until each has ended and closed its output, or the limits end them.
class Watch {
public:
    Watch(std::vector<Result<Running>>& children, const RunLimits& limits)
        : limits_(limits), deadline_(steady_clock::now() + limits.time)
    {
        for (auto& child : children)
            if (child)
                children_.push_back(&*child);
    }

    std::optional<Error> follow()
    {
        while (!all_done()) {
            enforce_limits();
            if (killed_at_ && steady_clock::now() - *killed_at_ > abandon_after)
                break;
            wait_for_output();
            for (Running* child : children_) {
                read_from(child->out, child->result.out);
                read_from(child->err, child->result.err);
                reap(*child);
            }
        }
        return stopped_;
    }

private:
    bool done(const Running& child) const { return child.reaped && (stopped_ || child.outputs_closed()); }

    bool all_done() const
    {
        return std::all_of(children_.begin(), children_.end(), [this](const Running* child) { return done(*child); });
    }

    void enforce_limits()
    {
        const auto now = steady_clock::now();
        if (!stopped_ && limits_.stop.stop_requested())
            stop({Errc::cancelled, "stopped on request"});
        if (!stopped_ && now >= deadline_)
            stop({Errc::timed_out, fmt::format("gave no answer within {} ms and was ended", limits_.time.count())});
        if (stopped_ && !killed_at_ && now - stopped_at_ >= kill_grace) {
            signal_all(SIGKILL);
            killed_at_ = now;
        }
    }

    void stop(Error why)
    {
        stopped_ = std::move(why);
        stopped_at_ = steady_clock::now();
        signal_all(SIGTERM);
    }

    // The group, because what a tool started itself may be what hangs. A reaped leader whose output is still open has
    // left such a process behind, so the group still exists and its number cannot have been used again.
    void signal_all(int signal)
    {
        for (const Running* child : children_)
            if (!child->reaped || !child->outputs_closed())
                kill(-child->pid, signal);
    }

    void wait_for_output()
    {
        std::vector<pollfd> fds;
        bool ending = false;
        for (const Running* child : children_) {
            for (int fd : {child->out.get(), child->err.get()})
                if (fd >= 0)
                    fds.push_back({.fd = fd, .events = POLLIN, .revents = 0});
            ending = ending || (child->outputs_closed() && !child->reaped);
        }
        if (ending && nap_ < tick) { // it exits at any moment: no descriptor tells
            std::this_thread::sleep_for(nap_);
            nap_ *= 2;
            return;
        }
        poll(fds.data(), fds.size(), static_cast<int>(tick.count()));
    }

    void read_from(UniqueFd& fd, std::string& into)
    {
        if (!fd)
            return;
        const std::size_t room = limits_.output_bytes - std::min(into.size(), limits_.output_bytes);
        if (drain(fd.get(), into, room + 1) == Drained::closed)
            fd.reset();
        if (into.size() > limits_.output_bytes) {
            into.resize(limits_.output_bytes);
            fd.reset();
            if (!stopped_)
                stop({Errc::failed, fmt::format("wrote more than {} bytes and was ended", limits_.output_bytes), "",
                      "output_too_large"});
        }
    }

    static void reap(Running& child)
    {
        if (child.reaped)
            return;
        int status = 0;
        const pid_t seen = waitpid(child.pid, &status, WNOHANG);
        if (seen == 0 || (seen < 0 && errno == EINTR))
            return;
        child.reaped = true;
        child.status_lost = seen < 0;
        if (seen > 0 && WIFEXITED(status))
            child.result.exit_status = WEXITSTATUS(status);
        if (seen > 0 && WIFSIGNALED(status))
            child.result.signal = WTERMSIG(status);
    }

    const RunLimits& limits_;
    steady_clock::time_point deadline_;
    std::vector<Running*> children_;
    std::optional<Error> stopped_;
    steady_clock::time_point stopped_at_;
    std::optional<steady_clock::time_point> killed_at_;
    std::chrono::microseconds nap_ = nap;
};

Result<Finished> outcome(Result<Running>& child, const std::optional<Error>& stopped)
{
    if (!child)
        return child.error();
    if (stopped) {
        auto error = *stopped;
        if (!child->reaped)
            error.message += fmt::format("; process {} does not die", child->pid);
        return std::move(error).in(child->program);
    }
    if (child->status_lost)
        return Error{Errc::indeterminate, fmt::format("{} left no exit status", child->program)};
    return std::move(child->result);
}

} // namespace

std::vector<Result<Finished>> run_together(const std::vector<std::vector<std::string>>& argvs, const RunLimits& limits)
{
    std::vector<Result<Running>> children;
    children.reserve(argvs.size());
    for (const auto& argv : argvs)
        children.push_back(limits.stop.stop_requested() ? Error{Errc::cancelled, "stopped before it was started"}
                                                        : start(argv));
    const auto stopped = Watch(children, limits).follow();
    std::vector<Result<Finished>> results;
    results.reserve(children.size());
    for (auto& child : children)
        results.push_back(outcome(child, stopped));
    return results;
}

Result<Finished> run(const std::vector<std::string>& argv, const RunLimits& limits)
{
    return std::move(run_together({argv}, limits).front());
}

} // namespace xcopy
