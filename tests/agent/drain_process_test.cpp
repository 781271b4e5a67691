// A host that takes no orders for a while, so that its agent can be replaced without cutting a clone.
#include "protocol/json.hpp"
#include "protocol/routes.hpp"
#include "tests/agent/fake_host.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::test {

namespace {

using testing::HasSubstr;
using testing::Not;

bool ended(const CloneStatus& status)
{
    return is_final(status.state);
}

std::string device(int number)
{
    return fmt::format("naa.60000000000000a{}", number);
}

class Drain : public testing::Test {
protected:
    void begin(const std::string& config = "")
    {
        host.put_disk("vm/disk.vmdk", 64);
        host.write("clone-mode", "hold");
        host.start(config);
    }
    Answer order(int number)
    {
        const auto id = fmt::format("job-{}", number);
        host.map(device(number), 64);
        const auto attached = host.call("POST", "/v1/devices/" + device(number) + "/attach", attach_body(id, 64));
        EXPECT_EQ(attached.status, 200) << attached.body;
        return order_again(number);
    }
    Answer order_again(int number)
    {
        return host.call("PUT", fmt::format("/v1/clones/job-{}", number),
                         clone_body("[ds1] vm/disk.vmdk", device(number), 64));
    }
    DrainStatus drain(const std::string& body)
    {
        const auto answer = host.call("POST", routes::drain, body);
        EXPECT_EQ(answer.status, 200) << answer.body;
        auto status = decode<DrainStatus>(answer.body);
        EXPECT_TRUE(status) << answer.body;
        return status ? *status : DrainStatus{};
    }
    Health health() const
    {
        auto health = decode<Health>(host.call("GET", "/v1/health").body);
        EXPECT_TRUE(health);
        return health ? *health : Health{};
    }

    FakeHost host;
};

} // namespace

TEST_F(Drain, LetsRunningClonesGoOnAndHoldsTheRest)
{
    begin(R"(,"max_running":1)");
    ASSERT_EQ(order(1).status, 202);
    host.wait_for("job-1", [](const auto& status) { return status.percent == 10; });
    ASSERT_EQ(order(2).status, 202);

    const auto drained = drain(R"({"on":true,"seconds":600})");
    EXPECT_EQ(drained.drained_s, 600);
    EXPECT_EQ(drained.running, 1);
    EXPECT_EQ(drained.queued, 1);
    const auto refused = order(3);
    EXPECT_EQ(refused.status, 429) << refused.body;
    const auto why = decode<ErrorReply>(refused.body);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Errc::busy);
    EXPECT_EQ(why->reason, routes::drained);
    EXPECT_THAT(why->message, HasSubstr(" s more"));
    EXPECT_THAT(why->remedy, HasSubstr("order the clone again then"));
    EXPECT_EQ(host.call("GET", "/v1/clones/job-3").status, 404);
    EXPECT_EQ(order_again(1).status, 202) << "what was ordered before is answered as ever";
    EXPECT_EQ(order_again(2).status, 202);
    EXPECT_THAT(host.call("GET", "/v1/health").body, HasSubstr("takes no orders"));
    EXPECT_GT(health().drained_s, 0);

    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.clone("job-2").state, CloneState::queued);
    EXPECT_EQ(host.clone("job-2").queue_position, 1);
    EXPECT_EQ(host.count("clones", "naa"), 1);

    EXPECT_EQ(drain(R"({"on":false})").drained_s, 0);
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded);
    EXPECT_EQ(order_again(3).status, 202);
    EXPECT_EQ(host.wait_for("job-3", ended).state, CloneState::succeeded);
    EXPECT_THAT(host.call("GET", "/v1/health").body, Not(HasSubstr("takes no orders")));
}

TEST_F(Drain, EndsByItselfSoThatADeadInstallerLeavesNoHostDrained)
{
    begin(R"(,"max_running":1)");
    host.write("release", "");
    drain(R"({"on":true,"seconds":1})");
    ASSERT_EQ(order(1).status, 429);
    EXPECT_TRUE(eventually([&] { return order_again(1).status == 202; }));
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
    EXPECT_EQ(health().drained_s, 0);
}

TEST_F(Drain, TheQueueGoesOnByItselfToo)
{
    begin(R"(,"max_running":1)");
    ASSERT_EQ(order(1).status, 202);
    ASSERT_EQ(order(2).status, 202);
    host.write("release", "");
    drain(R"({"on":true,"seconds":1})");
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded); // nobody asks the host for anything else
}

TEST_F(Drain, AskedTwiceIsOneAndCountsAnew)
{
    begin();
    EXPECT_EQ(drain(R"({"on":true,"seconds":3})").drained_s, 3);
    EXPECT_EQ(drain(R"({"on":true,"seconds":900})").drained_s, 900);
    EXPECT_EQ(drain(R"({"on":false})").drained_s, 0);
    EXPECT_EQ(drain(R"({"on":false})").drained_s, 0);
    EXPECT_EQ(order(1).status, 202);
    host.write("release", "");
}

TEST_F(Drain, MayLetTheQueueEmptyItself)
{
    begin(R"(,"max_running":1)");
    ASSERT_EQ(order(1).status, 202);
    ASSERT_EQ(order(2).status, 202);
    drain(R"({"on":true,"seconds":600,"finish_queue":true})");
    EXPECT_EQ(order(3).status, 429);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded);
    EXPECT_EQ(order_again(3).status, 429);
}

TEST_F(Drain, TheNextAgentTakesOrdersAndTheQueueOfTheOneBefore)
{
    begin(R"(,"max_running":1)");
    ASSERT_EQ(order(1).status, 202);
    host.wait_for("job-1", [](const auto& status) { return status.percent == 10; });
    ASSERT_EQ(order(2).status, 202);
    drain(R"({"on":true,"seconds":3600})");
    host.kill_agent(); // right after it said yes
    host.start(R"(,"max_running":1)");
    EXPECT_EQ(health().drained_s, 0);
    EXPECT_EQ(host.clone("job-1").state, CloneState::running);
    host.write("release", "");
    EXPECT_EQ(host.wait_for("job-1", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.wait_for("job-2", ended).state, CloneState::succeeded);
    EXPECT_EQ(host.count("clones", "naa"), 2);
}

TEST_F(Drain, IsForOperatorsAndWithinBounds)
{
    begin();
    EXPECT_EQ(host.call("POST", routes::drain, R"({"on":true})", "observer").status, 403);
    for (const char* bad : {"", "{}", R"({"on":true,"seconds":0})", R"({"on":true,"seconds":-5})",
                            R"({"on":true,"seconds":3601})", R"({"on":true,"seconds":1e99})", R"({"on":"yes"})"})
        EXPECT_EQ(host.call("POST", routes::drain, bad).status, 400) << bad;
    EXPECT_EQ(health().drained_s, 0);
    EXPECT_EQ(order(1).status, 202);
    host.write("release", "");
}

} // namespace xcopy::test
