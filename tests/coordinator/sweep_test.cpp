#include "coordinator/sweep.hpp"
#include "tests/coordinator/fakes/lab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::test {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<Swept> sweep_lab(Lab& lab, const std::string& array = "ontap-a")
{
    const auto hosts = lab.connect();
    return sweep(
        Call{}, "ontap", array, "", lab.order.limits,
        Site{.array = lab.array, .hosts = hosts, .journal = lab.journal, .log = lab.log, .observer = lab.observer});
}

TEST(Sweep, HasNothingToDoAfterACompleteCopy)
{
    Lab lab;
    lab.copy();
    EXPECT_THAT(sweep_lab(lab), IsEmpty());
}

TEST(Sweep, PutsEverythingBackWhereverTheCopyDied)
{
    Lab sample;
    sample.copy();
    for (int step = 1; step <= sample.steps.count(); ++step) {
        Lab lab;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.copy(), Death);
        lab.steps.calm();
        for (const auto& swept : sweep_lab(lab)) {
            EXPECT_THAT(swept.left_behind, IsEmpty()) << step;
            EXPECT_EQ(swept.why_not, "") << step;
            EXPECT_EQ(swept.outcome == Outcome::succeeded, lab.esx1().copied) << step;
        }
        EXPECT_EQ(lab.array.mapped_to(), std::vector<std::string>{"k8s"}) << step;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << step;
    }
}

TEST(Sweep, CancelsACloneNobodyWatches)
{
    Lab lab;
    lab.esx1().on_watch = [] { throw Death{}; };
    EXPECT_THROW(lab.copy(), Death);
    lab.esx1().on_watch = nullptr;
    const auto swept = sweep_lab(lab);
    ASSERT_EQ(swept.size(), 1U);
    EXPECT_EQ(swept[0].outcome, Outcome::failed);
    EXPECT_EQ(lab.steps.count("cancel_clone"), 1);
    EXPECT_FALSE(lab.esx1().copied);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(Sweep, LeavesAJobWhoseCoordinatorIsAlive)
{
    Lab lab;
    lab.esx1().on_watch = [] { throw Death{}; };
    EXPECT_THROW(lab.copy(), Death);
    const auto alive = lab.journal.claim("pvc-1");
    const auto swept = sweep_lab(lab);
    ASSERT_EQ(swept.size(), 1U);
    EXPECT_THAT(swept[0].why_not, HasSubstr("another coordinator"));
    EXPECT_EQ(lab.steps.count("unmap"), 0);
}

TEST(Sweep, SaysWhichArrayAJobBelongsTo)
{
    Lab lab;
    lab.esx1().on_watch = [] { throw Death{}; };
    EXPECT_THROW(lab.copy(), Death);
    const auto swept = sweep_lab(lab, "ontap-b");
    ASSERT_EQ(swept.size(), 1U);
    EXPECT_THAT(swept[0].why_not, HasSubstr("ontap-a"));
    EXPECT_FALSE(swept[0].left_behind.empty());
    EXPECT_EQ(lab.steps.count("unmap"), 0);
}

TEST(Sweep, TouchesNothingWhenAnotherHostAnswersUnderThatName)
{
    Lab lab;
    lab.esx1().on_watch = [] { throw Death{}; };
    EXPECT_THROW(lab.copy(), Death);
    lab.esx1().health.host_uuid = "another";
    const auto swept = sweep_lab(lab);
    ASSERT_EQ(swept.size(), 1U);
    EXPECT_THAT(swept[0].why_not, HasSubstr("another"));
    EXPECT_EQ(lab.steps.count("unmap") + lab.steps.count("cancel_clone"), 0);
}

} // namespace

} // namespace xcopy::test
