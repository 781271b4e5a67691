// Devices that come and go.
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace xcopy::test {

namespace {

constexpr const char* target = "naa.60000000000000aa";

class Attach : public ::testing::Test {
protected:
    Answer attach(const std::string& job, const std::string& naa, int mib, const std::string& more = "")
    {
        return host.call("POST", "/v1/devices/" + naa + "/attach", attach_body(job, mib, more));
    }
    Answer detach(const std::string& job, const std::string& naa)
    {
        return host.call("POST", "/v1/devices/" + naa + "/detach", fmt::format(R"({{"job":"{}"}})", job));
    }

    FakeHost host;
};

} // namespace

TEST_F(Attach, RescansUntilTheDeviceIsThere)
{
    host.start();
    host.map(target, 64, 17);
    const auto answer = attach("job-1", target, 64);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto device = decode<Device>(answer.body);
    ASSERT_TRUE(device);
    EXPECT_EQ(device->lun, 17);
    EXPECT_EQ(host.count("calls", "rescan"), 1);
    EXPECT_EQ(host.count("calls", "rescan -A vmhba0"), 0) << "a SATA controller carries no LUN of an array";
}

TEST_F(Attach, OfAVisibleDeviceNeedsNoRescanAndMayBeRepeated)
{
    host.start();
    host.map(target, 64);
    attach("job-1", target, 64);
    EXPECT_EQ(attach("job-1", target, 64).status, 200);
    EXPECT_EQ(host.count("calls", "rescan"), 1);
}

TEST_F(Attach, OfTwentyDisksTakesTwoRescansAtMost)
{
    host.start();
    std::vector<std::jthread> clients;
    clients.reserve(20);
    for (int i = 0; i < 20; ++i)
        host.map(fmt::format("naa.60000000000001{:02}", i), 64);
    std::atomic<int> good = 0;
    for (int i = 0; i < 20; ++i)
        clients.emplace_back([&, i] {
            const auto naa = fmt::format("naa.60000000000001{:02}", i);
            const auto answer =
                host.call("POST", "/v1/devices/" + naa + "/attach", attach_body(fmt::format("job-{}", i), 64),
                          "operator", {"-D", (host.folder / fmt::format("h{}", i)).string()});
            good += answer.status == 200;
        });
    clients.clear();
    EXPECT_EQ(good, 20);
    EXPECT_LE(host.count("calls", "rescan"), 2);
}

TEST_F(Attach, OfADeviceInTheDetachedListRemovesItFromThere)
{
    host.start();
    host.map(target, 64);
    host.write(std::string("detached/") + target, "off");
    EXPECT_EQ(attach("job-1", target, 64).status, 200);
    EXPECT_FALSE(std::filesystem::exists(host.folder / "detached" / target));
}

TEST_F(Attach, OfALunAboveMaxLunSaysSoAtOnceWithTheNumbers)
{
    host.write("options/MaxLUN", "256");
    host.start();
    const auto answer = attach("job-1", target, 64, R"(,"lun":300)");
    EXPECT_EQ(answer.status, 422);
    EXPECT_NE(answer.body.find("lun_above_max"), std::string::npos);
    EXPECT_NE(answer.body.find("LUN 300"), std::string::npos);
    EXPECT_NE(answer.body.find("below 256"), std::string::npos);
    EXPECT_EQ(host.count("calls", "rescan"), 0);
}

TEST_F(Attach, OfADeviceThatNeverComesExplainsWhatWasLookedAt)
{
    host.start();
    const auto answer = attach("job-1", target, 64, R"(,"wait_s":1)");
    EXPECT_EQ(answer.status, 504);
    EXPECT_NE(answer.body.find("vmhba64 (online)"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("Disk.MaxLUN 1024"), std::string::npos);
}

TEST_F(Attach, OfAnotherSizeIsAConflictThatNamesBoth)
{
    host.start();
    host.map(target, 64);
    const auto answer = attach("job-1", target, 65);
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("67108864"), std::string::npos);
    EXPECT_NE(answer.body.find("68157440"), std::string::npos);
}

TEST_F(Attach, OfADeviceUnderADatastoreIsRefused)
{
    host.start();
    const auto answer = attach("job-1", "naa.6000000000000001", 1048576);
    EXPECT_EQ(answer.status, 403);
    EXPECT_NE(answer.body.find("ds1"), std::string::npos);
}

TEST_F(Attach, IsUndoneByDetachWhichMayBeRepeated)
{
    host.start();
    host.map(target, 64);
    attach("job-1", target, 64);
    EXPECT_EQ(detach("job-1", target).status, 200);
    EXPECT_EQ(host.count("calls", "set --state=off -d " + std::string(target)), 1);
    EXPECT_FALSE(std::filesystem::exists(host.folder / "detached" / target));
    std::filesystem::remove(host.folder / "devices" / target); // unmapped, dropped by a delete rescan
    EXPECT_EQ(detach("job-1", target).status, 200);
}

TEST_F(Attach, DetachedByAnotherJobIsRefused)
{
    host.start();
    host.map(target, 64);
    attach("job-1", target, 64);
    EXPECT_EQ(detach("job-2", target).status, 409);
    EXPECT_EQ(host.count("calls", "--state=off"), 0);
}

TEST_F(Attach, DetachNeverTouchesADatastore)
{
    host.start();
    EXPECT_EQ(detach("job-1", "naa.6000000000000001").status, 403);
    EXPECT_EQ(host.count("calls", "--state=off"), 0);
}

TEST_F(Attach, WithHostdDownFailsInsteadOfGuessing)
{
    host.start();
    host.map(target, 64);
    host.write("hostd-down", "");
    EXPECT_GE(attach("job-1", target, 64).status, 500);
}

namespace {

std::string by_hand(const std::string& naa)
{
    return "77  77  vmkfstools  /bin/vmkfstools -i /vmfs/volumes/u/a.vmdk -d rdm:/vmfs/devices/disks/" + naa +
           " /p.vmdk\n";
}

} // namespace

TEST_F(Attach, IsRefusedWhileAForeignVmkfstoolsUsesTheDeviceAndWorksWhenItHasEnded)
{
    host.start();
    host.map(target, 64);
    host.put_disk("vm/a.vmdk", 64);
    host.write("ps", by_hand(target));
    const auto refused = attach("job-1", target, 64);
    EXPECT_EQ(refused.status, 409) << refused.body;
    const auto why = decode<ErrorReply>(refused.body);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->reason, "target_busy");
    EXPECT_NE(why->message.find("-d rdm:/vmfs/devices/disks/" + std::string(target)), std::string::npos);
    EXPECT_NE(why->remedy.find("ps -c"), std::string::npos);
    const auto order = clone_body("[ds1] vm/a.vmdk", target, 64);
    EXPECT_EQ(host.call("PUT", "/v1/clones/job-1", order).status, 409);
    EXPECT_EQ(host.read("clones"), "");

    host.write("ps", by_hand(target + std::string("b")) + by_hand("naa.7"));
    EXPECT_EQ(attach("job-1", target, 64).status, 200);
    host.write("ps", "");
    EXPECT_LT(host.call("PUT", "/v1/clones/job-1", order).status, 300);
    host.wait_for("job-1", [](const CloneStatus& s) { return s.state == CloneState::succeeded; });
}

