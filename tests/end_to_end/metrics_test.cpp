// A scraper beside a copy, as Forklift's controller is one.
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <netinet/in.h>
#include <regex>
#include <sys/socket.h>
#include <unistd.h>

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

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

// A port of 127.0.0.1 that nobody else has while this lives.
class HeldPort {
public:
    HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0);
        EXPECT_EQ(::listen(socket_, 1), 0);
        EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
        number = ntohs(address.sin_port);
    }
    ~HeldPort() { ::close(socket_); }
    HeldPort(const HeldPort&) = delete;
    HeldPort& operator=(const HeldPort&) = delete;

    int number = 0;

private:
    int socket_;
};

int free_port() // of this moment
{
    return HeldPort().number;
}

std::string listen_on(int port)
{
    return "--metrics-listen=127.0.0.1:" + std::to_string(port);
}

TEST(Metrics, ACopyIsFollowedToItsEndAndWaitsForTheLastScrape)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(16 * mib);
    const int port = free_port();
    const auto copy = site.prepare_populate(disk, target, {listen_on(port)});
    copy->go();
    std::string text;
    while (text.find("copy_duration_seconds{") == std::string::npos) {
        text = scrape(port);
        EXPECT_FALSE(std::regex_search(text, std::regex("\\} [0-9.]*e")));
    }
    const auto ran = copy->wait();
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(text, HasSubstr("progress{owner_uid=\"" + target.job + "\"} 100\n"));
    EXPECT_THAT(text, HasSubstr("xcopy_used{clone_method=\"agent\",owner_uid=\"" + target.job +
                                "\",storage_vendor=\"ontap\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("result=\"success\""));
    EXPECT_THAT(text, HasSubstr("storage_array_product=\"ONTAP\""));
    EXPECT_THAT(text, HasSubstr("type=\"provisioned\"} 16777216\n"));
    EXPECT_THAT(ran.err, Not(HasSubstr("nobody asked"))) << "it ended because of the scrape";
}

TEST(Metrics, AFailureIsSaidAndThePortIsNeededBeforeAnythingIsChanged)
{
    Site site;
    const auto disk = site.make_disk("web/web.vmdk", 16 * mib);
    const auto target = site.make_target(8 * mib); // too small
    const int port = free_port();
    const auto copy = site.prepare_populate(disk, target, {listen_on(port)});
    copy->go();
    std::string text;
    while (text.find("result=\"failure\"") == std::string::npos)
        text = scrape(port);
    EXPECT_EQ(copy->wait().exit, 3);

    const HeldPort held;
    const auto refused = site.populate(disk, target, {listen_on(held.number)});
    EXPECT_EQ(refused.exit, 2);
    EXPECT_THAT(refused.err, HasSubstr("Address already in use"));
}

} // namespace
} // namespace e2e
