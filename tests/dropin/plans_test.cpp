// Many disks at once, and Forklift's releases.
#include "tests/dropin/rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace dropin {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::vector<VmSpec> some_vms(int count)
{
    std::vector<VmSpec> all;
    for (int i = 0; i < count; ++i) {
        const auto name = "vm" + std::to_string(i);
        all.push_back({.name = name, .disks = {{name + '/' + name + ".vmdk"}}, .host = i % 2 == 0 ? "esx1" : "esx2"});
    }
    return all;
}

TEST(Plans, FiveVmsAtOnce)
{
    Rig rig({.vms = some_vms(5)});
    rig.run();
    ASSERT_EQ(rig.copies().size(), 5U);
    expect_all_copied(rig);
}

// Of both plans, for Forklift counts over all of them.
TEST(Plans, TwoAtOnceWithNoMoreThanTwoPodsForAHost)
{
    Rig rig({.vms = some_vms(6), .most_pods_of_a_host = 2});
    for (int i = 0; i < 6; ++i)
        rig.migrate("vm" + std::to_string(i), {.name = i < 3 ? "plan-a" : "plan-b"});
    std::map<std::string, std::ptrdiff_t> most;
    rig.until("all are settled", [&] {
        for (const auto& one : rig.copies()) {
            const auto& host = one.state->disk.source_host;
            most[host] = std::max(most[host], std::ranges::count_if(rig.copies(), [&](const Copy& other) {
                                      return other.state->disk.source_host == host && other.state->pod_runs;
                                  }));
        }
        return rig.is_settled();
    });
    expect_all_copied(rig);
    EXPECT_EQ(most.size(), 2U);
    for (const auto& [host, pods] : most)
        EXPECT_EQ(pods, 2) << host;
    EXPECT_TRUE(std::ranges::any_of(rig.copies(), [](const Copy& one) { return one.state->throttled > 0; }));
}

class Releases : public testing::TestWithParam<Release> {};

TEST_P(Releases, ADiskTravels)
{
    Rig rig({.vms = {{"web", {{"web/web.vmdk"}}}}, .release = GetParam(), .clone_method = "vib"});
    rig.migrate_all({.migration_host = "esx2"});
    rig.until_settled();
    expect_all_copied(rig);
    const auto log = rig.log_of(rig.copy());
    EXPECT_THAT(log, HasSubstr("source_vmdk=\"[datastore1] web/web.vmdk\"")); // what Forklift's own tests read
    EXPECT_THAT(log, HasSubstr("xcopyUsed=1"));
    EXPECT_THAT(log, Not(HasSubstr("unknown flag")));
    if (GetParam().names_migration_host) {
        EXPECT_THAT(rig.runs_of(rig.copy()).front()->arguments, Contains(HasSubstr("--migration-host=host-")));
        EXPECT_EQ(rig.host_of(rig.copy()), "esx2");
    }
}

INSTANTIATE_TEST_SUITE_P(Forklift, Releases,
                         testing::Values(release_2_9, release_2_10, release_2_11, release_2_12, release_main),
                         [](const auto& info) {
                             std::string name = info.param.name;
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

} // namespace
} // namespace dropin
