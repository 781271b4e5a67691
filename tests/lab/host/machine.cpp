#include "tests/lab/host/machine.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace lab {

namespace {

using nlohmann::json;

// The next three run between fork and exec: system calls only.
bool write_file(const char* path, const char* text, std::size_t length)
{
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    const bool good = fd >= 0 && ::write(fd, text, length) == static_cast<ssize_t>(length);
    ::close(fd);
    return good;
}

struct ClockOrder {
    std::string offsets; // what /proc/self/timens_offsets takes
    std::string uid_map; // one's own id in the user namespace that is needed when one is not root
    std::string gid_map;
};

// A boot moment of its own. Without the right to a time namespace the host shows the uptime of the machine.
void enter_time_namespace(const ClockOrder& order)
{
    if (::geteuid() != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0)
            return;
        write_file("/proc/self/setgroups", "deny", 4);
        write_file("/proc/self/uid_map", order.uid_map.data(), order.uid_map.size());
        write_file("/proc/self/gid_map", order.gid_map.data(), order.gid_map.size());
    } else if (::unshare(CLONE_NEWTIME) != 0) {
        return;
    }
    write_file("/proc/self/timens_offsets", order.offsets.data(), order.offsets.size());
}

[[noreturn]] void become_host(const std::vector<char*>& argv, const ClockOrder& order, int orders)
{
    ::fcntl(orders, F_SETFD, 0);
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    enter_time_namespace(order);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

ClockOrder clock_order(long uptime_s)
{
    const auto own = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
    return {"boottime " + std::to_string(uptime_s) + " 0\n", own(::geteuid()), own(::getegid())};
}

} // namespace

void Machine::power_on(const std::function<std::vector<std::string>(int)>& argv_for, long uptime_s)
{
    const std::lock_guard lock(mutex_);
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        throw std::runtime_error("socketpair failed");
    Fd ours(pair[0]);
    Fd theirs(pair[1]);
    auto argv = argv_for(theirs.get());
    std::vector<char*> pointers;
    for (auto& word : argv)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const auto clock = clock_order(uptime_s);

    pid_ = ::fork();
    if (pid_ == 0)
        become_host(pointers, clock, theirs.get());
    if (pid_ < 0)
        throw std::runtime_error("fork failed");
    theirs.reset();
    init_ = std::make_unique<LineChannel>(std::move(ours));
    if (!init_->receive()) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        init_.reset();
        throw std::runtime_error("the simulated host did not start; is bubblewrap there, and may it make namespaces?");
    }
}

// Process 1 ends when its channel does, and the kernel ends the rest of its namespace before bubblewrap can be reaped.
void Machine::power_off()
{
    const std::lock_guard lock(mutex_);
    init_.reset();
    if (pid_ > 0)
        ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

json Machine::order(const json& order)
{
    const std::lock_guard lock(mutex_);
    if (!init_ || !init_->send(order.dump()))
        return {{"ok", false}, {"error", "the host is off"}};
    const auto line = init_->receive();
    return line ? json::parse(*line) : json{{"ok", false}, {"error", "the host went down"}};
}

} // namespace lab
