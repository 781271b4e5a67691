#include "agent/inventory.hpp"

#include <gtest/gtest.h>

namespace xcopy {

TEST(HostView, JoinsWhatFourCommandsSay)
{
    Device device;
    device.name = "naa.1";
    const DevicePath path{
        .runtime_name = "vmhba1:C0:T0:L7", .adapter = "vmhba1", .state = "active", .transport = "fc", .lun = 7};
    const VmfsExtent extent{.volume = "ds 1", .uuid = "u1", .device = "naa.1", .partition = 1};
    const auto view = join_view({device}, {{"naa.1", {path}}}, {extent}, {"naa.1", "naa.2"});
    ASSERT_NE(view.device("naa.1"), nullptr);
    EXPECT_EQ(view.device("naa.1")->lun, 7);
    EXPECT_TRUE(view.device("naa.1")->is_detached);
    EXPECT_EQ(view.device("naa.1")->used_by, std::vector<std::string>{"ds 1"});
    EXPECT_EQ(view.device("naa.2"), nullptr);
    EXPECT_EQ(view.devices_of_volume("u1"), std::vector<std::string>{"naa.1"});
    EXPECT_TRUE(view.devices_of_volume("u2").empty());
}

TEST(HostView, CountsAnUnnamedVolumeAsAUserToo)
{
    Device device;
    device.name = "naa.1";
    const auto view = join_view({device}, {}, {{.volume = "", .uuid = "u1", .device = "naa.1", .partition = 1}}, {});
    EXPECT_EQ(view.device("naa.1")->used_by, std::vector<std::string>{"u1"});
}

} // namespace xcopy
