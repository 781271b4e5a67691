#include "agent/esxi/writer_lock.hpp"

#include "agent/esxi/files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>

namespace xcopy {

namespace {

using namespace std::chrono_literals;

enum class Lock : std::uint8_t { taken, held_by_another, not_to_be_had, failed };

Lock try_lock(int fd, int kind)
{
    while (flock(fd, kind | LOCK_NB) != 0) {
        switch (errno) {
        case EINTR:
            continue;
        case EWOULDBLOCK:
            return Lock::held_by_another;
        case ENOSYS:
        case EOPNOTSUPP:
        case EINVAL:
            return Lock::not_to_be_had;
        default:
            return Lock::failed;
        }
    }
    return Lock::taken;
}

// A look at the lock (writer_state) holds it for an instant; a writer holds it for longer than these tries.
Lock lock_patiently(int fd)
{
    Lock lock = try_lock(fd, LOCK_EX);
    for (int tries = 0; lock == Lock::held_by_another && tries < 10; ++tries) {
        std::this_thread::sleep_for(2ms);
        lock = try_lock(fd, LOCK_EX);
    }
    return lock;
}

bool lives(int pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

// A host's boot time is computed from clock and uptime, so it wanders with the clock's corrections.
bool same_boot(std::int64_t a_ms, std::int64_t b_ms)
{
    constexpr std::int64_t tolerance_ms = 60'000;
    return a_ms - b_ms <= tolerance_ms && b_ms - a_ms <= tolerance_ms;
}

Writer judged_by_pids(const std::optional<JobStatus>& status)
{
    if (!status || status->supervisor_pid <= 0)
        return Writer::unknown; // ordered, but the supervisor has not said its name yet
    return lives(status->supervisor_pid) || lives(status->writer_pid) ? Writer::alive : Writer::gone;
}

} // namespace

std::string writer_lock_path(const JobDir& dir)
{
    return dir.path() + "/writer.lock";
}

Result<UniqueFd> take_writer_lock(const JobDir& dir)
{
    const std::string path = writer_lock_path(dir);
    UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file)
        return file_error("open", path, errno);
    switch (lock_patiently(file.get())) {
    case Lock::taken:
        return file;
    case Lock::not_to_be_had:
        return UniqueFd();
    case Lock::held_by_another:
        return Error{Errc::conflict, fmt::format("{} is held: this clone already has a writer", path), "",
                     "writer_alive"};
    case Lock::failed:
        break;
    }
    return file_error("lock", path, errno);
}

Writer writer_state(const JobDir& dir, const std::optional<JobStatus>& status, std::int64_t order_boot_ms,
                    std::int64_t now_boot_ms)
{
    if (!same_boot(order_boot_ms, now_boot_ms))
        return Writer::gone;
    const std::string path = writer_lock_path(dir);
    const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file) // start_supervisor makes it before anything runs
        return errno == ENOENT ? Writer::gone : judged_by_pids(status);
    switch (try_lock(file.get(), LOCK_SH)) { // freed as the descriptor closes
    case Lock::taken:
        return Writer::gone;
    case Lock::held_by_another:
        return Writer::alive;
    case Lock::not_to_be_had:
    case Lock::failed:
        break;
    }
    return judged_by_pids(status);
}

} // namespace xcopy
