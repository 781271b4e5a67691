// Disks that are volumes of the array themselves.
#include "coordinator/sweep.hpp"
#include "coordinator/verdict.hpp"
#include "tests/coordinator/fakes/lab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Phase = ArrayCopyState::Phase;

struct RdmLab : Lab {
    RdmLab()
    {
        array.offers_copies = true;
        order.backing = DiskBacking{DiskBacking::Kind::rdm, "naa.600a0980cccccccccccccccccccccccc"};
    }

    bool no_copy_is_left() const { return array.copier.state.phase == Phase::absent; }
    std::vector<Swept> sweep_all()
    {
        const auto hosts = connect();
        return sweep(Call{.job = order.job}, "ontap", "ontap-a", "", order.limits,
                     {.array = array, .hosts = hosts, .journal = journal, .log = log, .observer = observer});
    }
};

int steps_of_one_copy()
{
    RdmLab lab;
    lab.copy();
    return lab.steps.count();
}

TEST(ArrayCopy, CopiesInsideTheArrayWithoutAnyHost)
{
    RdmLab lab;
    lab.states.clear();
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
    EXPECT_TRUE(lab.array.copier.copied);
    EXPECT_EQ(report.method, "rdm");
    EXPECT_EQ(report.host, "");
    EXPECT_EQ(lab.steps.count("map"), 0);
    EXPECT_TRUE(lab.no_copy_is_left());
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(ArrayCopy, WhicheverStepFailsOnceNothingIsLeftAndNothingIsCalledDone)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step <= steps; ++step) {
        RdmLab lab;
        lab.steps.fail_at = step;
        const auto report = lab.copy();
        const auto which = fmt::format("step {} ({})", step, lab.steps.name_of(step));
        if (report.outcome == Outcome::succeeded)
            EXPECT_TRUE(lab.array.copier.copied || lab.esx1().copied) << which;
        else
            EXPECT_NE(exit_code(report), exit_success) << which;
        if (report.left_behind.empty()) {
            EXPECT_TRUE(lab.no_copy_is_left()) << which;
            EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
        }
    }
}

TEST(ArrayCopy, IsTakenUpByTheNextRunWhereverItDies)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step < steps; ++step) {
        RdmLab lab;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.copy(), Death);
        const auto which = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        lab.steps.calm();
        const auto report = lab.copy();
        EXPECT_EQ(report.outcome, Outcome::succeeded) << which << (report.error ? report.error->message : "");
        EXPECT_TRUE(lab.array.copier.copied) << which;
        EXPECT_EQ(lab.array.copier.starts, 1) << which;
        EXPECT_TRUE(lab.no_copy_is_left()) << which;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
    }
}

TEST(ArrayCopy, SweepEndsWhatADeadRunBeganWhereverItDied)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step < steps; ++step) {
        RdmLab lab;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.copy(), Death);
        lab.steps.calm();
        const auto which = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        for (const auto& swept : lab.sweep_all()) {
            EXPECT_EQ(swept.why_not, "") << which;
            EXPECT_THAT(swept.left_behind, IsEmpty()) << which;
            if (swept.outcome == Outcome::succeeded)
                EXPECT_TRUE(lab.array.copier.copied) << which;
        }
        EXPECT_TRUE(lab.no_copy_is_left()) << which;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
    }
}

TEST(ArrayCopy, AnArrayThatForgetsFinishedCopiesIsBelievedOnlyWhileItIsWatched)
{
    RdmLab lab;
    lab.array.copier.forgets = true;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_TRUE(lab.array.copier.copied);

    RdmLab restarted; // it died, and meanwhile the array's record went: done, or taken away by somebody?
    restarted.array.copier.forgets = true;
    restarted.steps.die_after = steps_of_one_copy() - 4;
    EXPECT_THROW(restarted.copy(), Death);
    restarted.steps.calm();
    restarted.array.copier.state = {};
    EXPECT_EQ(restarted.copy().outcome, Outcome::succeeded);
    EXPECT_TRUE(restarted.array.copier.copied);
    EXPECT_EQ(restarted.array.copier.starts, 2) << "it was copied again";
}

