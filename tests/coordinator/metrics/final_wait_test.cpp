#include "coordinator/metrics/final_wait.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

using namespace std::chrono_literals;

TEST(FinalWait, OfAClaimsFirstPodIsNeverCut)
{
    for (const auto served : {0s, 15s, 3600s})
        for (const std::uint64_t asked : {0U, 1U, 1000U})
            EXPECT_EQ(final_wait({.had_earlier_pod = false, .asked = asked, .served = served}), last_scrape);
}

TEST(FinalWait, OfALaterPodThatSomebodyAsksIsNotCutEither)
{
    for (const auto served : {0s, 15s, 3600s})
        EXPECT_EQ(final_wait({.had_earlier_pod = true, .asked = 1, .served = served}), last_scrape);
}

TEST(FinalWait, OfALaterPodThatNobodyAskedEndsTwoIntervalsAfterTheFirstAnswerWasToBeHad)
{
    const auto none_left = first_answer_after + 2 * scrape_interval;
    const auto rest = [](std::chrono::milliseconds served) {
        return final_wait({.had_earlier_pod = true, .asked = 0, .served = served});
    };
    EXPECT_EQ(rest(0s), last_scrape);
    EXPECT_EQ(rest(none_left - last_scrape), last_scrape);
    EXPECT_EQ(rest(none_left - 1ms), 1ms);
    EXPECT_EQ(rest(none_left), 0ms);
    EXPECT_EQ(rest(none_left * 100), 0ms);
}

} // namespace
} // namespace xcopy
