// A program run on a kernel that refuses some system calls, or never answers them.
#pragma once

#include "tests/agent/fake_host.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace xcopy::test {

struct Denied {
    long call = 0;          // SYS_…
    int error = 0;          // errno; 0: the call never returns
    std::uint32_t mask = 0; // only where (first argument & mask) == value; 0: always
    std::uint32_t value = 0;
};

struct Ran {
    int exit_status = -1;
    std::string out;
};

// The program itself is started by execveat, so execve may be among what is refused.
Ran run_denied(const std::vector<std::string>& argv, const std::vector<Denied>& denied);

} // namespace xcopy::test
