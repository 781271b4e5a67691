// The long-lived agent: from a checked configuration to SIGTERM.
#pragma once

#include "agent/config.hpp"

namespace xcopy {

int serve(const Config& config); // the process's exit status

} // namespace xcopy