TEST_F(Attach, AForeignVmkfstoolsThatBeginsAfterItKeepsTheOrderFromWriting)
{
    host.start(R"(,"facts_max_age_ms":0)");
    host.map(target, 64);
    host.put_disk("vm/a.vmdk", 64);
    ASSERT_EQ(attach("job-1", target, 64).status, 200);
    host.write("ps", by_hand(target));
    const auto refused = host.call("PUT", "/v1/clones/job-1", clone_body("[ds1] vm/a.vmdk", target, 64));
    EXPECT_EQ(refused.status, 409) << refused.body;
    EXPECT_NE(refused.body.find("target_busy"), std::string::npos);
    EXPECT_EQ(host.read("clones"), "");
}

// No tool, a tool that fails, one whose output says nothing: nobody is refused, and it is said.
TEST_F(Attach, WhereOthersCannotBeSeenThatIsSaidAndNothingIsRefused)
{
    host.start();
    int number = 0;
    const auto expect_said = [&](const std::string& what) {
        const auto naa = fmt::format("naa.60000000000002{:02}", ++number);
        host.write("log", "");
        host.map(naa, 64);
        EXPECT_EQ(attach(fmt::format("job-{}", number), naa, 64).status, 200) << what;
        EXPECT_GE(host.count("log", "cannot tell whether others write the device"), 1) << what;
    };
    for (const char* says : {"", "PID USER TIME COMMAND\n", "1 1 xcopy-agent xcopy-agent\n"}) {
        host.write("ps-says", says);
        expect_said(says);
    }
    std::filesystem::remove(host.folder / "bin/ps");
    expect_said("no tool");
    std::filesystem::create_symlink("/bin/false", host.folder / "bin/ps");
    expect_said("a tool that fails");
}

} // namespace xcopy::test
