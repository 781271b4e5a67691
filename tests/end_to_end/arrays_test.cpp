// One disk from end to end on every array that the lab simulates, over real TLS, with the real agent and coordinator.
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace e2e {
namespace {

using nlohmann::json;

// The kinds that `xcopy-lab kinds` prints.
std::vector<std::string> kinds()
{
    std::vector<std::string> found;
    FILE* out = ::popen(XCOPY_LAB_PROGRAM " kinds", "r");
    std::array<char, 80> line{};
    while (out != nullptr && std::fgets(line.data(), line.size(), out) != nullptr)
        found.emplace_back(line.data(), std::string(line.data()).find('\n'));
    if (out != nullptr)
        ::pclose(out);
    return found;
}

json scenario_of(const std::string& kind)
{
    json scenario = {{"datastores", {{{"name", "datastore1"}, {"array", "array-a"}}}},
                     {"arrays", {{{"name", "array-a"}, {"kind", kind}}}}};
    if (kind == "powerflex") { // reached by its own kernel module
        scenario["hosts"] = json::array();
        for (const char* guid : {"028888fa-502a-4fac-a888-1fa3b256358c", "028888fa-502a-4fac-a888-1fa3b256358d"})
            scenario["hosts"].push_back({{"adapters", {{{"name", "vmhba64"}, {"uid", guid}, {"transport", "scini"}}}}});
    }
    return scenario;
}

class Arrays : public testing::TestWithParam<std::string> {};

TEST_P(Arrays, ADiskTravelsAndNothingIsLeftBehind)
{
    Site site(scenario_of(GetParam()));
    const auto disk = site.make_disk("vm 1/disk.vmdk", 16 * mib);
    const auto target = site.make_target(std::uint64_t{8} << 30);
    site.lab.call(
        {{"do", "array.map"},
         {"array", "array-a"},
         {"volume", target.naa},
         {"host", "worker-1"},
         {"initiators",
          {GetParam() == "powerflex" ? "11111111-aaaa-4aaa-8aaa-111111111111" : "iqn.1994-05.com.redhat:worker-1"}}});
    const auto before = site.presentations(target);
    ASSERT_FALSE(before.empty());
    const auto ran = site.populate(disk, target);
    ASSERT_EQ(ran.exit, 0) << ran.err;
    const auto result = result_of(ran);
    EXPECT_EQ(result["result"], "succeeded");
    EXPECT_EQ(result["xcopy"], GetParam() == "powerflex" ? "none" : "full") << result;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
    EXPECT_EQ(site.starts_on(target), 1);
}

TEST_P(Arrays, AKilledRunIsFinishedByTheNextWithoutASecondWriter)
{
    Site site(scenario_of(GetParam()));
    const auto disk = site.make_disk("vm 1/disk.vmdk", 16 * mib);
    const auto target = site.make_target(std::uint64_t{8} << 30);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto first = site.prepare_populate(disk, target);
    first->go();
    site.lab.call({{"do", "hold.wait"}, {"name", "half"}});
    first->signal(SIGKILL);
    EXPECT_EQ(first->wait().signal, SIGKILL);
    site.lab.call({{"do", "hold.release"}, {"name", "half"}});
    const auto ran = site.populate(disk, target);
    ASSERT_EQ(ran.exit, 0) << ran.err;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
    EXPECT_EQ(site.starts_on(target), 1);
}

INSTANTIATE_TEST_SUITE_P(Lab, Arrays, testing::ValuesIn(kinds()), [](const auto& info) { return info.param; });

} // namespace
} // namespace e2e
