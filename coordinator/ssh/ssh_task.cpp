#include "coordinator/ssh/ssh_task.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::ssh {

namespace {

constexpr std::size_t chunk = 32768;

// Errors that concern one channel; every other one means that the connection cannot be used any more.
bool concerns_channel(int code)
{
    switch (code) {
    case LIBSSH2_ERROR_CHANNEL_FAILURE:
    case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
    case LIBSSH2_ERROR_CHANNEL_CLOSED:
    case LIBSSH2_ERROR_CHANNEL_EOF_SENT:
    case LIBSSH2_ERROR_CHANNEL_UNKNOWN:
        return true;
    default:
        return false;
    }
}

Moved fail(const Connection& connection, Task& task, int code, std::string_view what)
{
    task.error = connection.lost(code).in(what);
    if (!concerns_channel(code))
        return Moved::connection_lost;
    if (code == LIBSSH2_ERROR_CHANNEL_FAILURE) {
        task.error->code = Errc::busy;
        task.error->remedy = "the host allows no more sessions on one connection (MaxSessions of its sshd)";
    } else {
        task.error->code = Errc::denied;
        task.error->remedy = "does the key's line in authorized_keys allow commands?";
    }
    task.phase = task.channel ? Phase::freeing : Phase::ended;
    return Moved::yes;
}

Moved open(const Connection& connection, Task& task)
{
    task.channel = libssh2_channel_open_session(connection.session());
    if (task.channel) {
        task.phase = Phase::starting;
        return Moved::yes;
    }
    const int code = libssh2_session_last_errno(connection.session());
    return code == LIBSSH2_ERROR_EAGAIN ? Moved::no : fail(connection, task, code, "open a channel");
}

Moved start(const Connection& connection, Task& task)
{
    task.sent = true;
    const auto& line = task.command.line;
    const int code =
        libssh2_channel_process_startup(task.channel, "exec", 4, line.data(), static_cast<unsigned>(line.size()));
    if (code == LIBSSH2_ERROR_EAGAIN)
        return Moved::no;
    if (code != 0)
        return fail(connection, task, code, "start the command");
    task.phase = Phase::talking;
    return Moved::yes;
}

// The code of libssh2, or how much was read; what is beyond the bound is dropped.
ssize_t read_stream(Task& task, int stream, std::string& into, std::size_t bound)
{
    char buffer[chunk];
    const auto got = libssh2_channel_read_ex(task.channel, stream, buffer, sizeof buffer);
    if (got > 0) {
        const auto room = bound - std::min(bound, into.size());
        into.append(buffer, std::min(room, static_cast<std::size_t>(got)));
        task.output.truncated |= static_cast<std::size_t>(got) > room;
    }
    return got;
}

ssize_t write_input(Task& task)
{
    const std::string& input = task.command.input;
    if (task.written < input.size()) {
        const auto size = std::min(chunk, input.size() - task.written);
        const auto sent = libssh2_channel_write_ex(task.channel, 0, input.data() + task.written, size);
        if (sent > 0)
            task.written += static_cast<std::size_t>(sent);
        return sent;
    }
    const int code = libssh2_channel_send_eof(task.channel);
    task.input_ended = code != LIBSSH2_ERROR_EAGAIN;
    return code == 0 ? 1 : code;
}

Moved talk(const Connection& connection, Task& task)
{
    bool moved = false;
    if (!task.input_ended) {
        const auto sent = write_input(task);
        if (sent < 0 && concerns_channel(static_cast<int>(sent)))
            task.input_ended = true; // the command has left without reading it all; its exit status tells
        else if (sent < 0 && sent != LIBSSH2_ERROR_EAGAIN)
            return fail(connection, task, static_cast<int>(sent), "write to the command");
        moved = sent > 0;
    }
    for (auto [stream, into, bound] :
         {std::tuple(0, &task.output.out, task.command.max_output),
          std::tuple(SSH_EXTENDED_DATA_STDERR, &task.output.errors, task.command.max_errors)}) {
        const auto got = read_stream(task, stream, *into, bound);
        if (got < 0 && got != LIBSSH2_ERROR_EAGAIN)
            return fail(connection, task, static_cast<int>(got), "read from the command");
        moved |= got > 0;
    }
    if (!moved && libssh2_channel_eof(task.channel) == 1) {
        task.phase = Phase::closing;
        return Moved::yes;
    }
    return moved ? Moved::yes : Moved::no;
}

Moved close(const Connection& connection, Task& task)
{
    const int code = libssh2_channel_wait_closed(task.channel);
    if (code == LIBSSH2_ERROR_EAGAIN)
        return Moved::no;
    if (code != 0)
        return fail(connection, task, code, "wait for the command's end");
    char* signal = nullptr;
    std::size_t length = 0;
    libssh2_channel_get_exit_signal(task.channel, &signal, &length, nullptr, nullptr, nullptr, nullptr);
    if (signal) {
        task.output.signal.assign(signal, length);
        libssh2_free(connection.session(), signal);
    } else {
        task.output.status = libssh2_channel_get_exit_status(task.channel);
    }
    task.phase = Phase::freeing;
    return Moved::yes;
}

// The caller has left. Best effort: sshd signals no command of root (it has no unprivileged half then), but closes its pipes.
Moved leave(const Connection& connection, Task& task)
{
    const int code = libssh2_channel_signal_ex(task.channel, "TERM", 4);
    if (code == LIBSSH2_ERROR_EAGAIN)
        return Moved::no;
    if (code != 0 && !concerns_channel(code))
        return fail(connection, task, code, "signal the command");
    task.phase = Phase::freeing;
    return Moved::yes;
}

Moved release(const Connection& /*connection*/, Task& task)
{
    if (libssh2_channel_free(task.channel) == LIBSSH2_ERROR_EAGAIN)
        return Moved::no;
    task.channel = nullptr;
    task.phase = Phase::ended;
    return Moved::yes;
}

} // namespace

Moved advance(const Connection& connection, Task& task, bool abandoned)
{
    // A request that was begun is ended first: libssh2 keeps its state in the session.
    if (abandoned && (task.phase == Phase::talking || task.phase == Phase::closing))
        task.phase = Phase::leaving;
    if (abandoned && task.phase == Phase::starting && !task.sent)
        task.phase = Phase::freeing;
    switch (task.phase) {
    case Phase::waiting:
        task.phase = Phase::opening;
        return Moved::yes;
    case Phase::opening:
        return open(connection, task);
    case Phase::starting:
        return start(connection, task);
    case Phase::talking:
        return talk(connection, task);
    case Phase::closing:
        return close(connection, task);
    case Phase::leaving:
        return leave(connection, task);
    case Phase::freeing:
        return release(connection, task);
    case Phase::ended:
        break;
    }
    return Moved::no;
}

} // namespace xcopy::ssh
