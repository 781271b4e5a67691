// One command on its way through a connection, moved on by the thread of SshSession.
#pragma once

#include "coordinator/ssh/connection.hpp"

#include <optional>

namespace xcopy::ssh {

enum class Phase : std::uint8_t { waiting, opening, starting, talking, closing, leaving, freeing, ended };

struct Task {
    SshCommand command;
    Phase phase = Phase::waiting;
    LIBSSH2_CHANNEL* channel = nullptr; // belongs to the connection
    bool sent = false;                  // the host may have begun to run the command
    std::size_t written = 0;
    bool input_ended = false;
    int attempts = 0;
    SshOutput output{};
    std::optional<Error> error{};

    bool abandoned = false; // these two are guarded by the session's mutex
    bool done = false;
};

enum class Moved : std::uint8_t { no, yes, connection_lost };

// One round without waiting. The task's `error` tells what went wrong, and whether it concerns the whole connection.
Moved advance(const Connection& connection, Task& task, bool abandoned);

} // namespace xcopy::ssh
