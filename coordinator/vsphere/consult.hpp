// Asks vCenter once, at the start, what the agents alone cannot tell: the VM's disk, where the VM runs, which hosts there are,
// and which devices carry a datastore. Afterwards vCenter may be gone.
#pragma once

#include "coordinator/toolbox.hpp"

namespace xcopy {

// For a copy: fills in the order, and the hosts where no agent is given. Does nothing without a vCenter. What is wrong
// with the disk itself becomes the order's objection, for a copy that runs already goes on in spite of it.
Result<void> consult_about_copy(Toolbox& tools);

// For the other commands: all hosts, where no agent is given.
Result<void> consult_about_hosts(Toolbox& tools);

} // namespace xcopy
