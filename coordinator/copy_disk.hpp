// The life of one disk: from a VMDK and a volume handle to a verdict, with everything put back as it was found.
#pragma once

#include "coordinator/copy_order.hpp"

namespace xcopy {

// Runs on the caller's thread until the copy is over. Stopping `call` cancels the clone on the host; cleaning up has
// its own limit. Running it again with the same order is always right.
CopyReport copy_disk(const Call& call, const CopyOrder& order, const Site& site);

} // namespace xcopy
