// `xcopy-agent supervise DIR`: the parent of one vmkfstools. It alone sees the true exit status, so it outlives the
// agent.
#pragma once

#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/tools.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace xcopy {

// Starts `agent_path supervise DIR …` in a session of its own, its output to /dev/null, no descriptor inherited but the
// job's writer lock, which is taken here: from this call on writer_state() tells the truth.
// Returns its pid. The caller reaps it if it is still there when the supervisor ends.
// Errc::conflict, reason "writer_alive", when the job has a writer already.
Result<int> start_supervisor(const std::string& agent_path, const JobDir&, const ToolPaths&);

// The supervisor's main: takes the lock, reads the counters of source and target, runs vmkfstools, follows its progress
// and the cancel file, reads the counters again, writes the verdict, removes the pointer files. Returns the exit status
// of the process: 0 when a final status was written.
int supervise(const JobDir&, const Tools&);

// Times and places a test wants shorter and elsewhere.
struct SupervisorConfig {
    std::chrono::milliseconds tick{50};             // how late a cancel file or SIGTERM is seen at most
    std::chrono::milliseconds status_interval{50};  // between two writes of mere progress; there are 100 at most
    std::chrono::milliseconds kill_grace{5'000};    // from SIGTERM to SIGKILL
    std::chrono::milliseconds retry_every{1'000};   // a locked source, nothing copied yet
    std::chrono::milliseconds retry_for{30'000};    // a lock outlives the power-off by 5 s and more (facts/esxi.md 9)
    std::chrono::milliseconds counters_time{5'000}; // for vsish, before and after
    std::string volumes_root = "/vmfs/volumes/";
};

// `lock_fd`: the writer lock start_supervisor handed on; -1: none, it is taken here.
int supervise(const JobDir&, const Tools&, const SupervisorConfig&, int lock_fd);

// The command line start_supervisor makes, from DIR on: `DIR [--esxcli PATH] [--localcli PATH] [--vsish PATH]
// [--vmkfstools PATH] [--lock-fd N]`. A main calls it before it does anything else, so that a clone starts at once.
int supervise_command(const std::vector<std::string>& arguments, const SupervisorConfig& config = {});

} // namespace xcopy
