// Up to ESXi 6.x at least there is no vDSO (rapid7/mettle#220): the agent's clock must then come from the system call.
#include "agent/esxi/unique_fd.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <elf.h>
#include <fcntl.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy::userworld {
namespace {

struct Seen {
    bool taken_away = false;
    int exit_status = -1;
    int clock_calls = 0; // of all its threads
};

// What the kernel hands to a program lies above its stack pointer: count, arguments, 0, environment, 0, pairs of key and value.
bool take_vdso_away(pid_t pid)
{
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
    const UniqueFd memory(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC));
    const auto word = [&](unsigned long at) {
        unsigned long value = 0;
        return ::pread(memory.get(), &value, sizeof value, static_cast<off_t>(at)) == sizeof value ? value : 0;
    };
    const unsigned long ignored = AT_IGNORE;
    unsigned long at = registers.rsp;
    at += (1 + word(at) + 1) * sizeof(long);
    while (word(at) != 0)
        at += sizeof(long);
    at += sizeof(long);
    for (; word(at) != AT_NULL; at += 2 * sizeof(long))
        if (word(at) == AT_SYSINFO_EHDR)
            return ::pwrite(memory.get(), &ignored, sizeof ignored, static_cast<off_t>(at)) == sizeof ignored;
    return false;
}

Seen run_without_vdso(const char* program, const char* argument)
{
    Seen seen;
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        ::execl(program, program, argument, nullptr);
        ::_exit(126);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFSTOPPED(status))
        return seen;
    seen.taken_away = take_vdso_away(pid);
    ::ptrace(PTRACE_SETOPTIONS, pid, nullptr,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL); // threads too
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
    for (pid_t who = 0; (who = ::waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (who == pid)
                seen.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            continue;
        }
        int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            user_regs_struct registers{};
            ::ptrace(PTRACE_GETREGS, who, nullptr, &registers);
            seen.clock_calls += registers.orig_rax == SYS_clock_gettime ? 1 : 0;
        }
        if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP)
            signal = 0; // ours, not the program's
        ::ptrace(PTRACE_SYSCALL, who, nullptr, signal);
    }
    return seen;
}

TEST(Vdso, TheAgentsTimersAndClockDoWithoutIt)
{
    const auto seen = run_without_vdso(XCOPY_AGENT, "selftest");
    ASSERT_TRUE(seen.taken_away) << "this kernel has none itself";
    EXPECT_EQ(seen.exit_status, 0);
    EXPECT_GT(seen.clock_calls, 0);
}

} // namespace
} // namespace xcopy::userworld
