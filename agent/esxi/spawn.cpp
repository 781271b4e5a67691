#include "agent/esxi/spawn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace xcopy {

namespace {

constexpr std::array reset_signals{SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2};

// What a child must not inherit: every descriptor that stays open across exec, and the next free numbers, which another
// thread may be given while we prepare (each listed one costs glibc a system call, so not simply all of them).
// The select reactor keeps the agent's below FD_SETSIZE; close_range is not to be relied on.
std::vector<int> descriptors_to_close(int keep)
{
    constexpr rlim_t highest = 1024;
    constexpr int spare = 16;
    rlimit limits{};
    const int end = getrlimit(RLIMIT_NOFILE, &limits) == 0 ? static_cast<int>(std::min(limits.rlim_cur, highest)) : 256;
    std::vector<int> found;
    int free_ones = 0;
    for (int fd = 3; fd < end; ++fd) {
        const int flags = fcntl(fd, F_GETFD);
        const bool stays_open = flags >= 0 && (flags & FD_CLOEXEC) == 0;
        if (fd != keep && (stays_open || (flags < 0 && free_ones++ < spare)))
            found.push_back(fd);
    }
    return found;
}

Error not_started(const std::string& program, int error)
{
    if (error == EPERM)
        return {Errc::unavailable, fmt::format("the host does not let {} run (EPERM)", program),
                "execInstalledOnly allows only programs installed by a VIB: install the agent's VIB, or see `esxcli "
                "system settings advanced list -o /User/execInstalledOnly`",
                "exec_denied"};
    return {Errc::unavailable, fmt::format("cannot start {}: {}", program, std::strerror(error))};
}

class FileActions {
public:
    explicit FileActions(const Launch& launch)
    {
        posix_spawn_file_actions_init(&actions_);
        note(posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0));
        output(launch.out, 1);
        output(launch.err, 2);
        if (launch.keep >= 0) // onto itself: clears FD_CLOEXEC
            note(posix_spawn_file_actions_adddup2(&actions_, launch.keep, launch.keep));
        for (int fd : descriptors_to_close(launch.keep))
            note(posix_spawn_file_actions_addclose(&actions_, fd));
    }
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    const posix_spawn_file_actions_t* get() const { return &actions_; }
    int error() const { return error_; }

private:
    void output(int from, int to)
    {
        note(from >= 0 ? posix_spawn_file_actions_adddup2(&actions_, from, to)
                       : posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_WRONLY, 0));
    }
    void note(int error) { error_ = error_ != 0 ? error_ : error; }

    posix_spawn_file_actions_t actions_{};
    int error_ = 0;
};

class Attributes {
public:
    explicit Attributes(const Launch& launch)
    {
        posix_spawnattr_init(&attributes_);
        sigset_t set;
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attributes_, &set);
        for (int signal : reset_signals)
            sigaddset(&set, signal);
        posix_spawnattr_setsigdefault(&attributes_, &set);
        posix_spawnattr_setpgroup(&attributes_, 0);
        const int group = launch.own_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
        posix_spawnattr_setflags(&attributes_,
                                 static_cast<short>(group | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    }
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

// Between fork and exec only calls that are safe beside other threads.
[[noreturn]] void become(const Launch& launch, char* const* argv, char* const* environment,
                         const std::vector<int>& unwanted, int failure)
{
    if (launch.own_session)
        setsid();
    else
        setpgid(0, 0);
    for (int signal : reset_signals)
        (void)::signal(signal, SIG_DFL); // nobody could be told
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);

    const int nothing = open("/dev/null", O_RDWR);
    const bool ready = nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(launch.out >= 0 ? launch.out : nothing, 1) >= 0 &&
                       dup2(launch.err >= 0 ? launch.err : nothing, 2) >= 0 &&
                       (launch.keep < 0 || fcntl(launch.keep, F_SETFD, 0) == 0);
    if (ready) {
        for (int fd : unwanted)
            if (fd != failure)
                close(fd);
        execve(argv[0], argv, environment);
    }
    const int error = errno;
    if (write(failure, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

Result<pid_t> fork_and_exec(const Launch& launch, char* const* argv, char* const* environment)
{
    auto failure = make_pipe();
    if (!failure)
        return failure.error();
    const auto unwanted = descriptors_to_close(launch.keep);
    const pid_t pid = fork();
    if (pid < 0)
        return not_started(launch.argv.front(), errno);
    if (pid == 0)
        become(launch, argv, environment, unwanted, failure->write.get());
    failure->write.reset();
    fcntl(failure->read.get(), F_SETFL, 0); // exec closes the other end, so this read always ends
    int error = 0;
    ssize_t got = 0;
    do
        got = read(failure->read.get(), &error, sizeof error);
    while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof error))
        return pid;
    waitpid(pid, nullptr, 0);
    return not_started(launch.argv.front(), error);
}

// A descriptor below 3 would be overwritten while the child's own are set up.
UniqueFd above_standard(UniqueFd fd)
{
    if (fd.get() >= 3)
        return fd;
    return UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

} // namespace

Result<pid_t> launch(const Launch& launch)
{
    if (launch.argv.empty() || !launch.argv.front().starts_with('/'))
        return Error{Errc::bad_request, "a program is started by its absolute path only"};
    std::vector<char*> argv;
    argv.reserve(launch.argv.size() + 1);
    for (const auto& word : launch.argv)
        argv.push_back(const_cast<char*>(word.c_str())); // exec's old signature; nothing writes
    argv.push_back(nullptr);
    char path[] = "PATH=/bin:/sbin";
    char* const environment[] = {path, nullptr};

    if (launch.method == SpawnMethod::fork_exec)
        return fork_and_exec(launch, argv.data(), environment);
    const FileActions actions(launch);
    if (actions.error() != 0)
        return not_started(launch.argv.front(), actions.error());
    const Attributes attributes(launch);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, argv[0], actions.get(), attributes.get(), argv.data(), environment);
    if (error == 0)
        return pid;
    if (error == ENOSYS && launch.method == SpawnMethod::whichever_works)
        return fork_and_exec(launch, argv.data(), environment);
    return not_started(launch.argv.front(), error);
}

Result<Pipe> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return Error{Errc::unavailable, fmt::format("cannot make a pipe: {}", std::strerror(errno))};
    Pipe made{above_standard(UniqueFd(ends[0])), above_standard(UniqueFd(ends[1]))};
    if (!made.read || !made.write || fcntl(made.read.get(), F_SETFL, O_NONBLOCK) != 0)
        return Error{Errc::unavailable, fmt::format("cannot make a pipe: {}", std::strerror(errno))};
    return made;
}

Drained drain(int fd, std::string& into, std::size_t limit)
{
    std::array<char, 16384> buffer;
    while (limit > 0) {
        const ssize_t got = read(fd, buffer.data(), std::min(buffer.size(), limit));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return Drained::open;
        if (got <= 0)
            return Drained::closed;
        into.append(buffer.data(), static_cast<std::size_t>(got));
        limit -= static_cast<std::size_t>(got);
    }
    return Drained::open;
}

} // namespace xcopy
