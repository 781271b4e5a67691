#include "tests/lab/wire.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace lab {

namespace {

constexpr std::size_t longest_line = std::size_t{16} * 1024 * 1024;

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

// A socket address holds 107 bytes of path; a longer one is reached through its directory's descriptor.
struct Address {
    explicit Address(const std::filesystem::path& path)
    {
        auto text = path.string();
        if (text.size() >= sizeof(value.sun_path)) {
            directory = Fd(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            if (!directory)
                fail("open socket directory");
            text = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + path.filename().string();
        }
        if (text.size() >= sizeof(value.sun_path)) {
            errno = ENAMETOOLONG;
            fail("socket path");
        }
        value.sun_family = AF_UNIX;
        std::memcpy(value.sun_path, text.c_str(), text.size() + 1);
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&value); }

    Fd directory;
    sockaddr_un value{};
};

Fd stream_socket()
{
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        fail("socket");
    return fd;
}

} // namespace

Fd& Fd::operator=(Fd&& other) noexcept
{
    if (this != &other) {
        reset();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Fd::reset()
{
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = -1;
}

Fd listen_on(const std::filesystem::path& path)
{
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    const Address address(path);
    Fd fd = stream_socket();
    if (::bind(fd.get(), address.get(), sizeof(sockaddr_un)) != 0)
        fail("bind");
    if (::listen(fd.get(), 128) != 0)
        fail("listen");
    return fd;
}

Fd connect_to(const std::filesystem::path& path)
{
    const Address address(path);
    Fd fd = stream_socket();
    while (::connect(fd.get(), address.get(), sizeof(sockaddr_un)) != 0)
        if (errno != EINTR)
            fail("connect");
    return fd;
}

bool LineChannel::send(std::string_view line)
{
    std::string bytes(line);
    bytes += '\n';
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        sent += static_cast<std::size_t>(n);
    }
    return true;
}

std::optional<std::string> LineChannel::receive()
{
    std::array<char, 16384> chunk{};
    for (std::size_t searched = 0;;) {
        if (const auto end = buffered_.find('\n', searched); end != std::string::npos) {
            auto line = buffered_.substr(0, end);
            buffered_.erase(0, end + 1);
            return line;
        }
        searched = buffered_.size();
        if (searched > longest_line)
            return std::nullopt;
        const auto n = ::read(fd_.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return std::nullopt;
        buffered_.append(chunk.data(), static_cast<std::size_t>(n));
    }
}

bool LineChannel::peer_gone() const
{
    pollfd p{fd_.get(), POLLRDHUP, 0};
    return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

} // namespace lab
