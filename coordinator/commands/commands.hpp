// One function per command: from a configuration without problems to an exit code.
#pragma once

#include "coordinator/config.hpp"
#include "coordinator/signals.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace xcopy {

int populate(Config config, const Signals& signals);
// In a pod whose settings are of no use: the log and /metrics say so. Forklift asks a port that nobody serves again and again
// without a pause, also when the pod is long gone (facts/forklift-contract.md 2.1).
void tell_forklift(const Config& config, const std::vector<std::string>& problems, const std::stop_token& stop);
int run_preflight(Config config, const std::stop_token& stop);
int show_hosts(Config config, const std::stop_token& stop);
int run_sweep(Config config, const std::stop_token& stop);

int list_clones(Config config, const std::stop_token& stop);
int watch_clone(Config config, const std::stop_token& stop, const std::string& job);
int cancel_clone(Config config, const std::stop_token& stop, const std::string& job);

} // namespace xcopy
