#include "tests/end_to_end/scraper.hpp"

#include <array>
#include <cstdio>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace e2e {

std::string scrape(int port)
{
    std::string text;
    std::FILE* pipe =
        ::popen(("curl -sk --max-time 30 https://127.0.0.1:" + std::to_string(port) + "/metrics").c_str(), "r");
    std::array<char, 4096> piece{};
    for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
        text.append(piece.data(), got);
    ::pclose(pipe);
    return text;
}

HeldPort::HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(socket_, 1) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("no port can be held");
    number = ntohs(address.sin_port);
}

HeldPort::~HeldPort()
{
    ::close(socket_);
}

int free_port()
{
    return HeldPort().number;
}

std::string listen_on(int port)
{
    return "--metrics-listen=127.0.0.1:" + std::to_string(port);
}

} // namespace e2e
