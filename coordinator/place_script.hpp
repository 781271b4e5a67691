// Brings the script to hosts without an agent, through the vCenter where one is given.
#pragma once

#include "coordinator/host/script_deployment.hpp"
#include "coordinator/toolbox.hpp"

namespace xcopy {

// For the hosts of `tools`, which it must not outlive. vCenter is asked only where a host has not the script that it needs.
EnsureScript script_placement(Toolbox& tools);

// What that would come to, changing nothing: foresee_script().
EnsureScript script_foresight(Toolbox& tools);

} // namespace xcopy
