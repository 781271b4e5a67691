#include "tests/lab/line_server.hpp"

#include <cerrno>
#include <cstdio>
#include <sys/socket.h>
#include <utility>

namespace lab {

LineServer::LineServer(const std::filesystem::path& socket, Handler handler)
    : handler_(std::move(handler)), listener_(listen_on(socket)), acceptor_([this] { accept_all(); })
{}

LineServer::~LineServer()
{
    std::unique_lock lock(mutex_);
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR); // ends accept
    for (const int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    idle_.wait(lock, [&] { return open_.empty(); });
    lock.unlock();
    acceptor_.join();
}

void LineServer::accept_all()
{
    for (;;) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        const std::lock_guard lock(mutex_);
        if (fd < 0 || stopping_) {
            Fd closed(fd);
            return;
        }
        open_.insert(fd);
        std::thread([this, fd] { serve(fd); }).detach(); // counted by open_
    }
}

void LineServer::serve(int fd)
{
    LineChannel channel((Fd(fd)));
    try {
        handler_(channel);
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "xcopy-lab: connection ended: %s\n", problem.what());
    }
    const std::lock_guard lock(mutex_);
    ::shutdown(fd, SHUT_RDWR);
    open_.erase(fd);
    idle_.notify_all();
}

} // namespace lab
