#include "coordinator/progress.hpp"

#include "coordinator/table.hpp"

#include <fmt/format.h>

#include <optional>

namespace xcopy {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::seconds;

std::uint64_t copied(const Observer::Progress& now)
{
    return now.bytes * static_cast<std::uint64_t>(now.percent) / 100;
}

class TerminalProgress final : public Observer {
public:
    explicit TerminalProgress(std::FILE* terminal) : terminal_(terminal) {}
    ~TerminalProgress() override
    {
        if (drawn_)
            (void)std::fputc('\n', terminal_);
    }

    void progress(const Progress& now) override
    {
        if (now.queue_position > 0)
            begun_ = Clock::now();
        const auto line = progress_bar(now, duration_cast<seconds>(Clock::now() - begun_));
        fmt::print(terminal_, "\r{}\033[K", line); // to the end of the line: what an earlier, longer one left
        (void)std::fflush(terminal_);
        drawn_ = true;
    }

private:
    std::FILE* terminal_;
    Clock::time_point begun_ = Clock::now();
    bool drawn_ = false;
};

class LoggedProgress final : public Observer {
public:
    LoggedProgress(Log& log, std::string job) : log_(log), job_(std::move(job)) {}

    void progress(const Progress& now) override
    {
        const auto time = Clock::now();
        if (said_ && !worth_a_line(percent_, now.percent, duration_cast<seconds>(time - *said_)))
            return;
        said_ = time;
        percent_ = now.percent;
        if (now.queue_position > 0)
            log_.info("clone queued", {{"job", job_}, {"host", now.host}, {"position", now.queue_position}});
        else
            log_.info("clone progress", {{"job", job_},
                                         {"host", now.host},
                                         {"percent", now.percent},
                                         {"bytes", copied(now)},
                                         {"xcopy", name(now.xcopy)}});
    }

private:
    Log& log_;
    std::string job_;
    std::optional<Clock::time_point> said_;
    int percent_ = 0;
};

} // namespace

std::string progress_bar(const Observer::Progress& now, seconds elapsed)
{
    if (now.queue_position > 0)
        return fmt::format("waiting on {}, place {} in its queue", now.host, now.queue_position);
    constexpr int cells = 30;
    const int full = now.percent * cells / 100;
    std::string line = fmt::format("[{}{}] {:3}%", std::string(static_cast<std::size_t>(full), '#'),
                                   std::string(static_cast<std::size_t>(cells - full), '.'), now.percent);
    if (now.percent > 0 && elapsed.count() > 0) {
        line += fmt::format("  {}/s", bytes_text(copied(now) / static_cast<std::uint64_t>(elapsed.count())));
        if (now.percent < 100)
            line += fmt::format("  {} left", seconds_text(elapsed.count() * (100 - now.percent) / now.percent));
    }
    line += fmt::format("  {} on {}", bytes_text(copied(now)), now.host);
    if (now.xcopy != XcopyUse::unknown)
        line += fmt::format("  xcopy {}", name(now.xcopy));
    return line;
}

bool worth_a_line(int percent_then, int percent_now, seconds since_then)
{
    const bool finished = percent_now == 100 && percent_then != 100;
    return percent_now - percent_then >= 5 || finished || since_then >= seconds(10);
}

std::unique_ptr<Observer> terminal_progress(std::FILE* terminal)
{
    return std::make_unique<TerminalProgress>(terminal);
}

std::unique_ptr<Observer> logged_progress(Log& log, const std::string& job)
{
    return std::make_unique<LoggedProgress>(log, job);
}

} // namespace xcopy
