// Ctrl-C and SIGTERM: the first asks the command to stop and clean up, the second leaves at once.
#pragma once

#include <stop_token>
#include <string>
#include <thread>

namespace xcopy {

// Make one before any other thread exists: it blocks both signals in the threads to come.
class Signals {
public:
    Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    std::stop_token stop() const { return stop_.get_token(); }

private:
    void watch();

    std::stop_source stop_;
    std::thread thread_;
};

} // namespace xcopy
