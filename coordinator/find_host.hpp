// Step 4 with patience: a host that is drained, because its agent is about to be upgraded, takes orders again by itself.
#pragma once

#include "coordinator/copy_run.hpp"
#include "coordinator/survey.hpp"

namespace xcopy {

// choose_host(); where it finds only a drained one it says so and asks all hosts again until one takes orders. A copy that was
// begun does not wait for that. `hosts` is what they said last.
Result<ChosenHost> find_host(const Call& call, const CopyRun& run, const SourceName& source, Survey& hosts);

} // namespace xcopy
