#include "tests/userworld/profile.hpp"

#include <algorithm>

namespace xcopy::userworld {

const std::vector<Refused>& refused_calls()
{
    using enum Asked;
    static const std::vector<Refused> table = {
        {{"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait"},
         never,
         "seen to work on 6.0, 6.7 and 7.0 for TCP, fail on local sockets, nothing known for 8.0",
         "chriskohlhoff/asio#579, golang/go#73350"},
        {{"epoll_pwait", "epoll_pwait2"}, never, "missing on 7.0 (38, ENOSYS)", "golang/go#73350, golang/go#73336"},
        {{"eventfd", "eventfd2"},
         never,
         "nothing known for 6.7; Asio never looks whether it is accepted by epoll",
         "golang/go#73350, Boost 1.81 epoll_reactor.ipp"},
        {{"timerfd_create", "timerfd_settime", "timerfd_gettime"}, never, "no report either way", "none"},
        {{"signalfd", "signalfd4"}, never, "no report either way", "none"},
        {{"inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_init", "fanotify_mark"},
         never,
         "no report either way",
         "none"},
        {{"memfd_create", "memfd_secret"}, never, "no report either way", "none"},
        {{"pidfd_open", "pidfd_getfd", "pidfd_send_signal"},
         never,
         "no report either way; Boost.Process v2 would use it",
         "Boost 1.81 process/v2/detail/config.hpp"},
        {{"io_uring_setup", "io_uring_enter", "io_uring_register"}, never, "no report either way", "none"},
        {{"io_setup", "io_submit", "io_getevents", "io_pgetevents"}, never, "no report either way", "none"},
        {{"fork"},
         never,
         "missing on 6.0 (ENOSYS); libc's fork() is clone, which works",
         "ganboing/go-esx 69f0bf81a, itiligent/RSYNC-ESXi"},
        {{"vfork"}, never, "tried and given up on 6.0; libc's posix_spawn is clone", "ganboing/go-esx 7b64bb76a"},
        {{"clone3"}, by_libc, "no report; libc falls back to clone on ENOSYS", "glibc 2.36, measured"},
        {{"rseq"}, by_libc, "no report; libc goes without", "glibc 2.36, measured"},
        {{"getrandom"},
         by_libc,
         "no report; /dev/urandom is there. OpenSSL gives up without agent/entropy.cpp",
         "OpenSSL 3.0, measured"},
        {{"madvise", "mincore", "process_madvise"},
         by_libc,
         "said not to be implemented; malloc and the end of a thread do not mind",
         "ganboing/go-esx mem_esx.go"},
        {{"statx"}, never, "no report either way; libc uses newfstatat", "glibc 2.36, measured"},
        {{"copy_file_range", "close_range", "faccessat2", "openat2", "renameat2", "preadv2", "pwritev2", "execveat"},
         never,
         "newer than what is known to run; no report either way",
         "none"},
        {{"membarrier", "mlock2", "pkey_alloc", "pkey_mprotect", "userfaultfd", "futex_waitv", "getcpu"},
         never,
         "newer than what is known to run; no report either way",
         "none"},
        {{"setgroups"}, never, "initgroups() cannot be used: never drop privileges", "rgc2000/NutClient-ESXi"},
    };
    return table;
}

namespace {

std::string joined(const std::vector<std::string_view>& calls)
{
    std::string text;
    for (const auto call : calls)
        text += (text.empty() ? "`" : ", `") + std::string(call) + "`";
    return text;
}

bool may_be_asked(std::string_view call)
{
    return std::ranges::any_of(refused_calls(), [&](const Refused& row) {
        return row.asked == Asked::by_libc && std::ranges::find(row.calls, call) != row.calls.end();
    });
}

} // namespace

std::string as_markdown()
{
    std::string text = "| System calls | Known | Source | Asked for by the agent |\n|---|---|---|---|\n";
    for (const auto& row : refused_calls())
        text += "| " + joined(row.calls) + " | " + std::string(row.why) + " | " + std::string(row.source) + " | " +
                (row.asked == Asked::never ? "never" : "by libc or OpenSSL, which go on without it") + " |\n";
    return text;
}

std::string record_line(std::string_view call, std::string_view program)
{
    return "refused " + std::string(call) + " of " + std::string(program) + "\n";
}

bool shows(std::string_view record, std::string_view program)
{
    return record.find("/" + std::string(program) + "\n") != record.npos;
}

std::vector<std::string> never_to_be_asked(std::string_view record, std::string_view program)
{
    constexpr std::string_view before = "refused ";
    constexpr std::string_view between = " of ";
    std::vector<std::string> found;
    while (!record.empty()) {
        const auto end = record.find('\n');
        const auto line = record.substr(0, end);
        record.remove_prefix(end == record.npos ? record.size() : end + 1);
        const auto split = line.rfind(between);
        if (!line.starts_with(before) || split == line.npos)
            continue;
        const auto call = line.substr(before.size(), split - before.size());
        const auto path = line.substr(split + between.size());
        if (path.substr(path.rfind('/') + 1) != program || may_be_asked(call))
            continue;
        if (std::ranges::find(found, call) == found.end())
            found.emplace_back(call);
    }
    return found;
}

} // namespace xcopy::userworld
