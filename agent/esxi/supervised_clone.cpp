#include "agent/esxi/supervised_clone.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

namespace xcopy {

using std::chrono::steady_clock;

Result<SupervisedClone> SupervisedClone::start(const std::vector<std::string>& argv, int lock_fd)
{
    auto out = make_pipe();
    auto err = make_pipe();
    if (!out || !err)
        return out ? err.error() : out.error();
    auto pid = launch({.argv = argv, .out = out->write.get(), .err = err->write.get(), .keep = lock_fd});
    if (!pid)
        return pid.error();
    SupervisedClone clone;
    clone.pid_ = *pid;
    clone.out_ = std::move(out->read);
    clone.err_ = std::move(err->read);
    return clone;
}

bool SupervisedClone::follow(std::chrono::milliseconds tick)
{
    if (stopped_ && !killed_ && steady_clock::now() >= kill_at_) {
        killed_ = true;
        kill(-pid_, SIGKILL);
    }
    std::array<pollfd, 2> fds{pollfd{.fd = out_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = err_.get(), .events = POLLIN, .revents = 0}};
    // Both closed means that it exits at any moment, and no descriptor tells when.
    const bool closed = !out_ && !err_;
    poll(fds.data(), fds.size(), closed ? 1 : static_cast<int>(tick.count())); // poll passes over negative descriptors
    const bool ended = reap();
    read_output(); // after reap: what it said before it ended is in the pipes now, so its last words are never missed
    return ended;
}

void SupervisedClone::read_output()
{
    constexpr std::size_t at_once = 1024 * 1024;
    const auto read_one = [this](UniqueFd& fd, CloneProgress::Stream& lines) {
        if (!fd)
            return;
        std::string piece;
        if (drain(fd.get(), piece, at_once) == Drained::closed)
            fd.reset();
        lines.feed(piece, progress_);
    };
    read_one(out_, out_lines_);
    read_one(err_, err_lines_);
}

bool SupervisedClone::reap()
{
    int status = 0;
    const pid_t seen = waitpid(pid_, &status, WNOHANG);
    if (seen == 0 || (seen < 0 && errno == EINTR))
        return false;
    if (seen > 0 && WIFEXITED(status))
        exit_status_ = WEXITSTATUS(status);
    if (seen > 0 && WIFSIGNALED(status))
        exit_signal_ = WTERMSIG(status);
    return true;
}

void SupervisedClone::stop(Error why, std::chrono::milliseconds grace)
{
    if (stopped_)
        return;
    stopped_ = std::move(why);
    kill_at_ = steady_clock::now() + grace;
    kill(-pid_, SIGTERM);
}

CloneEnding SupervisedClone::ending() const
{
    return {.exit_status = exit_status_,
            .exit_signal = exit_signal_,
            .stopped = stopped_,
            .percent = progress_.percent(),
            .last_line = progress_.last_line()};
}

} // namespace xcopy
