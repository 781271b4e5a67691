// One function per command: from a configuration without problems to an exit code.
#pragma once

#include "coordinator/config.hpp"

#include <stop_token>
#include <string>

namespace xcopy {

int populate(Config config, const std::stop_token& stop);
int run_preflight(Config config, const std::stop_token& stop);
int show_hosts(Config config, const std::stop_token& stop);
int run_sweep(Config config, const std::stop_token& stop);

int list_clones(Config config, const std::stop_token& stop);
int watch_clone(Config config, const std::stop_token& stop, const std::string& job);
int cancel_clone(Config config, const std::stop_token& stop, const std::string& job);

} // namespace xcopy
