// Agents that die, and the ones after them.
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <signal.h>

namespace xcopy::test {

namespace {

constexpr const char* target = "naa.60000000000000aa";
constexpr const char* other_target = "naa.60000000000000bb";

bool ended(const CloneStatus& status)
{
    return is_final(status.state);
}

class Restart : public ::testing::Test {
protected:
    void attach(const std::string& job, const std::string& naa)
    {
        host.map(naa, 64);
        ASSERT_EQ(host.call("POST", "/v1/devices/" + naa + "/attach", attach_body(job, 64)).status, 200);
    }
    Answer order(const std::string& job, const std::string& naa, const std::string& more = "")
    {
        return host.call("PUT", "/v1/clones/" + job, clone_body("[ds1] vm/disk.vmdk", naa, 64, more));
    }
    void begin_held_clone(const std::string& config = "")
    {
        host.put_disk("vm/disk.vmdk", 64);
        host.write("clone-mode", "hold");
        host.start(config);
        attach("job-1", target);
        ASSERT_EQ(order("job-1", target).status, 202);
        host.wait_for("job-1", [](const auto& status) { return status.percent == 10; });
    }

    FakeHost host;
};

} // namespace

TEST_F(Restart, AdoptsAKilledAgentsCloneAndWritesOnlyOnce)
{
    begin_held_clone();
    host.kill_agent();
    host.start();
    const auto adopted = host.clone("job-1");
    EXPECT_EQ(adopted.state, CloneState::running);
    EXPECT_EQ(adopted.percent, 10);
    EXPECT_EQ(order("job-1", target).status, 202);
    EXPECT_EQ(order("job-1", target, R"(,"time_limit_s":9)").status, 409);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.count("clones", target), 1);
}

TEST_F(Restart, FindsTheVerdictOfACloneThatEndedMeanwhile)
{
    begin_held_clone();
    EXPECT_EQ(host.stop_agent(), 0);
    host.write("release", "");
    EXPECT_TRUE(
        eventually([&] { return host.read("state/jobs/job-1/status.json").find("succeeded") != std::string::npos; }));
    host.start();
    EXPECT_EQ(host.clone("job-1").state, CloneState::succeeded);
}

TEST_F(Restart, KeepsTheDeviceOfARunningCloneReserved)
{
    begin_held_clone();
    host.kill_agent();
    host.start();
    const std::string device = std::string("/v1/devices/") + target;
    EXPECT_EQ(host.call("POST", device + "/attach", attach_body("job-2", 64)).status, 409);
    EXPECT_EQ(host.call("POST", device + "/detach", R"({"job":"job-1"})").status, 409);
}

TEST_F(Restart, TakesNoDeviceFromAWriterWhoseOrderCannotBeRead)
{
    begin_held_clone();
    host.kill_agent();
    host.write("state/jobs/job-1/order.json", "not an order");
    host.start();
    const auto detach = [&] {
        return host.call("POST", std::string("/v1/devices/") + target + "/detach", R"({"job":"job-1"})");
    };
    EXPECT_EQ(host.clone("job-1").state, CloneState::indeterminate);
    EXPECT_EQ(host.clone("job-1").error->reason, "order_unreadable");
    EXPECT_EQ(detach().status, 409);
    host.map(other_target, 64); // any device may be the one
    EXPECT_EQ(
        host.call("POST", std::string("/v1/devices/") + other_target + "/attach", attach_body("job-2", 64)).status,
        409);
    EXPECT_EQ(host.call("DELETE", "/v1/clones/job-1").status, 409);

    host.write("release", ""); // the writer ends, and that is noticed without a restart
    EXPECT_TRUE(eventually([&] { return detach().status == 200; }));
    EXPECT_EQ(host.call("DELETE", "/v1/clones/job-1").status, 200);
    EXPECT_EQ(host.count("clones", target), 1);
}

TEST_F(Restart, CancelsAnAdoptedClone)
{
    begin_held_clone();
    host.kill_agent();
    host.start();
    const auto answer = host.call("POST", "/v1/clones/job-1/cancel");
    EXPECT_EQ(decode<CloneStatus>(answer.body)->state, CloneState::cancelled);
}

TEST_F(Restart, TakesUpTheQueue)
{
    begin_held_clone(R"(,"max_running":1)");
    attach("job-2", other_target);
    order("job-2", other_target);
    host.kill_agent();
    host.start(R"(,"max_running":1)");
    const auto waiting = host.clone("job-2");
    EXPECT_EQ(waiting.state, CloneState::queued);
    EXPECT_EQ(waiting.queue_position, 1);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.count("clones", other_target), 1);
}

TEST_F(Restart, CallsACloneWhoseSupervisorDiedIndeterminate)
{
    begin_held_clone();
    host.kill_agent();
    const auto status = host.read("state/jobs/job-1/status.json");
    for (const char* who : {"supervisor_pid", "writer_pid"}) {
        const auto at = status.find(':', status.find(who));
        ASSERT_NE(at, std::string::npos);
        ::kill(std::atoi(status.c_str() + at + 1), SIGKILL);
    }
    EXPECT_TRUE(eventually([&] {
        host.start();
        const bool settled = host.clone("job-1").state == CloneState::indeterminate;
        host.kill_agent();
        return settled;
    }));
    host.start();
    EXPECT_EQ(host.clone("job-1").error->reason, "no_exit_status");
    EXPECT_EQ(host.count("clones", target), 1);
}

TEST_F(Restart, RemembersForWhomADeviceWasAttached)
{
    host.put_disk("vm/disk.vmdk", 64);
    host.start();
    attach("job-1", target);
    host.kill_agent();
    host.start();
    EXPECT_NE(order("job-2", target).body.find("attached_for_other_job"), std::string::npos);
    EXPECT_EQ(order("job-1", target).status, 202);
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
}

TEST_F(Restart, LetsNoSecondAgentUseTheSameState)
{
    host.start();
    FakeHost second;
    second.state_dir = host.folder / "state";
    EXPECT_EQ(second.start_and_fail(), 1);
    EXPECT_NE(second.read("log").find("another agent"), std::string::npos);
}

} // namespace xcopy::test
