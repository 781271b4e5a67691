// One way to change something on an array: look whether it is as wanted, change it if not, and look again whenever the
// change may have taken effect or somebody else may have been faster. Nothing is ever repeated blindly.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"
#include "vendors/rest/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace xcopy {

enum class Afterwards : std::uint8_t {
    give_up,    // the change was refused for good
    look_again, // it may be done already, by us or by another caller
    wait_first, // the array is busy with something else: look again after a pause
};

struct Settling {
    const Call& call;
    rest::Clock& clock;
    // Errc::indeterminate always means look_again, without asking.
    std::function<Afterwards(const Error&)> after_error = [](const Error&) { return Afterwards::give_up; };
    int rounds = 3;
    std::chrono::milliseconds first_pause{500}; // doubles up to longest_pause; for wait_first, and for shows_late
    std::chrono::milliseconds longest_pause{8000};
    // What the array has accepted takes effect some time later: there is a pause before each look after it, and it does
    // not count as a round, so that only the call's deadline ends the wait.
    bool shows_late = false;
};

// `look` gives the value when all is as wanted; `change` tries to make it so. Where its reply proves the result, `change`
// may return that as Result<std::optional<Value>>; else, as Result<void>, `look` has the last word too. An error of
// `look` after a change in doubt is Errc::indeterminate, with both sentences, for that it may be done matters more than
// why we cannot tell.
template <class Value, class Change> Result<Value>
settle(const Settling& how, const std::function<Result<std::optional<Value>>()>& look, const Change& change)
{
    std::optional<Error> doubt;
    auto pause = how.first_pause;
    for (int round = 0;; ++round) {
        auto found = look();
        if (!found && doubt && doubt->code == Errc::indeterminate) {
            doubt->message += "; and looking again failed: " + found.error().message;
            return *doubt;
        }
        if (!found)
            return found.error();
        if (*found)
            return std::move(**found);
        if (round == how.rounds)
            return doubt.value_or(
                Error{Errc::indeterminate, "the array accepted the change and does not show it", "", "not_shown"});

        auto changed = change();
        if constexpr (!std::is_same_v<decltype(changed), Result<void>>)
            if (changed && *changed)
                return std::move(**changed);
        if (!changed)
            doubt = changed.error();
        auto next = changed && how.shows_late ? Afterwards::wait_first : Afterwards::look_again;
        if (!changed && doubt->code != Errc::indeterminate)
            next = how.after_error(*doubt);
        if (next == Afterwards::give_up)
            return *doubt;
        if (changed && how.shows_late)
            --round;
        if (next == Afterwards::look_again)
            continue;
        if (auto waited = how.clock.wait(how.call, pause); !waited)
            return changed || waited.error().code == Errc::cancelled ? waited.error() : *doubt;
        pause = std::min(how.longest_pause, pause * 2);
    }
}

// For arrays that refuse a change while another one is under way: such a change was not done, so it is asked for again
// after growing pauses, while the error has that reason.
template <class Change> auto repeat_while_locked(const Settling& how, std::string_view reason, const Change& change)
{
    auto pause = std::chrono::milliseconds(1000);
    for (int attempt = 1;; ++attempt) {
        auto done = change();
        if (done || done.error().reason != reason || attempt == 8)
            return done;
        if (auto waited = how.clock.wait(how.call, pause); !waited)
            return waited.error().code == Errc::cancelled ? decltype(done)(waited.error()) : done;
        pause = std::min(std::chrono::milliseconds(30000), pause * 2);
    }
}

// For what may not show for some time after it was made: looks again after these pauses while the list is empty. Where
// the call's time is over before, the last look counts.
template <class Look> auto look_until_shown(const Call& call, rest::Clock& clock,
                                            std::span<const std::chrono::milliseconds> pauses, const Look& look)
{
    auto seen = look();
    for (const auto pause : pauses) {
        if (!seen || !seen->empty())
            break;
        if (const auto waited = clock.wait(call, pause); !waited)
            return waited.error().code == Errc::cancelled ? decltype(seen)(waited.error()) : seen;
        seen = look();
    }
    return seen;
}

// The other way round, for taking something away: `remove` first, and `is_gone` whenever that ended in an error, for the
// absent is what was asked for. A removal in doubt that is not done is repeated.
inline Result<void> settle_removal(const Settling& how, const std::function<Result<bool>()>& is_gone,
                                   const std::function<Result<void>()>& remove)
{
    auto pause = how.first_pause;
    for (int round = 1;; ++round) {
        const auto removed = remove();
        if (removed)
            return {};
        Error error = removed.error();
        if (error.code == Errc::cancelled || error.code == Errc::denied)
            return error;
        const auto gone = is_gone();
        if (gone && *gone)
            return {};
        if (!gone)
            error.message += "; and looking whether it is gone failed: " + gone.error().message;
        const auto next = error.code == Errc::indeterminate ? Afterwards::look_again : how.after_error(error);
        if (!gone || next == Afterwards::give_up || round == how.rounds)
            return error;
        if (next == Afterwards::wait_first) {
            if (auto waited = how.clock.wait(how.call, pause); !waited)
                return waited.error().code == Errc::cancelled ? waited.error() : error;
            pause = std::min(how.longest_pause, pause * 2);
        }
    }
}

} // namespace xcopy
