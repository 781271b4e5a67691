// What the agent's design rests on and no host has proven to us yet: timers, wake-ups, sockets, processes, entropy.
#pragma once

#include "agent/config.hpp"

#include <string>
#include <vector>

namespace xcopy {

struct SelftestResult {
    std::string name;
    bool passed = false;
    std::string detail;
    std::int64_t took_us = 0;
};

std::vector<SelftestResult> run_selftest(const std::string& agent_path); // the part `serve` runs first as well
std::vector<SelftestResult> probe_tools(const Config& config);           // that the host's tools answer as expected

bool all_passed(const std::vector<SelftestResult>&);
std::string as_table(const std::vector<SelftestResult>&);
std::string as_json(const std::vector<SelftestResult>&);

} // namespace xcopy
