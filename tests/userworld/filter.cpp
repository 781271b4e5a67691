#include "tests/userworld/filter.hpp"

#include "tests/userworld/profile.hpp"

#include <cerrno>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) // Linux 5.19
#endif

namespace xcopy::userworld {

namespace {

[[noreturn]] void fail(const std::string& what, int error)
{
    throw std::runtime_error(what + ": " + std::strerror(error));
}

std::vector<sock_filter> program_of(scmp_filter_ctx context)
{
    const UniqueFd file(::memfd_create("filter", MFD_CLOEXEC));
    if (const int error = seccomp_export_bpf(context, file.get()); error != 0)
        fail("translate the filter", -error);
    std::vector<sock_filter> program(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)) / sizeof(sock_filter));
    const auto bytes = program.size() * sizeof(sock_filter);
    if (::pread(file.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes))
        fail("read the filter", errno);
    return program;
}

// Through the plain system call, because libseccomp 2.5 cannot ask that a waiting caller be left alone by signals:
// without it a signal makes an ordinary accept() fail with EINTR now and then.
UniqueFd load(std::vector<sock_filter> program)
{
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        fail("set no_new_privs", errno);
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    for (const auto flags : {SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                             SECCOMP_FILTER_FLAG_NEW_LISTENER}) {
        const auto listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
        if (listener >= 0)
            return UniqueFd(static_cast<int>(listener));
    }
    fail("load the filter", errno);
}

} // namespace

UniqueFd install_filter()
{
    const std::unique_ptr<void, decltype(&seccomp_release)> context(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
    if (!context)
        fail("begin a filter", ENOMEM);
    for (const auto& row : refused_calls())
        for (const auto call : row.calls) {
            const int number = seccomp_syscall_resolve_name(std::string(call).c_str());
            if (const int error = seccomp_rule_add(context.get(), SCMP_ACT_NOTIFY, number, 0); error != 0)
                fail("refuse " + std::string(call), -error);
        }
    const scmp_arg_cmp fionbio{1, SCMP_CMP_MASKED_EQ, 0xffffffff, FIONBIO};
    if (const int error = seccomp_rule_add(context.get(), SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1, fionbio); error != 0)
        fail("watch FIONBIO", -error);
    return load(program_of(context.get()));
}

void set_limits()
{
    const rlimit stack{stack_bytes, stack_bytes};
    const rlimit space{address_space_bytes, address_space_bytes};
    if (::setrlimit(RLIMIT_STACK, &stack) != 0 || ::setrlimit(RLIMIT_AS, &space) != 0)
        fail("set the limits", errno);
}

} // namespace xcopy::userworld
