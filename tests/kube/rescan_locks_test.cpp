// The lock that rescans over SSH take is Forklift's own, under the name that vCenter's id of the host gives it.
#include "coordinator/kube/host_lease.hpp"
#include "coordinator/surroundings.hpp"
#include "tests/coordinator/fakes/lab.hpp"
#include "tests/kube/populator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kube_test {
namespace {

class RescanLocks : public ::testing::Test {
protected:
    void SetUp() override
    {
        here = api.make_namespace();
        locks = api.make_namespace();
        make_populator(api, here, locks);
        populator = std::make_unique<Populator>(api, here);
        around.cluster = std::move(populator->api);
        around.name_space = here;
        tools.config.kube.host_lease_namespace = locks;
        tools.log = std::make_unique<xcopy::test::SilentLog>();
    }
    std::string lease(const std::string& host) const
    {
        return lease_path(locks, xcopy::kube::host_lease_name(xcopy::kube::host_lease_id(host), 0));
    }

    KubeApi& api = KubeApi::shared();
    std::string here;
    std::string locks;
    std::unique_ptr<Populator> populator;
    xcopy::Surroundings around;
    xcopy::Toolbox tools;
};

TEST_F(RescanLocks, AreForkliftsHostLeases)
{
    const auto lock = xcopy::rescan_locks(tools, around)("host-21");
    auto permit = lock({});
    ASSERT_TRUE(permit) << permit.error().message;
    EXPECT_FALSE((*permit)->lost().stop_requested());
    EXPECT_THAT(lease("host-21"), ::testing::EndsWith("esxi-lock-hostsystem-host-21-slot-0"));
    const auto held = api.get(lease("host-21"));
    EXPECT_EQ(held.at("spec").at("leaseDurationSeconds"), 10);
    permit->reset();
    EXPECT_NE(api.get(lease("host-21")).at("spec").at("renewTime"), held.at("spec").at("renewTime")) << "let go";
}

TEST_F(RescanLocks, AreNotMissedWhereTheClusterDoesNotGiveThem)
{
    tools.config.kube.host_lease_namespace = "default"; // nothing is allowed there
    EXPECT_TRUE(xcopy::rescan_locks(tools, around)("host-21")({}));
    EXPECT_TRUE(xcopy::rescan_locks(tools, around)("")({})) << "a host that vCenter did not name";
}

TEST_F(RescanLocks, ThereIsNoneWithoutACluster)
{
    around.cluster.reset();
    EXPECT_FALSE(xcopy::rescan_locks(tools, around));
}

} // namespace
} // namespace kube_test
