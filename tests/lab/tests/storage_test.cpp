#include "tests/lab/tests/host_fixture.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace lab {
namespace {

using testing::HasSubstr;
using Storage = HostFixture;

TEST_F(Storage, APresentedLunIsSeenOnlyAfterItsOwnAdapterIsRescanned)
{
    fabric.present({lun, iqn, 5});
    EXPECT_FALSE(sees(lun));
    rescan("vmhba2", "add");
    EXPECT_FALSE(sees(lun));
    rescan("vmhba64", "delete");
    EXPECT_FALSE(sees(lun));
    rescan("vmhba64", "add");
    EXPECT_TRUE(sees(lun));
    EXPECT_TRUE(std::filesystem::equivalent(directory / "devices" / lun, fabric.volume(lun)->file));
}

TEST_F(Storage, ALunWhoseNumberIsNotBelowMaxLunStaysInvisibleWithoutAnError)
{
    fabric.present({lun, iqn, 1024});
    const auto result = rescan("vmhba64", "add");
    EXPECT_EQ(result.exit, 0);
    EXPECT_EQ(result.out + result.err, "");
    EXPECT_FALSE(sees(lun));
    run({"esxcli", "system", "settings", "advanced", "set", "-o", "/Disk/MaxLUN", "-i", "1025"});
    EXPECT_FALSE(sees(lun));
    rescan("vmhba64", "add");
    EXPECT_TRUE(sees(lun));
}

TEST_F(Storage, ALinkThatIsDownFindsNothing)
{
    fabric.present({lun, wwpn, 5});
    host->storage.set_link("vmhba2", "link-down");
    rescan("vmhba2", "add");
    EXPECT_FALSE(sees(lun));
}

TEST_F(Storage, AnUnmappedLunStaysDeadUntilADeleteRescan)
{
    fabric.present({lun, iqn, 5});
    rescan("vmhba64", "add");
    fabric.withdraw(lun, iqn);
    EXPECT_EQ(status(lun), "dead");
    rescan("vmhba64", "add");
    EXPECT_EQ(status(lun), "dead");
    rescan("vmhba64", "delete");
    EXPECT_EQ(status(lun), "absent");
    EXPECT_FALSE(std::filesystem::exists(directory / "devices" / lun));
}

TEST_F(Storage, ADeadDeviceInUseSurvivesTheDeleteRescan)
{
    fabric.withdraw(datastores[0].naa, iqn);
    rescan("vmhba64", "delete");
    EXPECT_EQ(status(datastores[0].naa), "dead");
}

TEST_F(Storage, ADeviceStaysAsLongAsOneAdapterStillHasAPath)
{
    fabric.present({lun, iqn, 5});
    fabric.present({lun, wwpn, 5});
    rescan("vmhba64", "add");
    rescan("vmhba2", "add");
    fabric.withdraw(lun, iqn);
    EXPECT_EQ(status(lun), "on");
    rescan("vmhba64", "delete");
    EXPECT_EQ(host->storage.find(lun)->paths.size(), 1U);
}

TEST_F(Storage, ADetachedDeviceComesBackOffUntilItIsForgotten)
{
    fabric.present({lun, iqn, 5});
    rescan("vmhba64", "add");
    EXPECT_EQ(run({"esxcli", "storage", "core", "device", "set", "--state=off", "-d", lun}).exit, 0);
    EXPECT_EQ(status(lun), "off");
    EXPECT_THAT(run({"esxcli", "storage", "core", "device", "detached", "list"}).out,
                HasSubstr(std::string(lun) + "  off"));
    fabric.withdraw(lun, iqn);
    rescan("vmhba64", "delete");
    EXPECT_EQ(status(lun), "absent");

    fabric.present({lun, iqn, 6});
    rescan("vmhba64", "add");
    EXPECT_EQ(status(lun), "off");
    EXPECT_EQ(run({"esxcli", "storage", "core", "device", "detached", "remove", "-d", lun}).exit, 0);
    EXPECT_EQ(status(lun), "off");
    rescan("vmhba64", "add");
    EXPECT_EQ(status(lun), "on");
    EXPECT_EQ(run({"esxcli", "storage", "core", "device", "detached", "remove", "-d", lun}).exit, 1);
}

TEST_F(Storage, ADeviceBelowADatastoreOrOpenCannotBeSwitchedOff)
{
    const auto off = [&](const std::string& name) {
        return run({"esxcli", "storage", "core", "device", "set", "--state=off", "-d", name});
    };
    EXPECT_THAT(off(datastores[0].naa).out, HasSubstr("device is busy"));
    fabric.present({lun, iqn, 5});
    rescan("vmhba64", "add");
    host->storage.opened(this, lun, [] { return true; });
    EXPECT_EQ(off(lun).exit, 1);
    host->storage.closed(this);
    EXPECT_EQ(off(lun).exit, 0);
}

TEST_F(Storage, ADeadProcessDoesNotKeepADeviceBusy)
{
    fabric.present({lun, iqn, 5});
    rescan("vmhba64", "add");
    host->storage.opened(this, lun, [] { return false; });
    EXPECT_EQ(run({"esxcli", "storage", "core", "device", "set", "--state=off", "-d", lun}).exit, 0);
}

TEST_F(Storage, RescanTakesOneOfAllAndAdapter)
{
    EXPECT_EQ(run({"esxcli", "storage", "core", "adapter", "rescan", "--all", "-A", "vmhba64"}).exit, 1);
    EXPECT_EQ(run({"esxcli", "storage", "core", "adapter", "rescan", "-t", "add"}).exit, 1);
    EXPECT_EQ(rescan("vmhba99", "add").exit, 1);
    EXPECT_EQ(rescan("vmhba64", "sideways").exit, 1);
}

TEST_F(Storage, RescanOfAllAdaptersFailsWhileADeviceIsDead)
{
    const std::vector<std::string> all{"esxcli", "storage", "core", "adapter", "rescan", "-a"};
    EXPECT_EQ(run(all).exit, 0);
    fabric.present({lun, iqn, 5});
    rescan("vmhba64", "add");
    fabric.withdraw(lun, iqn);
    EXPECT_EQ(run(all).exit, 1);
    host->behaviour.apd_blocks_rescan_all = false;
    EXPECT_EQ(run(all).exit, 0);
}

TEST_F(Storage, ASecondRescanOfAnAdapterIsRefusedWhileTheFirstRuns)
{
    events.add_rule(rule_from_json({{"what", "^rescan vmhba64"}, {"hold", "rescanning"}}));
    std::jthread first([&] { rescan("vmhba64", "add"); });
    ASSERT_TRUE(events.wait_held("rescanning", 1, std::chrono::seconds(20)));
    const auto second = rescan("vmhba64", "add");
    EXPECT_EQ(rescan("vmhba2", "add").exit, 0);
    events.release("rescanning");
    first.join();
    EXPECT_EQ(second.exit, 1);
    EXPECT_THAT(second.out, HasSubstr("already in progress"));
    EXPECT_EQ(rescan("vmhba64", "add").exit, 0);
}

} // namespace
} // namespace lab
