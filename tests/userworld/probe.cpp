// For the launcher's tests: makes each call by itself and says how the kernel answered, a line each.
//
//   calls    every call of the profile, by its number, with nothing but zeros: "NAME errno"
//   call NAME
//   others   what must still work: threads, fork(), posix_spawn, non-blocking TCP; the limits
#include "tests/userworld/profile.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <seccomp.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace xcopy::userworld;

void say(std::string_view what, long value)
{
    std::printf("%.*s %ld\n", static_cast<int>(what.size()), what.data(), value);
}

int fionbio_on(int family)
{
    int on = 1;
    const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int error = ::ioctl(socket, FIONBIO, &on) == 0 ? 0 : errno;
    ::close(socket);
    return error;
}

void call(std::string_view name)
{
    if (name == local_socket_fionbio)
        return say(name, fionbio_on(AF_UNIX));
    const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
    const long answer = ::syscall(number, 0, 0, 0, 0, 0, 0);
    const int error = errno;
    if (answer == 0 && name == "fork")
        ::_exit(0);
    say(name, answer >= 0 ? 0 : error);
}

void calls()
{
    for (const auto& row : refused_calls())
        for (const auto name : row.calls)
            call(name);
    call(local_socket_fionbio);
}

int ended_well(pid_t pid)
{
    int status = -1;
    return ::waitpid(pid, &status, 0) == pid ? status : -1;
}

void others()
{
    int seen = 0;
    std::thread([&] { seen = fionbio_on(AF_INET) == 0 ? 1 : 0; }).join();
    say("thread", seen);

    const auto child = ::fork();
    if (child == 0)
        ::_exit(0);
    say("fork()", ended_well(child));

    pid_t spawned = -1;
    std::string program = "/bin/true";
    char* argv[] = {program.data(), nullptr};
    say("posix_spawn",
        ::posix_spawn(&spawned, program.c_str(), nullptr, nullptr, argv, nullptr) == 0 ? ended_well(spawned) : -1);

    say("fionbio-tcp", fionbio_on(AF_INET));
    const int local = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    say("fcntl-local", ::fcntl(local, F_SETFL, O_NONBLOCK));

    rlimit stack{};
    rlimit space{};
    ::getrlimit(RLIMIT_STACK, &stack);
    ::getrlimit(RLIMIT_AS, &space);
    say("stack", static_cast<long>(stack.rlim_max));
    say("address-space", static_cast<long>(space.rlim_max));
}

} // namespace

int main(int argc, char** argv)
{
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (what == "calls")
        calls();
    else if (what == "call" && argc > 2)
        call(argv[2]);
    else if (what == "others")
        others();
    else
        return 2;
    return 0;
}
