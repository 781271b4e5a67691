// xcopy-userworld: runs a program as if the kernel below it were ESXi's, as far as system calls and limits go.
//
//   xcopy-userworld [--record FILE] PROGRAM [ARGUMENTS]
//   xcopy-userworld --table
//
// The program keeps the launcher's process id, so whoever started the one holds the other. The watcher beside it is
// nobody's child and ends with the last process under the filter.
#include "agent/esxi/unique_fd.hpp"
#include "tests/userworld/filter.hpp"
#include "tests/userworld/profile.hpp"
#include "tests/userworld/watcher.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace {

using namespace xcopy;

constexpr int cannot_start = 125;

void send_descriptor(int channel, int descriptor)
{
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof descriptor)] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (::sendmsg(channel, &message, 0) != 1)
        throw std::runtime_error(std::string("hand over the listener: ") + std::strerror(errno));
}

UniqueFd receive_descriptor(int channel)
{
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    int descriptor = -1;
    if (::recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message) != nullptr)
        std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return UniqueFd(descriptor);
}

// Nobody who waits for the program's output to end may wait for the watcher, and nobody who looks for the program by
// its command line may find the watcher.
UniqueFd become_nobody(UniqueFd listener, int argc, char** argv)
{
    constexpr int only = 3;
    ::setsid();
    ::dup2(listener.release(), only);
    ::close_range(only + 1, ~0U, 0);
    ::dup2(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)).get(), STDIN_FILENO);
    ::dup2(STDIN_FILENO, STDOUT_FILENO);
    ::dup2(STDIN_FILENO, STDERR_FILENO);
    for (int i = 1; i < argc; ++i)
        std::memset(argv[i], 0, std::strlen(argv[i]));
    return UniqueFd(only);
}

[[noreturn]] void watch(const UniqueFd& channel, const std::string& record, int argc, char** argv)
{
    if (::fork() != 0)
        ::_exit(0);
    if (auto listener = receive_descriptor(channel.get()))
        userworld::answer_calls(become_nobody(std::move(listener), argc, argv), record);
    ::_exit(0);
}

// Under the profile already: what is the point of a run whose kernel let everything through?
void prove_the_profile()
{
    int on = 1;
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw std::runtime_error("no socket to try the profile with");
    const UniqueFd local(pair[0]);
    const UniqueFd other(pair[1]);
    const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::ioctl(tcp.get(), FIONBIO, &on) != 0)
        throw std::runtime_error(std::string("FIONBIO is refused on TCP as well: ") + std::strerror(errno));
    if (::ioctl(local.get(), FIONBIO, &on) == 0 || errno != ENOTTY)
        throw std::runtime_error("FIONBIO is not refused on a local socket; is pidfd_getfd allowed here?");
    if (::syscall(SYS_epoll_create1, 0) >= 0 || errno != ENOSYS)
        throw std::runtime_error("epoll_create1 is not refused");
}

int launch(const std::string& record, char** program, int argc, char** argv)
{
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw std::runtime_error("no socket for the watcher");
    UniqueFd ours(pair[0]);
    UniqueFd theirs(pair[1]);
    const auto middle = ::fork();
    if (middle < 0)
        throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (middle == 0) {
        ours.reset();
        watch(theirs, record, argc, argv);
    }
    theirs.reset();
    ::waitpid(middle, nullptr, 0);
    {
        const auto listener = userworld::install_filter();
        send_descriptor(ours.get(), listener.get());
    }
    ours.reset();
    prove_the_profile();
    userworld::set_limits();
    ::execv(program[0], program);
    throw std::runtime_error(std::string("start ") + program[0] + ": " + std::strerror(errno));
}

} // namespace

int main(int argc, char** argv)
{
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "--table") {
        (void)std::fputs(userworld::as_markdown().c_str(), stdout);
        return 0;
    }
    const bool recorded = first == "--record" && argc > 2;
    const int program = recorded ? 3 : 1;
    if (program >= argc) {
        (void)std::fputs("usage: xcopy-userworld [--record FILE] PROGRAM [ARGUMENTS]\n       xcopy-userworld --table\n",
                         stderr);
        return cannot_start;
    }
    try {
        return launch(recorded ? argv[2] : "", argv + program, argc, argv);
    } catch (const std::exception& problem) {
        (void)std::fprintf(stderr, "xcopy-userworld: %s\n", problem.what());
        return cannot_start;
    }
}
