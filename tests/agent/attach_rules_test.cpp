#include "agent/attach.hpp"

#include <gtest/gtest.h>

namespace xcopy {

namespace {

constexpr std::uint64_t size = 64 * 1024 * 1024;

Device seen_device()
{
    Device device;
    device.name = "naa.1";
    device.size_bytes = size;
    device.status = "on";
    device.paths = {
        {.runtime_name = "vmhba64:C0:T0:L3", .adapter = "vmhba64", .state = "active", .transport = "iscsi", .lun = 3}};
    return device;
}

AttachRequest request()
{
    AttachRequest wanted;
    wanted.job = "job";
    wanted.expected_size = size;
    return wanted;
}

} // namespace

TEST(AttachStep, FollowsWhatTheHostSees)
{
    Device device = seen_device();
    EXPECT_EQ(*next_attach_step(request(), "naa.1", nullptr), AttachStep::rescan);
    EXPECT_EQ(*next_attach_step(request(), "naa.1", &device), AttachStep::ready);
    device.paths[0].state = "dead";
    EXPECT_EQ(*next_attach_step(request(), "naa.1", &device), AttachStep::settle);
    device.status = "off";
    EXPECT_EQ(*next_attach_step(request(), "naa.1", &device), AttachStep::forget_detached);
    device.status = "dead timeout";
    EXPECT_EQ(*next_attach_step(request(), "naa.1", &device), AttachStep::rescan);
    device.is_detached = true;
    EXPECT_EQ(*next_attach_step(request(), "naa.1", &device), AttachStep::forget_detached);
}

TEST(AttachStep, NeverTouchesADeviceThatServesTheHost)
{
    Device device = seen_device();
    device.status = "off";
    device.used_by = {"ds1"};
    EXPECT_EQ(next_attach_step(request(), "naa.1", &device).error().reason, "target_backs_datastore");
}

TEST(LunNumber, AtTheLimitIsTooHigh)
{
    EXPECT_TRUE(check_lun_number("naa.1", 1023, 1024));
    EXPECT_EQ(check_lun_number("naa.1", 1024, 1024).error().reason, "lun_above_max");
    EXPECT_TRUE(check_lun_number("naa.1", std::nullopt, 1024));
    EXPECT_TRUE(check_lun_number("naa.1", 5000, std::nullopt)) << "an unreadable limit refuses nothing";
}

TEST(Detach, IsForTheJobThatAttached)
{
    const AttachRecord mine{"naa.1", "job", size, 0};
    const AttachRecord elsewhere{"naa.2", "job", size, 0};
    Device device = seen_device();
    EXPECT_TRUE(check_detach("naa.1", "job", &mine, &mine, &device));
    EXPECT_EQ(check_detach("naa.1", "other", &mine, nullptr, &device).error().reason, "attached_for_other_job");
    EXPECT_EQ(check_detach("naa.1", "job", nullptr, &elsewhere, &device).error().reason, "not_attached");
    EXPECT_TRUE(check_detach("naa.1", "job", nullptr, nullptr, &device)) << "records are lost with a RAM disk";
    EXPECT_TRUE(check_detach("naa.1", "job", nullptr, nullptr, nullptr));
    device.used_by = {"ds1"};
    EXPECT_EQ(check_detach("naa.1", "job", &mine, &mine, &device).error().reason, "target_backs_datastore");
    device.used_by.clear();
    device.is_local = true;
    EXPECT_EQ(check_detach("naa.1", "job", nullptr, nullptr, &device).error().reason, "target_is_local");
}

TEST(Rescan, SucceedsWhenOneAdapterCouldBeRescanned)
{
    const Error failed{Errc::failed, "vmhba1: busy"};
    EXPECT_TRUE(rescan_outcome({"vmhba2"}, {failed}, false));
    EXPECT_FALSE(rescan_outcome({}, {failed}, false));
    EXPECT_TRUE(rescan_outcome({}, {}, false));
}

TEST(Rescan, LeavesOutAdaptersThatCarryNoLun)
{
    Adapter adapter;
    for (const char* uid : {"fc.2000:2100", "iqn.1998-01.com.vmware:h", "sas.5000"}) {
        adapter.uid = uid;
        EXPECT_TRUE(can_carry_lun(adapter)) << uid;
    }
    for (const char* uid : {"sata.vmhba0", "usb.vmhba32", ""}) {
        adapter.uid = uid;
        EXPECT_FALSE(can_carry_lun(adapter)) << uid;
    }
}

} // namespace xcopy
