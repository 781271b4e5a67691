// One disk from end to end on every array that the lab simulates, over real TLS, with the real agent and coordinator.
#include "tests/end_to_end/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;

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

// The password or token, and every session token that the array handed out.
std::vector<std::string> secrets_of(const Site& site)
{
    std::vector<std::string> all;
    const auto described = site.lab.ready().at("arrays").at(site.array());
    for (const char* key : {"STORAGE_PASSWORD", "STORAGE_TOKEN"})
        if (described.at("secret").contains(key))
            all.push_back(described["secret"][key]);
    for (const auto& token : site.list({{"do", "array.sessions"}, {"array", site.array()}}, "tokens"))
        all.push_back(token);
    return all;
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
    const auto ran = site.populate(disk, target, {"--log-level=debug"});
    ASSERT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("debug request")) << "every exchange has a line";
    for (const auto& secret : secrets_of(site))
        EXPECT_EQ((ran.err + ran.out).find(secret), std::string::npos) << "a secret was logged";
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

// --- disks that are volumes of the array

class ArrayCopies : public testing::TestWithParam<std::string> {
protected:
    static constexpr std::uint64_t size = std::uint64_t{8} << 30; // sparse

    // An RDM's volume with content at its beginning.
    static json make_source(const Site& site)
    {
        auto made = site.lab.call(
            {{"do", "array.volume.create"}, {"array", "array-a"}, {"name", "rdm-1"}, {"kind", "rdm"}, {"size", size}});
        std::fstream out(made["file"].get<std::string>(), std::ios::binary | std::ios::in | std::ios::out);
        for (int i = 0; i < 100000; ++i)
            out << "line " << i << " of " << made["naa"] << '\n';
        return made;
    }

    static std::vector<std::string> flags(const json& source)
    {
        return {"--source-rdm=" + source["backing"]["id"].get<std::string>()};
    }
};

TEST_P(ArrayCopies, ARawDeviceIsCopiedInsideTheArrayWithoutAnyHost)
{
    Site site(scenario_of(GetParam()));
    const auto source = make_source(site);
    const auto target = site.make_target(size);
    const auto ran = site.populate({"[datastore1] vm/rdm.vmdk", {}, size}, target, flags(source));
    ASSERT_EQ(ran.exit, 0) << ran.err;
    const auto result = result_of(ran);
    EXPECT_EQ(result["clone_method"], "rdm") << ran.err;
    EXPECT_EQ(result["host"], "");
    EXPECT_TRUE(same_bytes(source["file"].get<std::string>(), target.file, 16 * mib));
    EXPECT_TRUE(site.lab.starts().empty()) << "no host copied";
    expect_nothing_left(site, target, json::array());
}

TEST_P(ArrayCopies, AKilledRunsCopyIsTakenUpByTheNext)
{
    Site site(scenario_of(GetParam()));
    const auto source = make_source(site);
    const auto target = site.make_target(size);
    auto first = site.prepare_populate({"[datastore1] vm/rdm.vmdk", {}, size}, target, flags(source));
    first->go();
    std::this_thread::sleep_for(std::chrono::milliseconds(800)); // somewhere in it; any moment must do
    first->signal(SIGKILL);
    (void)first->wait();
    const auto ran = site.populate({"[datastore1] vm/rdm.vmdk", {}, size}, target, flags(source));
    ASSERT_EQ(ran.exit, 0) << ran.err;
    EXPECT_TRUE(same_bytes(source["file"].get<std::string>(), target.file, 16 * mib));
    expect_nothing_left(site, target, json::array());
}

TEST(ArrayCopiesSwitchedOff, AHostIsAskedAndTheLogSaysSo)
{
    Site site(scenario_of("pureFlashArray"));
    const auto source = site.lab.call(
        {{"do", "array.volume.create"}, {"array", "array-a"}, {"name", "rdm-1"}, {"kind", "rdm"}, {"size", 16 * mib}});
    const auto disk = site.make_disk("vm 1/disk.vmdk", 16 * mib); // what a host would copy
    const auto target = site.make_target(16 * mib);
    const auto ran =
        site.populate(disk, target, {"--source-rdm=" + source["naa"].get<std::string>(), "--disable-rdm-method=true"});
    ASSERT_EQ(ran.exit, 0) << ran.err;
    EXPECT_EQ(result_of(ran)["clone_method"], "agent");
    EXPECT_THAT(ran.err, HasSubstr("switched off"));
}

INSTANTIATE_TEST_SUITE_P(Lab, ArrayCopies, testing::Values("flashsystem", "primera3par", "pureFlashArray", "vantara"),
                         [](const auto& info) { return info.param; });

TEST(ArrayCertificate, IsVerifiedUnlessToldOtherwiseAndThatIsShouted)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", mib);
    const auto target = site.make_target(mib);
    auto flags = site.flags_for(disk, target);
    flags.insert(flags.begin(), {std::string(XCOPY_COORDINATOR_PROGRAM), "preflight"});
    auto environment = site.environment();
    environment.erase("STORAGE_CA_FILE");
    const auto distrusted = run(flags, environment, site.work());
    EXPECT_NE(distrusted.exit, 0);
    EXPECT_THAT(distrusted.out, HasSubstr("certificate"));
    environment["STORAGE_SKIP_SSL_VERIFICATION"] = "true";
    const auto skipped = run(flags, environment, site.work());
    EXPECT_EQ(skipped.exit, 0) << skipped.out << skipped.err;
    EXPECT_THAT(skipped.err, HasSubstr("INSECURE"));
    EXPECT_EQ(skipped.err.find("INSECURE"), skipped.err.rfind("INSECURE")) << "once for each endpoint";
}

INSTANTIATE_TEST_SUITE_P(Lab, Arrays, testing::ValuesIn(kinds()), [](const auto& info) { return info.param; });

} // namespace
} // namespace e2e
