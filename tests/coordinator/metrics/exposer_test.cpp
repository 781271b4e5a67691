// The HTTPS side, with curl and openssl as clients.
#include "coordinator/metrics/exposer.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace xcopy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

struct ExposerTest : testing::Test {
    std::unique_ptr<Exposer> start(Exposer::Rules rules = {})
    {
        rules.address = "127.0.0.1";
        rules.port = 0;
        auto started = Exposer::start(rules, [this] { return "figures " + std::to_string(++asked) + "\n"; });
        EXPECT_TRUE(started) << started.error().message;
        return std::move(*started);
    }
    static std::string shell(const std::string& line)
    {
        std::string out;
        std::FILE* pipe = ::popen(line.c_str(), "r");
        std::array<char, 4096> piece{};
        for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
            out.append(piece.data(), got);
        ::pclose(pipe);
        return out;
    }
    static std::string get(const Exposer& exposer, const std::string& path = "/metrics", const std::string& more = "")
    {
        return shell("curl -sk --max-time 20 " + more + " https://127.0.0.1:" + std::to_string(exposer.port()) + path +
                     " 2>&1");
    }

    std::atomic<int> asked = 0;
};

TEST_F(ExposerTest, AnswersMetricsAndNothingElse)
{
    const auto exposer = start();
    EXPECT_EQ(get(*exposer), "figures 1\n");
    EXPECT_THAT(get(*exposer, "/other", "-w '%{http_code}'"), HasSubstr("404"));
    EXPECT_THAT(get(*exposer, "/metrics", "-X POST -w '%{http_code}'"), HasSubstr("404"));
    EXPECT_THAT(get(*exposer, "/metrics", "-D -"), HasSubstr("text/plain; version=0.0.4"));
}

TEST_F(ExposerTest, ManyScrapesOnOneConnectionAreHarmless)
{
    const auto exposer = start();
    std::string urls;
    for (int i = 0; i < 200; ++i)
        urls += " https://127.0.0.1:" + std::to_string(exposer->port()) + "/metrics";
    const auto all = shell("curl -skv --max-time 20 " + urls + " 2>&1");
    EXPECT_EQ(asked, 200);
    EXPECT_THAT(all, HasSubstr("Re-using existing connection"));
}

TEST_F(ExposerTest, TlsIsTwelveOrNewer)
{
    const auto exposer = start();
    EXPECT_THAT(get(*exposer, "/metrics", "--tls-max 1.2"), HasSubstr("figures"));
    const auto old = shell("openssl s_client -tls1_1 -cipher DEFAULT@SECLEVEL=0 -connect 127.0.0.1:" +
                           std::to_string(exposer->port()) + " </dev/null 2>&1");
    EXPECT_THAT(old, HasSubstr("alert"));
}

TEST_F(ExposerTest, TheFirstAnswersAreHeldButConnectionsAreTaken)
{
    const auto from = Clock::now() + 700ms;
    const auto exposer = start({.answers_from = from});
    EXPECT_EQ(get(*exposer), "figures 1\n");
    EXPECT_GE(Clock::now(), from);
}

TEST_F(ExposerTest, OneTooManyIsClosedAndTheOthersLive)
{
    const auto exposer = start({.most_connections = 1});
    const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(exposer->port()), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    ASSERT_EQ(::connect(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_NE(get(*exposer, "/metrics", "-o /dev/null -w '%{exitcode}'"), "0")
        << "connections are taken in their order";
    ::close(silent);
    std::string text;
    for (int attempt = 0; attempt < 1000 && text.empty(); ++attempt)
        text = get(*exposer);
    EXPECT_THAT(text, HasSubstr("figures"));
}

TEST_F(ExposerTest, OneMoreScrapeIsWaitedForAndNoLonger)
{
    const auto exposer = start();
    EXPECT_EQ(get(*exposer), "figures 1\n");
    EXPECT_FALSE(exposer->wait_for_scrape({}, 50ms)) << "that one was before";
    std::jthread scraper([&] { get(*exposer); });
    EXPECT_TRUE(exposer->wait_for_scrape({}, 20s));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(exposer->wait_for_scrape(stop.get_token(), 20s));
}

TEST_F(ExposerTest, WhoAsksIsCountedBeforeTheAnswer)
{
    const auto open = start();
    get(*open, "/other");
    EXPECT_EQ(open->asked(), 0U);
    get(*open);
    EXPECT_EQ(open->asked(), 1U);
    EXPECT_EQ(asked, 1);

    auto held = start({.answers_from = Clock::now() + 1h});
    std::jthread scraper([&, port = std::to_string(held->port())] {
        shell("curl -sk --max-time 20 https://127.0.0.1:" + port + "/metrics 2>&1");
    });
    while (held->asked() == 0)
        std::this_thread::yield();
    EXPECT_EQ(asked, 1) << "counted, and not answered";
    held.reset(); // the connection goes with it
}

TEST_F(ExposerTest, APortInUseIsSaidWithTheRemedy)
{
    const auto exposer = start();
    const auto second = Exposer::start({.address = "127.0.0.1", .port = exposer->port()}, [] { return ""; });
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().remedy, HasSubstr("--metrics-listen"));
}

} // namespace
} // namespace xcopy
