#include "coordinator/verdict.hpp"

#include "coordinator/host/transport.hpp"

#include <fmt/format.h>

namespace xcopy {

Result<void> verdict(const CloneRequest& order, const CloneStatus& status)
{
    const auto why = [&] { return status.error ? ": " + status.error->message : std::string(); };
    const auto remedy = [&] { return status.error ? status.error->remedy : std::string(); };
    const auto reason = [&] { return status.error ? status.error->reason : std::string(); };

    if (status.source != order.source || status.target_naa != order.target_naa ||
        status.target_size != order.target_size)
        return Error{Errc::indeterminate,
                     fmt::format("the host reports a clone of {} to {} ({} bytes), ordered was {} to {} ({} bytes)",
                                 status.source, status.target_naa, status.target_size, order.source, order.target_naa,
                                 order.target_size),
                     "treat the target's content as undefined", "other_clone"};
    switch (status.state) {
    case CloneState::succeeded:
        break;
    case CloneState::failed:
        return Error{Errc::failed, fmt::format("clone failed at {}%{}", status.percent, why()), remedy(), reason()};
    case CloneState::cancelled:
        return Error{Errc::cancelled, fmt::format("clone cancelled at {}%{}", status.percent, why()), remedy(),
                     reason()};
    case CloneState::queued:
    case CloneState::running:
    case CloneState::cancelling:
    case CloneState::indeterminate:
        return Error{Errc::indeterminate, fmt::format("clone {} at {}%{}", name(status.state), status.percent, why()),
                     remedy(), reason()};
    }
    if (!status.exit_status)
        return Error{Errc::indeterminate, "the host reports success without an exit status of vmkfstools",
                     "treat the target's content as undefined", "no_exit_status"};
    if (*status.exit_status != 0)
        return Error{Errc::failed, fmt::format("vmkfstools exited {}{}", *status.exit_status, why()), remedy(),
                     reason()};
    return {};
}

Result<void> check_policy(XcopyPolicy policy, const XcopyVerdict& xcopy)
{
    if (policy == XcopyPolicy::prefer || xcopy.use == XcopyUse::full || xcopy.use == XcopyUse::partial)
        return {};
    return Error{Errc::failed,
                 fmt::format("every byte was copied, but not by the array (xcopy: {}), and --xcopy require was given",
                             name(xcopy.use)),
                 "see why with: xcopy-coordinator preflight; or accept host copies with --xcopy prefer",
                 std::string(xcopy_not_used_reason)};
}

Outcome outcome_of(const Error& error)
{
    switch (error.code) {
    case Errc::cancelled:
        return Outcome::cancelled;
    case Errc::indeterminate:
        return Outcome::indeterminate;
    case Errc::bad_request:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::busy:
    case Errc::denied:
    case Errc::unsupported:
    case Errc::unavailable:
    case Errc::timed_out:
    case Errc::failed:
        return Outcome::failed;
    }
    return Outcome::failed;
}

ExitCode exit_code(const CopyReport& report)
{
    // A finished copy stays one when something could not be put back: Forklift never repeats a failed pod, so another
    // code would throw the copy away and still not clean up. The journal is kept for sweep, and the log says so.
    if (report.outcome == Outcome::succeeded)
        return exit_success;
    if (!report.left_behind.empty())
        return exit_left_behind;
    switch (report.outcome) {
    case Outcome::refused:
        return report.error && is_about_the_key(report.error->reason) ? exit_ssh_key : exit_refused;
    case Outcome::cancelled:
        return exit_cancelled;
    case Outcome::unknown:
    case Outcome::succeeded:
    case Outcome::failed:
    case Outcome::indeterminate:
        return exit_failed;
    }
    return exit_failed;
}

} // namespace xcopy
