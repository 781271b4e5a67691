#include "tests/userworld/watcher.hpp"

#include "tests/userworld/profile.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace xcopy::userworld {

namespace {

std::string proc(std::uint32_t pid, const char* what)
{
    return "/proc/" + std::to_string(pid) + "/" + what;
}

// A pidfd wants the process; the caller may be any thread of it.
int process_of(std::uint32_t thread)
{
    constexpr std::string_view key = "Tgid:";
    std::ifstream status(proc(thread, "status"));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key))
            return std::atoi(line.c_str() + key.size());
    return -1;
}

std::string program_of(std::uint32_t pid)
{
    char path[4096];
    const auto length = ::readlink(proc(pid, "exe").c_str(), path, sizeof path);
    return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "?";
}

// The filter sees numbers only; the family is asked of a copy of the very socket.
bool is_local_socket(const seccomp_data& call, std::uint32_t thread)
{
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, process_of(thread), 0)));
    const UniqueFd socket(
        static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), static_cast<int>(call.args[0]), 0)));
    int family = AF_UNSPEC;
    socklen_t length = sizeof family;
    return socket.get() >= 0 && ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 &&
           family == AF_UNIX;
}

std::string name_of(int number)
{
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    std::string text = name == nullptr ? std::to_string(number) : name;
    std::free(name);
    return text;
}

class Record {
public:
    explicit Record(const std::string& file)
        : fd_(file.empty() ? -1 : ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644))
    {}
    void add(std::string_view call, std::uint32_t pid) const
    {
        if (fd_.get() < 0)
            return;
        const auto line = record_line(call, program_of(pid));
        if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
            std::abort(); // a record with holes proves nothing
    }

private:
    UniqueFd fd_;
};

seccomp_notif_resp answer(const seccomp_notif& asked, const Record& record)
{
    seccomp_notif_resp reply{};
    reply.id = asked.id;
    if (asked.data.nr != SYS_ioctl) {
        record.add(name_of(asked.data.nr), asked.pid);
        reply.error = -ENOSYS;
    } else if (is_local_socket(asked.data, asked.pid)) {
        record.add(local_socket_fionbio, asked.pid);
        reply.error = -ENOTTY;
    } else {
        reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    return reply;
}

} // namespace

void answer_calls(const UniqueFd& listener, const std::string& record_file)
{
    const Record record(record_file);
    for (;;) {
        pollfd waiting{listener.get(), POLLIN, 0};
        if (::poll(&waiting, 1, -1) < 0 && errno == EINTR)
            continue;
        if ((waiting.revents & POLLIN) == 0)
            return; // POLLHUP: nobody is left
        seccomp_notif asked{};
        if (::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
            continue; // the caller was killed meanwhile
        auto reply = answer(asked, record);
        ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }
}

} // namespace xcopy::userworld
