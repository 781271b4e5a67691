// The agent's front door: who gets in, what is refused, what is bounded.
#include "agent/esxi/child.hpp"
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace xcopy::test {

namespace {

// s_client that says nothing and stays until the server closes.
pid_t silent_client(const FakeHost& host, const std::string& client = "operator")
{
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    const int nothing = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(nothing, fd);
    const std::string pki = host.folder / "pki/";
    const std::string to = "127.0.0.1:" + host.port;
    ::execl("/usr/bin/openssl", "openssl", "s_client", "-quiet", "-ign_eof", "-connect", to.c_str(), "-cert",
            (pki + client + ".crt").c_str(), "-key", (pki + client + ".key").c_str(), nullptr);
    ::_exit(127);
}

class Door : public ::testing::Test {
protected:
    FakeHost host;
};

} // namespace

TEST_F(Door, OpensForAnOperator)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/health").status, 200);
    EXPECT_EQ(host.call("DELETE", "/v1/clones/unknown").status, 200);
}

TEST_F(Door, LetsAnObserverLookAndNothingElse)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/clones", "", "observer").status, 200);
    EXPECT_EQ(host.call("DELETE", "/v1/clones/unknown", "", "observer").status, 403);
    EXPECT_EQ(host.call("POST", "/v1/rescan", R"({"kind":"add"})", "observer").status, 403);
    EXPECT_EQ(host.count("calls", "rescan"), 0);
}

TEST_F(Door, LogsWhoOrderedWhat)
{
    host.start();
    host.call("GET", "/v1/clones");
    EXPECT_EQ(host.count("log", "order answered"), 0) << "looking is no order";
    host.call("DELETE", "/v1/clones/unknown");
    const auto log = host.read("log");
    EXPECT_NE(
        log.find("order answered call=\"DELETE /v1/clones/unknown\" peer=127.0.0.1 client=\"/CN=operator\" status=200"),
        std::string::npos)
        << log;
}

TEST_F(Door, RefusesACertificateWithoutARoleAndLogsWhoItWas)
{
    host.start();
    const auto answer = host.call("GET", "/v1/health", "", "stranger");
    EXPECT_EQ(answer.status, 403);
    EXPECT_NE(answer.body.find("no_role"), std::string::npos);
    EXPECT_NE(host.read("log").find("subject=\"/CN=stranger\""), std::string::npos) << host.read("log");
    EXPECT_NE(host.read("log").find("peer=127.0.0.1"), std::string::npos);
}

TEST_F(Door, EndsTheHandshakeWithoutACertificate)
{
    host.start();
    const auto answer = host.call("GET", "/v1/health", "", "");
    EXPECT_NE(answer.curl_exit, 0);
    EXPECT_EQ(answer.status, 0);
}

TEST_F(Door, EndsTheHandshakeWithAnExpiredCertificate)
{
    host.start();
    const auto answer = host.call("GET", "/v1/health", "", "expired");
    EXPECT_NE(answer.curl_exit, 0);
    EXPECT_EQ(answer.status, 0);
}

TEST_F(Door, EndsTheHandshakeWithACertificateOfAnotherAuthority)
{
    std::filesystem::create_directories(host.folder / "other");
    const CertificateAuthority other(host.folder / "other");
    other.issue({.name = "intruder", .alternatives = {"URI:xcopy://role/operator"}});
    for (const char* file : {"intruder.crt", "intruder.key"})
        std::filesystem::copy(host.folder / "other" / file, host.folder / "pki" / file);
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/health", "", "intruder").status, 0);
}

TEST_F(Door, DoesNotSpeakTls12)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/health", "", "operator", {"--tls-max", "1.2"}).status, 0);
    EXPECT_EQ(host.call("GET", "/v1/health", "", "operator", {"--tlsv1.3"}).status, 200);
}

TEST_F(Door, Answers404And405)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/nonsense").status, 404);
    EXPECT_EQ(host.call("GET", "/v1/clones/a/b/c").status, 404);
    const auto answer = host.call("POST", "/v1/clones/abc", "{}");
    EXPECT_EQ(answer.status, 405);
    EXPECT_NE(answer.headers.find("Allow: PUT, GET, DELETE"), std::string::npos) << answer.headers;
}

