// Step 8: success asks for positive proof.
#pragma once

#include "coordinator/copy_order.hpp"

#include <string_view>

namespace xcopy {

// Success only when the host says succeeded, saw exit status 0, and speaks of exactly what was ordered.
Result<void> verdict(const CloneRequest& order, const CloneStatus& status);

constexpr std::string_view xcopy_not_used_reason = "xcopy_not_used";

// The policy's word on a copy that succeeded.
Result<void> check_policy(XcopyPolicy policy, const XcopyVerdict& xcopy);

Outcome outcome_of(const Error& error);

// The reason of an error after which a writer may still be alive: nothing may be taken away from under it.
constexpr std::string_view fate_unknown_reason = "fate_unknown";

// The reason of an error that is none: the coordinator was stopped, what it had begun goes on.
constexpr std::string_view left_running_reason = "left_running";

inline bool is_left_running(const Error& error)
{
    return error.reason == left_running_reason;
}

inline bool is_fate_unknown(const Error& error)
{
    return error.reason == fate_unknown_reason;
}

// 0 only when every byte is on the target. The table is in docs/coordinator.md and in --help.
enum ExitCode : int {
    exit_success = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_refused = 3,
    exit_cancelled = 4,
    exit_left_behind = 5,
    exit_ssh_key = 6, // a host does not take our key, and nothing was changed
};

ExitCode exit_code(const CopyReport& report);

} // namespace xcopy