TEST(ArrayCopy, ACopyThatFailsOrIsTakenAwayIsNoSuccess)
{
    for (bool fails : {true, false}) {
        RdmLab lab;
        lab.array.copier.fails = fails;
        lab.array.copier.taken_away = !fails;
        const auto report = lab.copy();
        EXPECT_EQ(report.outcome, fails ? Outcome::failed : Outcome::indeterminate);
        EXPECT_THAT(report.error->message, HasSubstr(fails ? "pool is full" : "gone"));
        EXPECT_FALSE(report.error->remedy.empty());
        EXPECT_TRUE(report.target_touched);
        EXPECT_TRUE(lab.no_copy_is_left());
        EXPECT_THAT(lab.leftovers(), IsEmpty());
    }
}

struct StopsAt final : Observer {
    explicit StopsAt(std::stop_source& the_stop) : stop(the_stop) {}
    void progress(const Progress& now) override
    {
        if (now.percent >= 50)
            stop.request_stop();
    }
    std::stop_source& stop;
};

CopyReport stopped_halfway(RdmLab& lab)
{
    std::stop_source stop;
    StopsAt observer(stop);
    const auto hosts = lab.connect();
    return copy_disk(Call{.stop = stop.get_token(), .job = lab.order.job}, lab.order,
                     Site{.array = lab.array,
                          .hosts = hosts,
                          .journal = lab.journal,
                          .log = lab.log,
                          .observer = observer,
                          .may_leave = lab.may_leave});
}

TEST(ArrayCopy, StopEndsTheCopyOnTheArray)
{
    RdmLab lab;
    const auto report = stopped_halfway(lab);
    EXPECT_EQ(report.outcome, Outcome::cancelled);
    EXPECT_TRUE(lab.no_copy_is_left());
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(ArrayCopy, GoesOnForTheNextRunWhereThatWillCome)
{
    RdmLab lab;
    lab.may_leave = [] { return true; };
    const auto report = stopped_halfway(lab);
    EXPECT_TRUE(is_left_running(*report.error));
    EXPECT_EQ(exit_code(report), exit_left_behind);
    EXPECT_EQ(lab.steps.count("cancel"), 0);
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.array.copier.starts, 1);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(ArrayCopy, WhereTheArrayCannotStopItIsReportedAndTakenUpLater)
{
    RdmLab lab;
    lab.array.copier.cannot_cancel = true;
    const auto report = stopped_halfway(lab);
    EXPECT_EQ(report.outcome, Outcome::cancelled);
    EXPECT_FALSE(report.left_behind.empty());
    EXPECT_EQ(exit_code(report), exit_left_behind);
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.array.copier.starts, 1);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(ArrayCopy, WhatTheArrayCannotDoAHostDoesAndTheLogSaysWhy)
{
    const Error sizes{Errc::unsupported, "sizes differ", "make them equal"};
    const std::function<void(RdmLab&)> reasons[] = {
        [](RdmLab& lab) { lab.array.offers_copies = false; },
        [](RdmLab& lab) { lab.order.array_copies.clear(); },
        [](RdmLab& lab) { lab.order.backing->kind = DiskBacking::Kind::vvol; },
        [](RdmLab& lab) {
            lab.array.copier.find_refusal = Error{Errc::not_found, "on another array"};
        },
        [&](RdmLab& lab) { lab.array.copier.check_refusal = sizes; },
        [&](RdmLab& lab) { lab.array.copier.start_refusal = sizes; },
    };
    for (const auto& reason : reasons) {
        RdmLab lab;
        reason(lab);
        const auto report = lab.copy();
        EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
        EXPECT_EQ(report.method, "agent");
        EXPECT_TRUE(lab.esx1().copied);
        EXPECT_EQ(lab.array.copier.starts, 0);
        EXPECT_THAT(lab.log.text, HasSubstr("a host copies"));
        EXPECT_THAT(lab.leftovers(), IsEmpty());
    }
}

TEST(ArrayCopy, ATargetThatAHostUsesIsRefused)
{
    RdmLab lab;
    lab.array.volume.naa = "naa.600a0980aaaaaaaaaaaaaaaaaaaaaaaa"; // the datastore's
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::refused);
    EXPECT_EQ(report.error->reason, "target_backs_datastore");
    EXPECT_EQ(lab.array.copier.starts, 0);
}

} // namespace
} // namespace xcopy::test
