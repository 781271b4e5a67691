// How a clone ended. Success asks for positive proof: exit status 0, seen by the parent.
#pragma once

#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <optional>
#include <string>

namespace xcopy {

struct CloneEnding {
    std::optional<int> exit_status;
    std::optional<int> exit_signal;
    std::optional<Error> stopped; // we ended it, and why
    int percent = 0;
    std::string last_line{};
};

struct CloneVerdict {
    CloneState state = CloneState::indeterminate;
    std::optional<Error> error; // absent for success only
};

CloneVerdict verdict(const CloneEnding&);

// The source was locked or something was busy before a single byte was copied: nothing is lost by trying again.
bool worth_another_try(const CloneEnding&);

} // namespace xcopy
