#pragma once

#include <string>
#include <vector>

namespace lab {

// ESXi's ps: one line a world (thread), with `-c` the whole command line. It knows few of busybox's options.
int run_ps(const std::vector<std::string>& argv);

} // namespace lab
