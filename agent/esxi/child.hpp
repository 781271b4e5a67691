// One program run to its end: argument vector, no shell, both outputs read and bounded, a deadline, a way to stop.
#pragma once

#include "protocol/error.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace xcopy {

struct RunLimits {
    std::chrono::milliseconds time = std::chrono::seconds(30);
    std::size_t output_bytes = std::size_t{4} * 1024 * 1024; // of each stream; more is an error, never a silent cut
    std::stop_token stop{};
};

struct Finished {
    std::optional<int> exit_status; // absent when a signal ended it
    std::optional<int> signal;
    std::string out;
    std::string err;
};

// Starts argv[0] (an absolute path) in a process group of its own with an empty environment but PATH=/bin:/sbin, waits
// for it and reaps it. Blocking. posix_spawn first, fork+exec where that is not to be had (facts/esxi.md 1.4).
// Errc::unavailable when it cannot be started (reason "exec_denied" for EPERM: execInstalledOnly, facts/esxi.md 2),
// Errc::timed_out or Errc::cancelled when it was killed for that (the whole group, SIGTERM then SIGKILL).
Result<Finished> run(const std::vector<std::string>& argv, const RunLimits&);

// The same for several programs side by side; answers are in the order asked. One that outlives the limits or floods us
// ends all of them.
std::vector<Result<Finished>> run_together(const std::vector<std::vector<std::string>>& argvs, const RunLimits&);

} // namespace xcopy
