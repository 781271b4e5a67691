// What `ps -c` says. The shape of ESXi's columns is known (facts/esxi.md 1.5), not how long a command line may be.
#include "agent/esxi/processes.hpp"

#include <gtest/gtest.h>

namespace xcopy {

namespace {

const OwnWords own{"xcopy-agent", "serve"};
constexpr const char* self =
    "2100  2100  xcopy-agent  /opt/xcopy-agent/bin/xcopy-agent ++group=host/vim serve --config /c.json\n";

} // namespace

TEST(Processes, VmkfstoolsAreFoundWhereWeFindOurselves)
{
    const std::string clone =
        "2200  2200  vmkfstools  /bin/vmkfstools -i /vmfs/volumes/u/a b.vmdk -d rdm:/vmfs/devices/disks/naa.1 x.vmdk";
    const auto found = vmkfstools_in("WID  CID  WorldName  Command\n" + (self + clone), own);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, std::vector<std::string>{clone});
    EXPECT_EQ(first_about(*found, "naa.1"), clone);
    EXPECT_EQ(first_about(*found, "naa.2"), "");
    EXPECT_TRUE(vmkfstools_in(self, own)->empty());
}

TEST(Processes, AListingWithoutUsOrWithoutArgumentsProvesNothing)
{
    for (const char* listing : {"", "\n\n", "WID  CID  WorldName  Command\n", "2100  2100  xcopy-agent  xcopy-agent\n",
                                "2100  2100  xcopy-agent\n2101  2101  serve  serve\n", "ps: unknown option c\n",
                                "1  1  init  /sbin/init serve\n"}) {
        const auto found = vmkfstools_in(listing, own);
        ASSERT_FALSE(found) << listing;
        EXPECT_EQ(found.error().reason, "processes_unreadable");
        EXPECT_FALSE(found.error().remedy.empty());
    }
}

TEST(Processes, ADeviceIsNamedByItsWholePathOnly)
{
    const auto on = [](const std::string& words) { return !first_about({"vmkfstools " + words}, "naa.60a").empty(); };
    EXPECT_TRUE(on("-i s -d rdm:/vmfs/devices/disks/naa.60a p.vmdk"));
    EXPECT_TRUE(on("-i s -d rdm:/dev/disks/naa.60a"));
    EXPECT_TRUE(on("-i s -d 'rdm:/vmfs/devices/disks/naa.60a'"));
    EXPECT_TRUE(on("-C vmfs6 /vmfs/devices/disks/naa.60a:1"));
    EXPECT_FALSE(on("-i s -d rdm:/vmfs/devices/disks/naa.60ab p.vmdk"));
    EXPECT_FALSE(on("-i /vmfs/volumes/ds/naa.60a.vmdk -d thin t.vmdk"));
    EXPECT_FALSE(on("-i s -d rdm:/vmfs/devices/disks/naa.7 naa.60a"));
}

TEST(Processes, ADeviceIsKnownByItsVmlNameToo)
{
    const std::string digits = "600a098038303053453f463045727530";
    const auto on = [&](const std::string& words) {
        return !first_about({"vmkfstools -i s " + words}, "naa." + digits).empty();
    };
    EXPECT_TRUE(on("-d rdm:/vmfs/devices/disks/vml.0200070000" + digits + "4c554e20432d p.vmdk"));
    EXPECT_TRUE(on("-d thin /dev/disks/vml.01 rdm:/dev/disks/vml.0200070000" + digits));
    EXPECT_FALSE(on("-d rdm:/vmfs/devices/disks/vml.0200070000600a098038303053453f463045727531 " + digits));
}

} // namespace xcopy
