#include "tests/agent/denied_calls.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy::test {

namespace {

std::vector<sock_filter> filter_of(const std::vector<Denied>& denied)
{
    const auto load = [](std::size_t at) {
        return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at));
    };
    std::vector<sock_filter> filter;
    for (const auto& one : denied) {
        const auto action = one.error != 0 ? SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(one.error)
                                           : static_cast<std::uint32_t>(SECCOMP_RET_USER_NOTIF);
        filter.push_back(load(offsetof(seccomp_data, nr)));
        filter.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(one.call), 0,
                                              static_cast<std::uint8_t>(one.mask != 0 ? 4 : 1)));
        if (one.mask != 0) {
            filter.push_back(load(offsetof(seccomp_data, args)));
            filter.push_back(sock_filter BPF_STMT(BPF_ALU | BPF_AND | BPF_K, one.mask));
            filter.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one.value, 0, 1));
        }
        filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, action));
    }
    filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return filter;
}

[[noreturn]] void become(const std::vector<std::string>& argv, std::vector<sock_filter> filter, bool blocks, int out)
{
    const int program = ::open(argv.front().c_str(), O_RDONLY);
    std::vector<char*> words;
    words.reserve(argv.size() + 1);
    for (const auto& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    char* const environment[] = {nullptr};
    ::dup2(out, 1);
    ::dup2(out, 2);
    const sock_fprog rules{static_cast<unsigned short>(filter.size()), filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    // The listener stays open in the process itself, where nobody listens: such a call waits for ever.
    const long listener =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, blocks ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &rules);
    if (listener > 0)
        ::fcntl(static_cast<int>(listener), F_SETFD, 0);
    if (listener >= 0)
        ::syscall(SYS_execveat, program, "", words.data(), environment, AT_EMPTY_PATH);
    ::_exit(126);
}

} // namespace

Ran run_denied(const std::vector<std::string>& argv, const std::vector<Denied>& denied)
{
    bool blocks = false;
    for (const auto& one : denied)
        blocks = blocks || one.error == 0;
    char name[] = "/tmp/xcopy-denied-XXXXXX";
    const int out = ::mkstemp(name);
    const auto filter = filter_of(denied);
    const pid_t pid = ::fork();
    if (pid == 0)
        become(argv, filter, blocks, out);
    int status = 0;
    ::waitpid(pid, &status, 0);
    Ran ran{WIFEXITED(status) ? WEXITSTATUS(status) : -1, ""};
    ::lseek(out, 0, SEEK_SET);
    char piece[4096];
    for (ssize_t got = 0; (got = ::read(out, piece, sizeof piece)) > 0;)
        ran.out.append(piece, static_cast<std::size_t>(got));
    ::close(out);
    ::unlink(name);
    return ran;
}

} // namespace xcopy::test
