// Steps 6 and 7: what is asked of the host once the target is mapped.
#pragma once

#include "coordinator/copy_run.hpp"

namespace xcopy
{

// Waits until the host sees the target and compares its name and size with what the array said.
Result<void> attach_target(const Call& call, CopyRun& run, const ChosenHost& host);

// Starts the clone, or adopts the one an earlier run started, and watches it to its end. A host that lost the clone (it
// rebooted) gets it once more: the target is ours, so starting over is safe.
Result<CloneStatus> run_clone(const Call& call, CopyRun& run, const ChosenHost& host);

} // namespace xcopy
