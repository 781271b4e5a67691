#include "protocol/version.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(Agree, PicksTheHighestVersionBothSpeak)
{
    EXPECT_EQ(agree({1, 1}, {1, 1}, "esx1").value(), 1);
    EXPECT_EQ(agree({1, 3}, {2, 7}, "esx1").value(), 3);
    EXPECT_EQ(agree({2, 7}, {1, 3}, "esx1").value(), 3);
}

TEST(Agree, SaysWhichSideIsTooOld)
{
    const auto old_agent = agree({3, 4}, {1, 2}, "agent on esx1");
    EXPECT_EQ(old_agent.error().code, Errc::unsupported);
    EXPECT_EQ(old_agent.error().remedy, "upgrade agent on esx1");
    EXPECT_EQ(agree({1, 2}, {3, 4}, "agent on esx1").error().remedy, "use a coordinator as new as agent on esx1");
}

TEST(Agree, APeerThatNamesNoRangeIsRefused)
{
    EXPECT_FALSE(agree({1, 1}, {0, 0}, "esx1"));
}

} // namespace
} // namespace xcopy
