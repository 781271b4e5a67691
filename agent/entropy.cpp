// OpenSSL asks getentropy() for its seed; on a kernel without getrandom(2) it then looks at the release of the kernel,
// takes ESXi's 6.7.0 or 8.0.2 for a Linux that has it, and refuses to start (facts/esxi.md 1.4). This definition
// replaces libc's in the static program.
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" int getentropy(void* buffer, std::size_t length)
{
    if (length > 256) {
        errno = EIO;
        return -1;
    }
    if (::syscall(SYS_getrandom, buffer, length, 0) == static_cast<long>(length))
        return 0;

    const int source = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (source < 0)
        return -1;
    auto* at = static_cast<char*>(buffer);
    while (length > 0) {
        const auto got = ::read(source, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        at += got;
        length -= static_cast<std::size_t>(got);
    }
    ::close(source);
    if (length > 0)
        errno = EIO;
    return length == 0 ? 0 : -1;
}
