// The real agent on simulated hosts: started, stopped, killed, rebooted. What it does is tested where the agent is.
#include "tests/lab/client.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#ifndef XCOPY_AGENT_PROGRAM
#define XCOPY_AGENT_PROGRAM ""
#endif

namespace lab {
namespace {

std::string agent_program()
{
    const char* given = std::getenv("XCOPY_LAB_AGENT");
    return given == nullptr ? XCOPY_AGENT_PROGRAM : given;
}

class AgentTest : public testing::Test {
protected:
    void SetUp() override
    {
        if (agent_program().empty())
            GTEST_SKIP() << "this tree has no agent; XCOPY_LAB_AGENT can name one";
        lab = std::make_unique<Lab>(LabOptions{.agent = agent_program()});
    }
    nlohmann::json agent(const std::string& verb)
    {
        return lab->call({{"do", "host.agent." + verb}, {"host", "esx1"}});
    }

    std::unique_ptr<Lab> lab;
};

TEST_F(AgentTest, RunsOnEveryHostOnceTheLabIsReady)
{
    EXPECT_EQ(agent("status").at("state"), "running");
    EXPECT_EQ(lab->call({{"do", "host.agent.status"}, {"host", "esx2"}}).at("state"), "running");
}

TEST_F(AgentTest, StopsOnSigtermAndStartsAgain)
{
    EXPECT_EQ(agent("stop").at("state"), "exited");
    EXPECT_EQ(agent("status").at("state"), "exited");
    EXPECT_EQ(agent("start").at("state"), "running");
    const auto before = agent("status").at("pid");
    EXPECT_NE(agent("restart").at("pid"), before);
}

TEST_F(AgentTest, CanBeKilledAtAnEventThatItCaused)
{
    const auto so_far = lab->call({{"do", "events"}}).at("events").size();
    lab->add_rule(
        {{"where", "host:esx1"}, {"what", "^esxcli"}, {"kill", {{"host", "esx1"}, {"match", "xcopy-agent serve"}}}});
    EXPECT_EQ(agent("restart").at("ok"), true);
    lab->call({{"do", "host.run"}, {"host", "esx1"}, {"argv", {"/bin/esxcli", "system", "version", "get"}}});
    lab->call({{"do", "events.wait"}, {"what", "^esxcli system version"}, {"after", so_far}});
    const auto status = agent("kill");
    EXPECT_EQ(status.value("was", status).at("state"), "killed");
}

TEST_F(AgentTest, ComesBackAfterAReboot)
{
    lab->call({{"do", "host.reboot"}, {"host", "esx1"}});
    EXPECT_EQ(agent("status").at("state"), "running");
}

} // namespace
} // namespace lab
