// preflight and hosts: they only look.
#include "coordinator/commands/commands.hpp"
#include "coordinator/place_script.hpp"
#include "coordinator/results.hpp"
#include "coordinator/surroundings.hpp"
#include "coordinator/toolbox.hpp"
#include "coordinator/verdict.hpp"
#include "coordinator/vsphere/consult.hpp"

#include <algorithm>
#include <cstdio>

namespace xcopy {

int run_preflight(Config config, const std::stop_token& stop)
{
    auto tools = make_toolbox(std::move(config), stop, true);
    auto array = make_array(tools.config.storage, *tools.transport);
    if (!array)
        return complain(array.error(), exit_usage);
    auto around = look_around(tools);
    if (!around)
        return complain_of_surroundings(around.error());
    if (auto asked = consult_about_copy(tools); !asked)
        return complain(asked.error(), exit_refused);
    make_hosts(tools, {.ensure_script = script_foresight(tools)});
    Observer nobody;
    const auto checks = preflight(
        tools.call(), tools.config.order,
        {.array = **array, .hosts = tools.hosts, .journal = *around->journal, .log = *tools.log, .observer = nobody});
    fmt::print("{}", tools.config.output == Output::json ? preflight_json(checks) : preflight_text(checks));
    const bool failed = std::ranges::any_of(checks, [](const Check& c) { return c.state == CheckState::fail; });
    return failed ? exit_refused : exit_success;
}

int show_hosts(Config config, const std::stop_token& stop)
{
    auto tools = make_toolbox(std::move(config), stop, true);
    if (auto asked = consult_about_hosts(tools); !asked)
        return complain(asked.error(), exit_failed);
    make_hosts(tools);
    const auto seen = survey(tools.call(), tools.hosts, tools.config.order.limits, HealthAge::fresh);
    fmt::print("{}", tools.config.output == Output::json ? hosts_json(seen) : hosts_text(seen));
    const bool all_answer = std::ranges::none_of(seen, [](const SurveyedHost& h) { return h.unreachable.has_value(); });
    return all_answer ? exit_success : exit_failed;
}

} // namespace xcopy