TEST_F(Door, ChecksNamesInPaths)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/clones/..%2f..%2fetc", "", "operator", {"--path-as-is"}).status, 400);
    EXPECT_EQ(host.call("GET", "/v1/clones/%zz").status, 400);
    EXPECT_EQ(host.call("GET", "/v1/devices/naa.12").status, 400);
    EXPECT_EQ(host.call("GET", "/v1/devices/naa.6%3000000000000001").status, 200);
    EXPECT_EQ(host.call("GET", "/v1/clones/x?after=-1").status, 400);
}

TEST_F(Door, RefusesABodyThatIsTooLong)
{
    host.start();
    host.write("big", std::string(65 * 1024, 'x'));
    const auto answer = host.call("PUT", "/v1/clones/a", "@" + (host.folder / "big").string());
    EXPECT_EQ(answer.status, 413);
    EXPECT_NE(answer.body.find("body_too_long"), std::string::npos);
}

TEST_F(Door, SurvivesABodyOfNothingButNesting)
{
    host.start();
    host.write("nested", std::string(64 * 1024, '['));
    EXPECT_EQ(host.call("PUT", "/v1/clones/a", "@" + (host.folder / "nested").string()).status, 400);
    EXPECT_EQ(host.call("GET", "/v1/health").status, 200);
}

TEST_F(Door, RefusesAHeaderThatIsTooLong)
{
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/clones", "", "operator", {"-H", "X: " + std::string(9000, 'x')}).status, 431);
}

TEST_F(Door, ClosesOnAClientThatSaysNothing)
{
    host.start(R"(,"header_ms":200)");
    const pid_t client = silent_client(host);
    int status = 0;
    EXPECT_TRUE(eventually([&] { return ::waitpid(client, &status, WNOHANG) == client; }));
}

TEST_F(Door, ClosesOnAClientThatNeverShakesHands)
{
    host.start(R"(,"handshake_ms":200)");
    const pid_t client = ::fork();
    if (client == 0) { // curl speaks HTTP where TLS is expected, and waits
        ::execl("/usr/bin/curl", "curl", "-s", "-o", "/dev/null", "--max-time", "60",
                ("telnet://127.0.0.1:" + host.port).c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    EXPECT_TRUE(eventually([&] { return ::waitpid(client, &status, WNOHANG) == client; }));
    EXPECT_TRUE(eventually([&] { return host.call("GET", "/v1/health").status == 200; }));
}

TEST_F(Door, ClosesWhatComesBeyondTheLastPlace)
{
    host.start(R"(,"max_connections":3,"header_ms":60000)");
    std::vector<pid_t> clients;
    for (int i = 0; i < 3; ++i)
        clients.push_back(silent_client(host));
    EXPECT_TRUE(eventually([&] {
        for (pid_t& client : clients) // one that came while our own call held a place was sent away: it tries again
            if (::waitpid(client, nullptr, WNOHANG) == client)
                client = silent_client(host);
        return host.call("GET", "/v1/clones").curl_exit != 0;
    }));
    for (const pid_t client : clients) {
        ::kill(client, SIGKILL);
        ::waitpid(client, nullptr, 0);
    }
    EXPECT_TRUE(eventually([&] { return host.call("GET", "/v1/clones").status == 200; }));
    const auto metrics = host.call("GET", "/v1/metrics").body;
    EXPECT_EQ(metrics.find("xcopy_agent_connections_refused_total 0"), std::string::npos) << metrics;
}

TEST_F(Door, TakesARotatedCertificateIntoServiceWithoutARestart)
{
    host.start();
    host.authority->issue({.name = "agent", .alternatives = {"IP:127.0.0.1", "URI:xcopy://host/rotated"}});
    EXPECT_TRUE(eventually([&] { return host.count("log", "certificates reloaded") > 0; }));
    const auto answer = host.call("GET", "/v1/clones", "", "operator", {"-v"});
    EXPECT_EQ(answer.status, 200);
}

TEST_F(Door, KeepsServingWithTheOldPairWhenTheNewOneIsBroken)
{
    host.start();
    host.write("pki/agent.key", "this is no key");
    EXPECT_TRUE(eventually([&] { return host.count("log", "not in service") > 0; }));
    const auto answer = host.call("GET", "/v1/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.body.find("certificate_reload_failed"), std::string::npos);
}

} // namespace xcopy::test
