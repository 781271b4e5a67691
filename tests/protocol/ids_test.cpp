#include "protocol/ids.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(JobId, AcceptsAPvcUid)
{
    EXPECT_EQ(parse_job_id("5c9d270a-0f5e-4c8e-9a3f-1d2e3f4a5b6c").value(), "5c9d270a-0f5e-4c8e-9a3f-1d2e3f4a5b6c");
}

TEST(JobId, RefusesWhatCouldLeaveADirectoryOrACommandLine)
{
    for (std::string_view bad : {"", "-rf", "..", "../x", "a/b", "a b", "a;b", "a\nb", "a.vmdk", "a'b", "ä"})
        EXPECT_EQ(parse_job_id(bad).error().reason, "bad_job_id") << bad;
    EXPECT_FALSE(parse_job_id(std::string(65, 'a')));
    EXPECT_TRUE(parse_job_id(std::string(64, 'a')));
}

TEST(JobId, ARefusalQuotesNoControlCharacters)
{
    EXPECT_EQ(parse_job_id("a\r\nb\x7f").error().message.find_first_of("\r\n\x7f"), std::string::npos);
}

TEST(DeviceName, IsReturnedInLowerCase)
{
    EXPECT_EQ(parse_device_name("naa.600A0980383139544924583130314C41").value(),
              "naa.600a0980383139544924583130314c41");
    EXPECT_EQ(parse_device_name("EUI.1a2b3c4d5e6f7a8b").value(), "eui.1a2b3c4d5e6f7a8b");
}

TEST(DeviceName, RefusesEverythingElse)
{
    for (std::string_view bad : {"", "naa.", "naa.12", "naa.600a0980383139544924583130314c4", "mpx.vmhba0:C0:T0:L0",
                                 "naa.600a0980383139544924583130314c4g", "naa.600a0980383139544924583130314c41/..",
                                 "vml.0200180000600a098038313954492458", "t10.ATA_____"})
        EXPECT_EQ(parse_device_name(bad).error().reason, "bad_device_name") << bad;
}

} // namespace
} // namespace xcopy
