// Serves a local socket: a thread per connection, all of them gone when this is.
#pragma once

#include "tests/lab/wire.hpp"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

namespace lab {

class LineServer {
public:
    using Handler = std::function<void(LineChannel&)>;

    LineServer(const std::filesystem::path& socket, Handler);
    ~LineServer(); // connections are cut; handlers must then return
    LineServer(const LineServer&) = delete;
    LineServer& operator=(const LineServer&) = delete;

private:
    void accept_all();
    void serve(int fd);

    Handler handler_;
    Fd listener_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::set<int> open_;
    bool stopping_ = false;
    std::jthread acceptor_;
};

} // namespace lab
