// Where a command works: the cluster, if there is one, the target as the cluster knows it, and the journal.
#pragma once

#include "coordinator/journal.hpp"
#include "coordinator/kube/access.hpp"
#include "coordinator/toolbox.hpp"

#include <memory>
#include <string>

namespace xcopy {

struct Surroundings {
    std::unique_ptr<rest::Api> cluster; // null: none is asked
    std::string name_space;             // of the claim; empty without a cluster
    std::unique_ptr<Journal> journal;
};

// Reads the claim, where one is named, into the order of `tools`.
Result<Surroundings> look_around(Toolbox& tools);

// Forklift's locks around the rescans of hosts that have no agent; nothing without a cluster.
RescanLocks rescan_locks(const Toolbox& tools, const Surroundings& around);

// The exit code for what kept a command from beginning.
int complain_of_surroundings(const Error&);

} // namespace xcopy
