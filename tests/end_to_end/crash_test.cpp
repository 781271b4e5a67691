// Whatever dies, whenever it dies: run again, and there was one writer, the mappings are as found, every byte is there.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

namespace e2e {
namespace {

using nlohmann::json;

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
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = site.make_target(32 * mib);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto first = site.prepare_populate(disk, target);
    first->go();
    site.lab.wait_held("half");
    first->signal(SIGKILL);
    EXPECT_EQ(first->wait().signal, SIGKILL);
    auto second = site.prepare_populate(disk, target);
    second->go();
    // It must have found the clone before that goes on.
    site.lab.call(
        {{"do", "events.wait"}, {"where", "array:"}, {"what", "GET /api/protocols/san/lun-maps"}, {"count", 3}});
    site.lab.release("half");
    const auto ended = second->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_EQ(site.starts_on(target), 1);
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

TEST(AgentKilled, InMidCloneTheNextAgentAdoptsTheSameWriter)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = site.make_target(32 * mib);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
    run->go();
    site.lab.wait_held("half");
    site.lab.call({{"do", "host.agent.kill"}, {"host", "esx1"}, {"signal", SIGKILL}});
    site.lab.call({{"do", "host.agent.start"}, {"host", "esx1"}});
    site.lab.release("half");
    const auto ended = run->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_EQ(site.starts_on(target), 1);
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

TEST(AgentKilled, AndAwayUntilTheCloneEndedTheVerdictIsStillTheTrueOne)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = site.make_target(32 * mib);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
    run->go();
    site.lab.wait_held("half");
    site.lab.call({{"do", "host.agent.kill"}, {"host", "esx1"}, {"signal", SIGKILL}});
    site.lab.release("half");
    site.lab.call({{"do", "events.wait"}, {"what", "^vmkfstools -i"}, {"count", 2}});
    site.lab.call({{"do", "host.agent.start"}, {"host", "esx1"}});
    const auto ended = run->wait();
    EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
    EXPECT_EQ(site.starts_on(target), 1);
    expect_nothing_left(site, target, before);
}

TEST(HostRebooted, InMidCloneIsNeverCalledDone)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = site.make_target(32 * mib);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
    run->go();
    site.lab.wait_held("half");
    site.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    const auto ended = run->wait();
    // Either it started over and copied every byte, or it says that it did not; never a half disk called done.
    if (ended.exit == 0) {
        EXPECT_EQ(site.starts_on(target), 2);
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    }
    const auto again = site.populate(disk, target, {"--migration-host=esx1"});
    EXPECT_EQ(again.exit, 0) << again.err << again.out;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

TEST(SupervisorKilled, InMidCloneIsIndeterminateNeverDone)
{
    Site site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = site.make_target(32 * mib);
    const auto before = site.presentations(target);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
    auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
    run->go();
    site.lab.wait_held("half");
    site.lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", "xcopy-agent supervise"}, {"signal", SIGKILL}});
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    site.lab.release("half");
    const auto ended = run->wait();
    EXPECT_NE(ended.exit, 0) << ended.err << ended.out;
    const auto again = site.populate(disk, target, {"--migration-host=esx1"});
    EXPECT_EQ(again.exit, 0) << again.err << again.out;
    EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
    expect_nothing_left(site, target, before);
}

} // namespace
} // namespace e2e
