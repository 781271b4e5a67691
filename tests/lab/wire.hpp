// Local sockets that carry one JSON text per line. Shared by the lab, its tools on the hosts and its client library.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lab {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset();

private:
    int fd_ = -1;
};

// Both work for paths longer than a socket address can hold. They throw std::system_error.
Fd listen_on(const std::filesystem::path&);
Fd connect_to(const std::filesystem::path&);

class LineChannel {
public:
    explicit LineChannel(Fd fd) : fd_(std::move(fd)) {}

    bool send(std::string_view line);     // adds the newline; false when nobody is there any more
    std::optional<std::string> receive(); // blocks; nullopt at the end, or when a line exceeds 16 MiB
    bool peer_gone() const;               // looks without waiting and without reading
    int fd() const { return fd_.get(); }

private:
    Fd fd_;
    std::string buffered_;
};

} // namespace lab
