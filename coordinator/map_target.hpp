// Step 5: make the target visible to the host, and remember what was there before.
#pragma once

#include "coordinator/copy_run.hpp"

namespace xcopy {

// Records the existing mappings, ensures the host's object on the array, and maps under a LUN number the host can see.
// The intent is in the journal before each change. A mapping that was there already is used and stays.
Result<void> map_target(const Call& call, CopyRun& run, const ChosenHost& host);

} // namespace xcopy
