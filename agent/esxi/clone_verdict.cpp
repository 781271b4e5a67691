#include "agent/esxi/clone_verdict.hpp"

#include "agent/esxi/vmkfstools_errors.hpp"

#include <fmt/format.h>

namespace xcopy {

CloneVerdict verdict(const CloneEnding& ending)
{
    // Even with exit status 0: what vmkfstools returns when it is told to stop is not known (facts/esxi.md 11).
    if (ending.stopped) {
        const auto state = ending.stopped->code == Errc::cancelled ? CloneState::cancelled : CloneState::failed;
        return {state, Error(*ending.stopped).in(fmt::format("clone stopped at {}%", ending.percent))};
    }
    if (ending.exit_signal)
        return {CloneState::failed,
                Error{Errc::failed,
                      fmt::format("vmkfstools was killed by signal {} at {}%", *ending.exit_signal, ending.percent),
                      "look for memory admission failures in /var/log/vmkernel.log, or who killed it", "killed"}};
    if (!ending.exit_status)
        return {CloneState::indeterminate,
                Error{Errc::indeterminate, fmt::format("vmkfstools left no exit status at {}%", ending.percent)}};
    if (*ending.exit_status == 0)
        return {CloneState::succeeded, std::nullopt};
    const std::string step = fmt::format("vmkfstools exited {} at {}%", *ending.exit_status, ending.percent);
    if (auto explained = explain_vmkfstools(ending.last_line))
        return {CloneState::failed, std::move(*explained).in(step)};
    return {CloneState::failed, Error{Errc::failed, ending.last_line.empty() ? "it said nothing" : ending.last_line,
                                      "look into /var/log/vmkernel.log on the host"}
                                    .in(step)};
}

bool worth_another_try(const CloneEnding& ending)
{
    if (ending.stopped || ending.percent > 0 || ending.exit_status.value_or(0) == 0)
        return false;
    const auto explained = explain_vmkfstools(ending.last_line);
    return explained && may_pass_by_itself(*explained);
}

} // namespace xcopy
