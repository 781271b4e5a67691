// The program's other commands, and starts that must fail.
#include "agent/esxi/child.hpp"
#include "tests/agent/fake_host.hpp"

#include <gtest/gtest.h>

namespace xcopy::test {

TEST(Command, SelftestPassesHereAndPrintsJson)
{
    auto done = run(agent_command({"selftest", "--output", "json"}), {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 0) << done->out;
    EXPECT_NE(done->out.find("timer fires"), std::string::npos);
}

TEST(Command, SelftestFailsWhenAToolDoesNotAnswer)
{
    FakeHost host;
    host.start();
    host.write("hostd-down", "");
    auto done = run(agent_command({"selftest", "--config", host.folder / "config.json"}), {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 1) << done->out;
    EXPECT_NE(done->out.find("FAIL  esxcli: devices"), std::string::npos) << done->out;
}

TEST(Command, HelpTeaches)
{
    auto done = run(agent_command({"--help"}), {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 0);
    EXPECT_NE(done->out.find("curl --cert"), std::string::npos);
    EXPECT_EQ(done->out.find("supervise"), std::string::npos);
}

TEST(Command, ValidateReportsEveryProblemAtOnce)
{
    FakeHost host;
    host.write("bad.json", R"({"listen":"example.org:1","log":"paper","max_running":0,"key":"/nowhere/key",)"
                           R"("state_dir":"/proc/none"})");
    auto done = run(agent_command({"validate", "--config", host.folder / "bad.json"}), {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 2);
    for (const char* setting : {"listen:", "log:", "max_running:", "key:", "state_dir:", "esxcli:"})
        EXPECT_NE(done->out.find(setting), std::string::npos) << setting << " in\n" << done->out;
}

TEST(Command, ServeRefusesEverybodyWithAKeyThatDoesNotBelongToTheCertificate)
{
    FakeHost host;
    std::filesystem::copy_file(host.folder / "pki/operator.key", host.folder / "pki/agent.key",
                               std::filesystem::copy_options::overwrite_existing);
    host.start(); // and stays: a watchdog would give up on one that ends at once, and nobody could be told why
    EXPECT_NE(host.read("log").find("agent.key"), std::string::npos) << host.read("log");
    const auto answer = host.call("GET", "/v1/health", "", "operator", {"-k"});
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.body.find("certificate_unusable"), std::string::npos) << answer.body;
    EXPECT_NE(host.call("GET", "/v1/health").curl_exit, 0) << "nobody who verifies talks to it";
}

TEST(Command, ServeEndsOnSigterm)
{
    FakeHost host;
    host.start();
    EXPECT_EQ(host.stop_agent(), 0);
}

} // namespace xcopy::test
