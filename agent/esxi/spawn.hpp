// Starting a program: nothing of ours leaks into it but what is named here.
#pragma once

#include "agent/esxi/unique_fd.hpp"
#include "protocol/error.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace xcopy {

enum class SpawnMethod : std::uint8_t { whichever_works, posix_spawn, fork_exec };

struct Launch {
    std::vector<std::string> argv;
    int out = -1;             // becomes its standard output; -1: /dev/null
    int err = -1;             // becomes its standard error; -1: /dev/null
    int keep = -1;            // the one other descriptor it inherits, under the same number; -1: none
    bool own_session = false; // else only a process group of its own
    SpawnMethod method = SpawnMethod::whichever_works; // the self test asks for each
};

// Starts argv[0] with an environment of PATH=/bin:/sbin, standard input from /dev/null, default signals and every other
// descriptor closed: Asio opens sockets without O_CLOEXEC, and a TLS connection held by a clone would never end.
// posix_spawn, and fork+exec where the kernel has none (facts/esxi.md 1.2).
// Errc::unavailable when it cannot be started; reason "exec_denied" for EPERM (execInstalledOnly, facts/esxi.md 2).
Result<pid_t> launch(const Launch&);

struct Pipe {
    UniqueFd read; // does not block
    UniqueFd write;
};

Result<Pipe> make_pipe();

enum class Drained : std::uint8_t { open, closed };

// Appends what the pipe holds now, at most `limit` bytes.
Drained drain(int fd, std::string& into, std::size_t limit);

} // namespace xcopy
