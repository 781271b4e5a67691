#include "vendors/array.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

using Ids = std::vector<std::string>;

TEST(OwnerOf, WhoHasMostIsTheOneAndWhatNobodyHasIsFree)
{
    const std::vector<ArrayHost> hosts = {{"1", "b", {"x", "y"}}, {"2", "a", {"z"}}, {"3", "other", {"q"}}};
    const auto owner = owner_of(hosts, {"x", "y", "z", "free"});
    EXPECT_EQ(owner.host.id, "1");
    EXPECT_EQ(owner.free, Ids{"free"});
    EXPECT_EQ(owner_of(hosts, {"x", "z"}).host.id, "2") << "as many: the first by name, whatever the order";
    EXPECT_EQ(owner_of(hosts, {"z", "x"}).host.id, "2");
    EXPECT_TRUE(owner_of(hosts, {"free"}).host.id.empty());
    EXPECT_EQ(owner_of({}, {"free"}).free, Ids{"free"});
    EXPECT_EQ(owner_of({{"0", "", {"free"}}}, {"free"}).free, Ids{"free"}) << "logged in, and nobody's";
}

TEST(HexIn, EveryNameOfADisk)
{
    const auto hex = [](const char* id) { return hex_in({DiskBacking::Kind::rdm, id}); };
    EXPECT_EQ(hex("naa.60002AC0000000000000182D00021F6B"), "60002ac0000000000000182d00021f6b");
    EXPECT_EQ(hex("vml.020001000060002ac0000000000000186b00021f6b565620202020"), "60002ac0000000000000186b00021f6b");
    EXPECT_EQ(hex("vml.020001000050002ac000001c9f565620202020"), "50002ac000001c9f");
    EXPECT_EQ(hex("rfc4122.0d5c6c1e-97c7-4f3b-8a49-6a6f0b1c2d3e"), "0d5c6c1e97c74f3b8a496a6f0b1c2d3e");
    for (const char* none : {"", "..", "naa.", "naa.xyz", "vml.02", "vml.0200010000", "rfc4122.1234",
                             "mpx.vmhba0:C0:T0:L0", "t10.ATA_____", "naa.60002ac0000000000000182d00021f6b/../x"})
        EXPECT_EQ(hex(none), "") << none;
}

TEST(CheckSizes, RefusesWhatLosesBytes)
{
    const Volume small{"1", "a", "naa.1", "", 100};
    const Volume large{"2", "b", "naa.2", "", 200};
    EXPECT_TRUE(check_sizes({"job", small, large}));
    EXPECT_TRUE(check_sizes({"job", small, {"3", "c", "naa.3", "", 100}}));
    EXPECT_EQ(check_sizes({"job", large, small}).error().reason, "target_too_small");
    EXPECT_EQ(check_sizes({"job", small, small}).error().code, Errc::unsupported);
    EXPECT_EQ(check_sizes({"job", small, {"4", "d", "naa.1", "", 200}}).error().reason, "same_volume");
}

} // namespace
} // namespace xcopy
