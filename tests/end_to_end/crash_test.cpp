// Whatever dies, whenever it dies: run again, and there was one writer, the mappings are as found, every byte is there.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

namespace e2e {
namespace {

using nlohmann::json;

// A run that stands still when half of the disk is copied.
struct HalfWay {
    Site site;
    Disk disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    Target target = site.make_target(32 * mib);
    nlohmann::json before = site.presentations(target);
    std::unique_ptr<Process> run;

    HalfWay()
    {
        site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
        run = prepare();
        run->go();
        site.lab.wait_held("half");
    }

    std::unique_ptr<Process> prepare() { return site.prepare_populate(disk, target, {"--migration-host=esx1"}); }

    void expect_copied_in(int writers)
    {
        EXPECT_EQ(site.starts_on(target), writers);
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        expect_nothing_left(site, target, before);
    }

    void expect_run_again_copies()
    {
        const auto again = site.populate(disk, target, {"--migration-host=esx1"});
        EXPECT_EQ(again.exit, 0) << again.err << again.out;
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        expect_nothing_left(site, target, before);
    }
};

// Kills the coordinator at the first, second, third … thing that the lab can observe (each array request and each tool
// on a host, before and after it takes effect) until a run gets through, and runs again after each.
TEST(CoordinatorKilled, AtEveryObservableEventIsRepairedByRunningAgain)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 4 * mib);
    int killed = 0;
    for (int step = 1; step < 400; ++step) {
        SCOPED_TRACE("killed at event " + std::to_string(step));
        const auto target = site.make_target(4 * mib);
        map_to_worker(site, target);
        const auto before = site.presentations(target);

        auto first = site.prepare_populate(disk, target, {"--migration-host=esx1"});
        const int rule = site.lab.add_rule({{"number", site.last_event() + static_cast<unsigned>(step)},
                                            {"kill", {{"pid", first->pid()}, {"signal", SIGKILL}}}});
        first->go();
        const auto ended = first->wait();
        site.lab.call({{"do", "rule.clear"}, {"rule", rule}});
        if (ended.signal == 0) {
            EXPECT_EQ(ended.exit, 0) << ended.err;
            break;
        }
        ++killed;

        const auto second = site.populate(disk, target, {"--migration-host=esx1"});
        EXPECT_EQ(second.exit, 0) << second.err << second.out;
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        EXPECT_EQ(site.starts_on(target), 1);
        expect_nothing_left(site, target, before);
        if (HasFailure())
            return;
    }
    EXPECT_GT(killed, 20) << "a run has more steps than that";
    std::printf("coordinator killed at %d different events\n", killed);
}

TEST(CoordinatorKilled, InMidCloneTheNextRunAdoptsTheSameWriter)
{
    HalfWay copy;
    copy.run->signal(SIGKILL);
    EXPECT_EQ(copy.run->wait().signal, SIGKILL);
    auto second = copy.prepare();
    second->go();
    // It must have found the clone before that goes on.
    copy.site.lab.call(
        {{"do", "events.wait"}, {"where", "array:"}, {"what", "GET /api/protocols/san/lun-maps"}, {"count", 3}});
    copy.site.lab.release("half");
    const auto ended = second->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    copy.expect_copied_in(1);
}

TEST(AgentKilled, InMidCloneTheNextAgentAdoptsTheSameWriter)
{
    HalfWay copy;
    copy.site.lab.call({{"do", "host.agent.kill"}, {"host", "esx1"}, {"signal", SIGKILL}});
    copy.site.lab.call({{"do", "host.agent.start"}, {"host", "esx1"}});
    copy.site.lab.release("half");
    const auto ended = copy.run->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    copy.expect_copied_in(1);
}

TEST(AgentKilled, AndAwayUntilTheCloneEndedTheVerdictIsStillTheTrueOne)
{
    HalfWay copy;
    copy.site.lab.call({{"do", "host.agent.kill"}, {"host", "esx1"}, {"signal", SIGKILL}});
    copy.site.lab.release("half");
    copy.site.lab.call({{"do", "events.wait"}, {"what", "^vmkfstools -i"}, {"count", 2}});
    copy.site.lab.call({{"do", "host.agent.start"}, {"host", "esx1"}});
    const auto ended = copy.run->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    copy.expect_copied_in(1);
}

TEST(HostRebooted, InMidCloneIsNeverCalledDone)
{
    HalfWay copy;
    copy.site.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    copy.site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    const auto ended = copy.run->wait();
    // Either it started over and copied every byte, or it says that it did not; never a half disk called done.
    if (ended.exit == 0)
        copy.expect_copied_in(2);
    copy.expect_run_again_copies();
}

TEST(SupervisorKilled, InMidCloneIsIndeterminateNeverDone)
{
    HalfWay copy;
    copy.site.lab.call(
        {{"do", "host.kill"}, {"host", "esx1"}, {"match", "xcopy-agent supervise"}, {"signal", SIGKILL}});
    copy.site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    copy.site.lab.release("half");
    const auto ended = copy.run->wait();
    EXPECT_NE(ended.exit, 0) << ended.err << ended.out;
    copy.expect_run_again_copies();
}

} // namespace
} // namespace e2e
