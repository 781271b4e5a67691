// Wakes a thread that waits in poll().
#pragma once

#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace xcopy::ssh {

class Waker {
public:
    Waker() = default;
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;
    ~Waker() { ::close(fd_); }

    int fd() const { return fd_; }
    void wake() const
    {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
    }
    void wait() const
    {
        pollfd one{fd_, POLLIN, 0};
        ::poll(&one, 1, -1);
        drain();
    }
    void drain() const
    {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto taken = ::read(fd_, &count, sizeof count);
    }

private:
    int fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

} // namespace xcopy::ssh
