// What the self test makes of a clock.
#include "agent/selftest.hpp"

#include <gtest/gtest.h>

namespace xcopy {

TEST(JudgeClock, IsNeitherBehindThisProgramNorOutsideTheCertificate)
{
    constexpr std::int64_t now = 1'800'000'000;
    EXPECT_EQ(judge_clock(now, std::nullopt, std::nullopt).trouble, "");
    EXPECT_EQ(judge_clock(now, now - 1, now + 1).trouble, "");
    EXPECT_NE(judge_clock(0, std::nullopt, std::nullopt).trouble, "") << "a host without a battery begins in 1970";
    EXPECT_NE(judge_clock(now, now + 1, now + 2).trouble, "");
    EXPECT_NE(judge_clock(now, now - 2, now).trouble, "");
}

TEST(Selftest, AWarningPassesAndIsToldWithItsRemedy)
{
    const auto warned = timed("a", [] { return Finding{"odd", "look", true}; });
    const auto failed = timed("b", [] { return Finding{"bad", "mend"}; });
    EXPECT_TRUE(all_passed({warned}));
    EXPECT_FALSE(all_passed({warned, failed}));
    const auto table = as_table({warned, failed});
    EXPECT_NE(table.find("warn  a"), std::string::npos);
    EXPECT_NE(table.find("-> look"), std::string::npos);
    EXPECT_NE(table.find("FAIL  b"), std::string::npos);
    EXPECT_NE(table.find("-> mend"), std::string::npos);
}

} // namespace xcopy
