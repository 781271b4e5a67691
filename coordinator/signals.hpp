// Ctrl-C and SIGTERM: the first asks the command to stop and clean up, the second leaves at once.
#pragma once

#include <atomic>
#include <stop_token>
#include <string_view>
#include <thread>

namespace xcopy {

// What each of the two says, and the exit status of the second.
struct SignalWords {
    std::string_view first;
    std::string_view second;
    int exit_status;
    std::string_view terminated{}; // instead of `first`, after SIGTERM
};

// Make one before any other thread exists: it blocks both signals in the threads to come.
class Signals {
public:
    Signals(); // of a copy
    explicit Signals(SignalWords words);
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    std::stop_token stop() const { return stop_.get_token(); }
    bool is_terminated() const { return terminated_; } // it was SIGTERM: somebody ends the process, not the copy

private:
    void watch();

    SignalWords words_;
    std::stop_source stop_;
    std::atomic<bool> terminated_{false};
    std::thread thread_;
};

} // namespace xcopy
