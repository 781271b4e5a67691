#include "vendors/initiator.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(Initiator, FibreChannelAsEsxiPrintsItHasEverySpelling)
{
    const auto hba = parse_initiator("fc.20000024FF000001:21000024ff000001");
    ASSERT_TRUE(hba);
    EXPECT_EQ(hba->kind, Initiator::Kind::fc);
    EXPECT_EQ(hba->esxi(), "fc.20000024ff000001:21000024ff000001");
    EXPECT_EQ(hba->plain(), "21000024ff000001");
    EXPECT_EQ(hba->with_colons(), "21:00:00:24:ff:00:00:01");
}

TEST(Initiator, BareWwpnIsReadWithAndWithoutColons)
{
    for (std::string_view text : {"21000024FF1A2B3C", "21:00:00:24:ff:1a:2b:3c"}) {
        const auto hba = parse_initiator(text);
        ASSERT_TRUE(hba) << text;
        EXPECT_EQ(hba->with_colons(), "21:00:00:24:ff:1a:2b:3c");
    }
}

TEST(Initiator, IscsiNamesAreLowerCase)
{
    const auto iqn = parse_initiator("iqn.1998-01.com.VMware:Host-12345678");
    ASSERT_TRUE(iqn);
    EXPECT_EQ(iqn->kind, Initiator::Kind::iscsi);
    for (const auto& text : {iqn->esxi(), iqn->plain(), iqn->with_colons()})
        EXPECT_EQ(text, "iqn.1998-01.com.vmware:host-12345678");
    EXPECT_TRUE(parse_initiator("eui.02004567A425678D"));
}

TEST(Initiator, PowerFlexHostsAreKnownByGuid)
{
    const auto sdc = parse_initiator("028888FA-502A-4FAC-A888-1FA3B256358C");
    ASSERT_TRUE(sdc);
    EXPECT_EQ(sdc->kind, Initiator::Kind::sdc);
    EXPECT_EQ(sdc->plain(), "028888fa-502a-4fac-a888-1fa3b256358c");
}

TEST(Initiator, AdaptersWithoutArrayLunsAreUnsupported)
{
    for (std::string_view text : {"sata.vmhba0", "sas.500605b0", "pscsi.vmhba1", "tcp.vmhba65", "rdma.vmhba66", ""})
        EXPECT_EQ(parse_initiator(text).error().code, Errc::unsupported) << text;
}

TEST(Initiator, MalformedNamesAreRefusedNotGuessed)
{
    for (std::string_view text : {"fc.", "fc.2000:2100", "fc.20000024ff00000121000024ff000001",
                                  "fc.20000024ff000001:21000024ff00000g", "iqn.", "iqn.x y", "eui.123", "iqn.a\"b"})
        EXPECT_EQ(parse_initiator(text).error().code, Errc::bad_request) << text;
    EXPECT_FALSE(parse_initiator("21:00:00:24:ff:1a:2b3c:"));
}

} // namespace
} // namespace xcopy
