// Steps 6 and 7: what is asked of the host once the target is mapped.
#pragma once

#include "coordinator/copy_run.hpp"

namespace xcopy {

// Step 4 still: forgets an old, finished clone of this job that no journal knows of, because it says nothing about what
// is on source and target today. It also shows that the agent lets us change things, before anything is changed.
Result<void> clear_the_way(const Call& call, CopyRun& run, const ChosenHost& host);

// Waits until the host sees the target and compares its name and size with what the array said.
Result<void> attach_target(const Call& call, CopyRun& run, const ChosenHost& host);

// Starts the clone, or adopts the one an earlier run started, and watches it to its end. A host that lost the clone (it
// rebooted) gets it once more: the target is ours, so starting over is safe.
Result<CloneStatus> run_clone(const Call& call, CopyRun& run, const ChosenHost& host);

} // namespace xcopy
