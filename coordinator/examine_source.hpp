// Step 2, on the chosen host: what it says of the disk, and every reason not to copy that onto the target.
#pragma once

#include "coordinator/survey.hpp"

namespace xcopy {

// Fills in `source` and the canonical `source_path`. Refuses what the host would not clone: a missing file, a kind of
// VMDK that cannot be cloned. An agent too old to be asked leaves `source` empty; its guards still stand at the order.
Result<void> examine_source(const Call& call, const CopyOrder& order, ChosenHost& chosen, Log& log);

// The target must hold the whole disk, and must not be what the disk lies on. Nothing is known of an empty `source`.
Result<void> check_source_fits(const ChosenHost& chosen, const Volume& target);

} // namespace xcopy
