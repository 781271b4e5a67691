// What a host says about itself.
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace xcopy::test {

namespace {

bool has(const Health& health, const std::string& code)
{
    return std::any_of(health.problems.begin(), health.problems.end(),
                       [&](const Problem& problem) { return problem.code == code; });
}

Health health_of(const FakeHost& host, const std::vector<std::string>& more = {})
{
    auto health = decode<Health>(host.call("GET", "/v1/health?fresh=1", "", "observer", more).body);
    EXPECT_TRUE(health);
    return health ? *health : Health{};
}

} // namespace

TEST(HealthCall, TellsWhatACoordinatorNeeds)
{
    FakeHost host;
    host.start();
    const auto health = health_of(host);
    EXPECT_EQ(health.protocol.max, 1);
    EXPECT_EQ(health.version, "8.0.2");
    EXPECT_EQ(health.host_uuid, "5f3a0000-1111-2222-3333-444455556666");
    EXPECT_EQ(health.disk_max_lun, 1024);
    EXPECT_EQ(health.highest_lun, 1);
    ASSERT_EQ(health.adapters.size(), 2u);
    ASSERT_EQ(health.datastores.size(), 1u);
    EXPECT_EQ(health.datastores[0].devices, std::vector<std::string>{"naa.6000000000000001"});
    EXPECT_TRUE(has(health, "no_memory_group"));
    EXPECT_FALSE(has(health, "max_lun_low"));
}

TEST(HealthCall, WarnsOfSwitchesLimitsAndClocks)
{
    FakeHost host;
    host.write("options/HardwareAcceleratedMove", "0");
    host.write("options/MaxLUN", "8");
    host.start();
    const auto health = health_of(host, {"-H", "X-Xcopy-Clock: 1000"});
    EXPECT_TRUE(has(health, "vaai_move_off"));
    EXPECT_TRUE(has(health, "max_lun_low"));
    EXPECT_TRUE(has(health, "clock_skew"));
}

TEST(HealthCall, NamesWhatCouldNotBeRead)
{
    FakeHost host;
    host.start();
    host.write("hostd-down", "");
    const auto health = health_of(host);
    EXPECT_TRUE(has(health, "not_readable"));
    EXPECT_FALSE(health.disk_max_lun);
    EXPECT_FALSE(has(health, "vaai_clone_unsupported")) << "what was not read must not be judged";
}

TEST(HealthCall, IsCachedUnlessAFreshOneIsAsked)
{
    FakeHost host;
    host.start();
    host.call("GET", "/v1/health?fresh=1");
    const int before = host.count("calls", "esxcli");
    host.call("GET", "/v1/health");
    EXPECT_EQ(host.count("calls", "esxcli"), before);
    host.call("GET", "/v1/health?fresh=1");
    EXPECT_GT(host.count("calls", "esxcli"), before);
}

} // namespace xcopy::test
