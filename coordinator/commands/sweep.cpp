#include "coordinator/sweep.hpp"

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

int run_sweep(Config config, const std::stop_token& stop)
{
    auto tools = make_toolbox(std::move(config), stop, false);
    auto array = make_array(tools.config.storage, *tools.transport);
    if (!array)
        return complain(array.error(), exit_usage);
    auto around = look_around(tools);
    if (!around)
        return complain_of_surroundings(around.error());
    if (auto asked = consult_about_hosts(tools); !asked)
        return complain(asked.error(), exit_left_behind);
    make_hosts(tools, {.locks = rescan_locks(tools, *around), .ensure_script = script_placement(tools)});
    Observer nobody;
    const auto& order = tools.config.order;
    const auto swept = sweep(
        tools.call(), order.vendor, order.array, order.job, order.limits,
        {.array = **array, .hosts = tools.hosts, .journal = *around->journal, .log = *tools.log, .observer = nobody});
    fmt::print("{}", tools.config.output == Output::json ? sweep_json(swept) : sweep_text(swept));
    const bool all_back =
        std::ranges::all_of(swept, [](const Swept& s) { return s.left_behind.empty() && s.why_not.empty(); });
    return all_back ? exit_success : exit_left_behind;
}

} // namespace xcopy
