// `xcopy-agent supervise DIR`: the parent of one vmkfstools. It alone sees the true exit status, so it outlives the
// agent.
#pragma once

#include "agent/esxi/job_dir.hpp"
#include "agent/esxi/tools.hpp"

#include <string>

namespace xcopy
{

// Starts `agent_path supervise DIR …` in a session of its own, its output to /dev/null, no descriptor inherited.
// Returns its pid. The caller reaps it if it is still there when the supervisor ends.
Result<int> start_supervisor(const std::string& agent_path, const JobDir&, const ToolPaths&);

// The supervisor's main: takes the lock, reads the counters of source and target, runs vmkfstools, follows its progress
// and the cancel file, reads the counters again, writes the verdict, removes the pointer files. Returns the exit status
// of the process: 0 when a final status was written.
int supervise(const JobDir&, const Tools&);

} // namespace xcopy
