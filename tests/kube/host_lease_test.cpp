// Host leases beside a pod of upstream, which is played by requests as its code makes them.
#include "coordinator/kube/host_lease.hpp"
#include "tests/coordinator/fakes/lab.hpp"
#include "tests/kube/populator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace kube_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using xcopy::Errc;
using xcopy::kube::HostLeaseRules;
using xcopy::kube::HostLeases;
using xcopy::kube::Time;

constexpr HostLeaseRules hasty{.duration = 2s, .slots = 2, .look_again = 100ms, .patience = 3s};

class HostLeaseTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        here = api.make_namespace();
        locks = api.make_namespace();
        make_populator(api, here, locks);
        populator = std::make_unique<Populator>(api, here);
    }

    HostLeases leases(const std::string& where, HostLeaseRules rules = hasty)
    {
        return {xcopy::kube::Leases(*populator->api, where), log, rules};
    }

    // As upstream: create, and else take over what has expired.
    Json spec(Time renewed, int seconds) const
    {
        return {{"holderIdentity", "populate-upstream"},
                {"leaseDurationSeconds", seconds},
                {"acquireTime", xcopy::kube::to_micro_time(renewed)},
                {"renewTime", xcopy::kube::to_micro_time(renewed)}};
    }
    void upstream_holds(int slot, Time renewed, int seconds = 10)
    {
        api.create(lease_path(locks), {{"metadata", {{"name", xcopy::kube::host_lease_name(id, slot)}}},
                                       {"spec", spec(renewed, seconds)}});
    }
    Json lease(int slot) const { return api.get(lease_path(locks, xcopy::kube::host_lease_name(id, slot))); }
    bool upstream_sees_it_expired(const Json& lease) const
    {
        const auto renewed = xcopy::kube::parse_time(lease.at("spec").at("renewTime").get<std::string>());
        const std::chrono::seconds duration(lease.at("spec").at("leaseDurationSeconds").get<int>());
        return xcopy::kube::now() > *renewed + duration;
    }

    KubeApi& api = KubeApi::shared();
    std::string here;
    std::string locks;
    std::unique_ptr<Populator> populator;
    xcopy::test::SilentLog log;
    const std::string id = xcopy::kube::host_lease_id("host-12");
};

TEST_F(HostLeaseTest, IsWrittenAsUpstreamReadsItAndFreeAtOnceAfterwards)
{
    auto permit = leases(locks).enter({}, id);
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_TRUE((*permit)->is_held());
    const auto held = lease(0);
    EXPECT_FALSE(upstream_sees_it_expired(held));
    EXPECT_EQ(held.at("spec").at("leaseDurationSeconds"), 2);
    EXPECT_FALSE(held.at("spec").at("holderIdentity").get<std::string>().empty());
    permit->reset();
    EXPECT_TRUE(upstream_sees_it_expired(lease(0)));
    EXPECT_EQ(lease(0).at("spec").at("leaseDurationSeconds"), 2) << "upstream takes it over with the duration it finds";
}

TEST_F(HostLeaseTest, ASecondRescanTakesTheSecondSlotAndAThirdWaits)
{
    auto ours = leases(locks);
    auto first = ours.enter({}, id);
    auto second = ours.enter({}, id);
    ASSERT_TRUE(first && second);
    const auto third = ours.enter(xcopy::Call{}.within(300ms), id);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Errc::busy);
    EXPECT_THAT(log.text, HasSubstr("waiting for the lock"));
    first->reset();
    EXPECT_TRUE(ours.enter(xcopy::Call{}.within(10s), id)) << "when one is free";
}

TEST_F(HostLeaseTest, WaitsWhileUpstreamHoldsBothSlotsAndTakesTheOneThatExpires)
{
    const auto now = xcopy::kube::now();
    upstream_holds(0, now, 600);
    upstream_holds(1, now, 1);
    auto permit = leases(locks).enter(xcopy::Call{}.within(30s), id);
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_TRUE((*permit)->is_held());
    EXPECT_EQ(lease(0).at("spec").at("holderIdentity"), "populate-upstream") << "a live one is left alone";
    EXPECT_NE(lease(1).at("spec").at("holderIdentity"), "populate-upstream");
    const auto taken = xcopy::kube::parse_time(lease(1).at("spec").at("acquireTime").get<std::string>());
    EXPECT_GT(*taken, now + 1s) << "and not before it expired";
}

TEST_F(HostLeaseTest, IsRenewedWhileItIsHeld)
{
    auto permit = leases(locks, {.duration = 1s, .slots = 2, .look_again = 100ms, .patience = 3s}).enter({}, id);
    ASSERT_TRUE(permit);
    const auto first = lease(0).at("spec").at("renewTime").get<std::string>();
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (lease(0).at("spec").at("renewTime") == first && std::chrono::steady_clock::now() < give_up)
        std::this_thread::sleep_for(20ms);
    EXPECT_NE(lease(0).at("spec").at("renewTime"), first);
    EXPECT_TRUE((*permit)->is_held());
}

TEST_F(HostLeaseTest, TellsWhenSomebodyElseTookTheSlot)
{
    auto permit = leases(locks, {.duration = 1s, .slots = 2, .look_again = 100ms, .patience = 3s}).enter({}, id);
    ASSERT_TRUE(permit);
    api.merge(lease_path(locks, xcopy::kube::host_lease_name(id, 0)), {{"spec", spec(xcopy::kube::now(), 600)}});
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!(*permit)->lost().stop_requested() && std::chrono::steady_clock::now() < give_up)
        std::this_thread::sleep_for(10ms);
    EXPECT_FALSE((*permit)->is_held());
    permit->reset();
    EXPECT_EQ(lease(0).at("spec").at("holderIdentity"), "populate-upstream");
    EXPECT_FALSE(upstream_sees_it_expired(lease(0))) << "what is not ours is not let go";
}

TEST_F(HostLeaseTest, GoesOnWithoutWhereTheClusterDoesNotAllowIt)
{
    const auto closed = api.make_namespace();
    auto permit = leases(closed).enter({.job = "j1"}, id);
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_FALSE((*permit)->is_held());
    EXPECT_THAT(log.text, HasSubstr("going on without"));
    EXPECT_THAT(log.text, HasSubstr("forbidden"));
    EXPECT_THAT(log.text, HasSubstr("job=j1"));
    EXPECT_FALSE((*leases("no-such-namespace").enter({}, id))->is_held());
    EXPECT_FALSE((*leases(locks).enter({}, ""))->is_held()) << "a host without a usable name";
}

TEST_F(HostLeaseTest, GoesOnWithoutWhenTheApiServerDoesNotAnswer)
{
    populator->wire.die();
    auto permit = leases(locks, {.duration = 2s, .slots = 2, .look_again = 100ms, .patience = 200ms}).enter({}, id);
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_FALSE((*permit)->is_held());
}

TEST_F(HostLeaseTest, AStopEndsTheWait)
{
    upstream_holds(0, xcopy::kube::now(), 600);
    upstream_holds(1, xcopy::kube::now(), 600);
    std::stop_source stop;
    std::jthread stopper([&] {
        while (log.text.find("waiting") == std::string::npos)
            std::this_thread::sleep_for(5ms);
        stop.request_stop();
    });
    EXPECT_EQ(leases(locks).enter({.stop = stop.get_token()}, id).error().code, Errc::cancelled);
}

} // namespace
} // namespace kube_test
