#include "coordinator/undo.hpp"

#include "coordinator/patience.hpp"

#include <ranges>

namespace xcopy {

std::vector<std::string> Undo::run(const Call& cleanup)
{
    std::vector<std::string> left;
    bool gate_closed = false;
    for (auto& step : steps_ | std::views::reverse) {
        if (gate_closed) {
            left.push_back(step.what + ": not tried, because of the failure before");
            continue;
        }
        auto done = persistently(cleanup, limits_, step.act);
        if (done)
            continue;
        log_.error("could not " + step.what, {{"job", cleanup.job}, {"why", done.error().message}});
        left.push_back(step.what + ": " + done.error().message);
        gate_closed = step.is_gate;
    }
    steps_.clear();
    return left;
}

} // namespace xcopy
