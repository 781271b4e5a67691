// What the agent's design rests on and no host has proven to us yet. `serve` runs the machine's part at its start, which
// takes a tenth of a second; `xcopy-agent selftest` runs all of it and keeps the result for health.
#pragma once

#include "agent/config.hpp"
#include "protocol/messages.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

// Timers, wake-ups, sockets, starting programs, entropy, the clock.
std::vector<SelftestResult> probe_machine(const std::string& agent_path);
// The host's tools and what they answer, the memory group, the files that must survive a restart, and whether the
// supervisor sees how a program ended. `self` is this program; it stands in for vmkfstools.
std::vector<SelftestResult> probe_host(const Config& config, const std::string& self);

// The exit status of this program when it was started in vmkfstools' place; nullopt: it was not.
std::optional<int> play_vmkfstools(int argc, const char* const* argv);

// What a probe found: empty trouble is good; `only_a_warning` lets it pass.
struct Finding {
    std::string trouble;
    std::string remedy{};
    bool only_a_warning = false;
};

SelftestResult timed(const std::string& name, const std::function<Finding()>& probe);

// Judged alone, because a wall clock cannot be turned back for a test.
Finding judge_clock(std::int64_t now_s, std::optional<std::int64_t> not_before_s,
                    std::optional<std::int64_t> not_after_s);

bool all_passed(const std::vector<SelftestResult>&);
std::string as_table(const std::vector<SelftestResult>&);
std::string as_json(const std::vector<SelftestResult>&);

Result<void> keep_selftest(const std::string& state_dir, const std::vector<SelftestResult>&);
std::optional<Selftest> last_selftest(const std::string& state_dir); // without what passed

} // namespace xcopy
