#include "coordinator/signals.hpp"

#include "coordinator/verdict.hpp"

#include <csignal>
#include <pthread.h>
#include <string_view>
#include <unistd.h>

namespace xcopy {

namespace {

sigset_t watched_signals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1); // ends the watching thread
    return set;
}

void say(std::string_view text)
{
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

Signals::Signals()
    : Signals({.first = "\nstopping: cancelling on the host and putting everything back. Once more leaves at once.\n",
               .second = "\nleaving now, without cleaning up; the journal is kept.\n"
                         "Run the same command again to finish, or undo with: xcopy-coordinator sweep\n",
               .exit_status = exit_left_behind,
               .terminated = "\nstopping. Once more leaves at once.\n"})
{}

Signals::Signals(SignalWords words) : words_(words)
{
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    (void)std::signal(SIGPIPE, SIG_IGN); // a reader of our output that leaves must not end a copy
    thread_ = std::thread([this] { watch(); });
}

Signals::~Signals()
{
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
}

void Signals::watch()
{
    const sigset_t set = watched_signals();
    for (;;) {
        int signal = 0;
        if (sigwait(&set, &signal) != 0)
            continue;
        if (signal == SIGUSR1)
            return;
        if (stop_.stop_requested()) {
            say(words_.second);
            ::_exit(words_.exit_status);
        }
        terminated_ = signal == SIGTERM;
        say(terminated_ && !words_.terminated.empty() ? words_.terminated : words_.first);
        stop_.request_stop();
    }
}

} // namespace xcopy
