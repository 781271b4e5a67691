// One run of vmkfstools under the supervisor's eyes.
#pragma once

#include "agent/esxi/clone_progress.hpp"
#include "agent/esxi/clone_verdict.hpp"
#include "agent/esxi/spawn.hpp"
#include "agent/esxi/supervisor.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

class SupervisedClone {
public:
    // `lock_fd` goes on to vmkfstools; -1: there is none.
    static Result<SupervisedClone> start(const std::vector<std::string>& argv, int lock_fd);

    int pid() const { return pid_; }
    int percent() const { return progress_.percent(); }
    const std::string& last_line() const { return progress_.last_line(); }

    // Waits for output, the end or `tick`, whichever comes first. True once it has ended and all its words are read.
    bool follow(std::chrono::milliseconds tick);

    // SIGTERM now, SIGKILL after the grace period (in follow). The first reason stays.
    void stop(Error why, std::chrono::milliseconds grace);
    bool is_stopping() const { return stopped_.has_value(); }

    CloneEnding ending() const;

private:
    void read_output();
    bool reap();

    int pid_ = 0;
    UniqueFd out_;
    UniqueFd err_;
    CloneProgress progress_;
    CloneProgress::Stream out_lines_;
    CloneProgress::Stream err_lines_;
    std::optional<int> exit_status_;
    std::optional<int> exit_signal_;
    std::optional<Error> stopped_;
    std::chrono::steady_clock::time_point kill_at_;
    bool killed_ = false;
};

} // namespace xcopy
