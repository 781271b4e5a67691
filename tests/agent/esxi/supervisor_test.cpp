#include "agent/esxi/supervisor.hpp"
#include "tests/agent/esxi/fake_host.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy {
namespace {

using test::eventually;
using test::file_exists;

constexpr const char* source_device = "naa.60000000000000000000000000000001";
constexpr const char* target_device = "naa.60000000000000000000000000000002";

class SupervisedCopy : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(dir.create(order)); }

    void TearDown() override
    {
        test::write_file(host.path("go"), ""); // lets a tool that still waits run to its end
        if (pid > 0)
            end_of_supervisor();
        EXPECT_TRUE(eventually([&] { return writer() == Writer::gone; })) << "a vmkfstools outlived its test";
    }

    void start()
    {
        auto started = start_supervisor(host.agent(), dir, host.tools());
        ASSERT_TRUE(started) << started.error().message;
        pid = *started;
    }

    int end_of_supervisor()
    {
        int status = 0;
        waitpid(std::exchange(pid, 0), &status, 0);
        return status;
    }

    JobStatus run_to_the_end()
    {
        start();
        EXPECT_EQ(end_of_supervisor(), 0);
        return status();
    }

    JobStatus status() const { return dir.status().value().value_or(JobStatus{}); }
    Writer writer() const { return writer_state(dir, dir.status().value(), order.boot_ms, order.boot_ms); }
    bool has_pointers() const { return file_exists(order.pointer_path) || file_exists(order.mapping_path); }
    std::size_t clones_started() const { return host.calls("vmkfstools").size(); }
    bool reaches(int percent) const
    {
        return eventually([&] { return status().percent >= percent; });
    }

    test::FakeHost host;
    JobOrder order = host.order("job-1");
    JobDir dir = host.job("job-1");
    pid_t pid = 0;
};

TEST_F(SupervisedCopy, SucceedsWithExitStatusZeroAndTellsThatTheArrayCopied)
{
    host.set_counters(target_device, "Statistics {\n   blocksWritten:10\n   cloneWriteOps:5\n   failedCloneOps:0\n}\n");
    host.set_counters(source_device, "Statistics {\n   cloneReadOps:0x7\n   failedCloneOps:0\n}\n");
    host.set_counters(target_device, "Statistics {\n   blocksWritten:12\n   cloneWriteOps:25\n   failedCloneOps:0\n}\n",
                      "after");
    host.set_counters(source_device, "Statistics {\n   cloneReadOps:0x17\n   failedCloneOps:0\n}\n", "after");
    host.script("vmkfstools", "pointers\nout Clone: 10% done.\\rClone: 100% done.\ncounters after\nexit 0\n");

    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::succeeded);
    EXPECT_EQ(ended.percent, 100);
    EXPECT_EQ(ended.exit_status, 0);
    EXPECT_FALSE(ended.error);
    EXPECT_GT(ended.started_ms, 0);
    EXPECT_GE(ended.ended_ms, ended.started_ms);
    EXPECT_EQ(ended.xcopy.use, XcopyUse::full);
    EXPECT_EQ(ended.xcopy.clone_write_ops, 20U);
    EXPECT_EQ(ended.xcopy.clone_read_ops, 16U);
    EXPECT_EQ(ended.xcopy.bytes_by_host, 1024U);
    EXPECT_FALSE(has_pointers());
    EXPECT_EQ(writer(), Writer::gone);
}

TEST_F(SupervisedCopy, GivesVmkfstoolsWholePathsWithoutAShell)
{
    host.script("vmkfstools", "exit 0\n");
    run_to_the_end();
    ASSERT_EQ(clones_started(), 1U);
    const std::string call = host.calls("vmkfstools").front();
    EXPECT_EQ(call.substr(call.find(' ')),
              " -i " + order.source_path + " -d rdm:/vmfs/devices/disks/" + target_device + " " + order.pointer_path);
}

TEST_F(SupervisedCopy, FailsWithTheTextThatFollowsTheProgressOnItsLine)
{
    host.script("vmkfstools",
                "pointers\nout Clone: 43% done.\nout Failed to clone disk: There is not enough space on the "
                "file system for the selected operation (13).\nexit 1\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.percent, 43);
    EXPECT_EQ(ended.exit_status, 1);
    ASSERT_TRUE(ended.error);
    EXPECT_EQ(ended.error->reason, "no_space");
    EXPECT_FALSE(ended.error->remedy.empty());
    EXPECT_EQ(ended.last_line.find("Failed to clone disk"), 0U);
    EXPECT_EQ(clones_started(), 1U);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, AHundredPercentAndThenAKillIsNoSuccess)
{
    host.script("vmkfstools", "pointers\nout Clone: 100% done.\nsignal 9\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.exit_signal, SIGKILL);
    EXPECT_FALSE(ended.exit_status);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, ExitStatusZeroIsSuccessWhateverTheLastPercentWas)
{
    host.script("vmkfstools", "out Clone: 71% done.\nexit 0\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::succeeded);
    EXPECT_EQ(ended.percent, 100);
}

TEST_F(SupervisedCopy, WhoUsesTheArrayIsUnknownWhereCountersCannotBeRead)
{
    host.script("vmkfstools", "exit 0\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::succeeded);
    EXPECT_EQ(ended.xcopy.use, XcopyUse::unknown);
    EXPECT_FALSE(ended.xcopy.bytes_by_host);
}

TEST_F(SupervisedCopy, ShowsProgressWhileItRuns)
{
    host.script("vmkfstools", "out Clone: 37% done.\\r\nwait go\nout Clone: 99% done.\nexit 0\n");
    start();
    ASSERT_TRUE(reaches(37));
    const JobStatus now = status();
    EXPECT_EQ(now.state, CloneState::running);
    EXPECT_EQ(now.supervisor_pid, pid);
    EXPECT_GT(now.writer_pid, 0);
    EXPECT_EQ(writer(), Writer::alive);
    test::write_file(host.path("go"), "");
    EXPECT_EQ(end_of_supervisor(), 0);
    EXPECT_EQ(status().state, CloneState::succeeded);
}

TEST_F(SupervisedCopy, ACancelFileEndsVmkfstoolsAndItsReasonIsKept)
{
    host.script("vmkfstools", "pointers\nout Clone: 20% done.\nwait go\n");
    start();
    ASSERT_TRUE(reaches(20));
    ASSERT_TRUE(dir.request_cancel(Error{Errc::cancelled, "asked for by ops", "none", "by_request"}));
    EXPECT_EQ(end_of_supervisor(), 0);
    const JobStatus ended = status();
    EXPECT_EQ(ended.state, CloneState::cancelled);
    EXPECT_EQ(ended.exit_signal, SIGTERM);
    ASSERT_TRUE(ended.error);
    EXPECT_EQ(ended.error->reason, "by_request");
    EXPECT_NE(ended.error->message.find("asked for by ops"), std::string::npos);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, ACancelledCloneIsNoSuccessEvenWithExitStatusZero)
{
    host.script("vmkfstools", "on-term-exit 0\nout Clone: 20% done.\nwait go\n");
    start();
    ASSERT_TRUE(reaches(20));
    ASSERT_TRUE(dir.request_cancel(Error{Errc::cancelled, "enough"}));
    EXPECT_EQ(end_of_supervisor(), 0);
    EXPECT_EQ(status().exit_status, 0);
    EXPECT_EQ(status().state, CloneState::cancelled);
}

TEST_F(SupervisedCopy, AVmkfstoolsThatIgnoresSigtermIsKilledAfterTheGracePeriod)
{
    host.script("vmkfstools", "ignore-term\npointers\nout Clone: 20% done.\nwait go\n");
    start();
    ASSERT_TRUE(reaches(20));
    ASSERT_TRUE(dir.request_cancel(Error{Errc::timed_out, "nobody asked about it"}));
    EXPECT_TRUE(eventually([&] { return status().state != CloneState::running; }));
    EXPECT_EQ(end_of_supervisor(), 0);
    EXPECT_EQ(status().state, CloneState::failed);
    EXPECT_EQ(status().error->code, Errc::timed_out);
    EXPECT_EQ(status().exit_signal, SIGKILL);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, SigtermToTheSupervisorCancelsTheClone)
{
    host.script("vmkfstools", "pointers\nout Clone: 20% done.\nwait go\n");
    start();
    ASSERT_TRUE(reaches(20));
    kill(pid, SIGTERM);
    EXPECT_EQ(end_of_supervisor(), 0);
    EXPECT_EQ(status().state, CloneState::cancelled);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, CancelledBeforeItBeganItStartsNothing)
{
    ASSERT_TRUE(dir.request_cancel(Error{Errc::cancelled, "changed my mind"}));
    EXPECT_EQ(run_to_the_end().state, CloneState::cancelled);
    EXPECT_EQ(clones_started(), 0U);
}

TEST_F(SupervisedCopy, AnUnreadableCancelFileStillCancels)
{
    test::write_file(dir.path() + "/cancel", "{\"code\":");
    EXPECT_EQ(run_to_the_end().state, CloneState::cancelled);
    EXPECT_EQ(clones_started(), 0U);
}

TEST_F(SupervisedCopy, ALockedSourceIsTriedAgainUntilItIsFree)
{
    const std::string locked = "pointers\nerr Failed to clone disk: Failed to lock the file (16392).\\n\nexit 1\n";
    host.script("vmkfstools", 1, locked);
    host.script("vmkfstools", 2, locked);
    host.script("vmkfstools", 3, "out Clone: 100% done.\nexit 0\n");
    EXPECT_EQ(run_to_the_end().state, CloneState::succeeded);
    EXPECT_EQ(clones_started(), 3U);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, ALockFoundAfterBytesWereCopiedIsNotTriedAgain)
{
    host.script("vmkfstools", "out Clone: 3% done.Failed to lock the file (16392).\nexit 1\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.error->reason, "source_locked");
    EXPECT_EQ(clones_started(), 1U);
}

TEST_F(SupervisedCopy, ACancelEndsTheWaitForALockedSource)
{
    host.script("vmkfstools", "err Failed to lock the file (16392).\ntouch tried\nexit 1\n");
    start();
    ASSERT_TRUE(eventually([&] { return file_exists(host.path("tried")); }));
    ASSERT_TRUE(dir.request_cancel(Error{Errc::cancelled, "enough"}));
    EXPECT_EQ(end_of_supervisor(), 0);
    EXPECT_EQ(status().state, CloneState::cancelled);
}

TEST_F(SupervisedCopy, LeftoverPointerFilesAreRemovedBeforeTheFirstAttempt)
{
    test::write_file(order.pointer_path,
                     "# Disk DescriptorFile\ncreateType=\"vmfsRawDeviceMap\"\nRW 1 VMFSRDM \"x\"\n");
    test::write_file(order.mapping_path, "m");
    host.script("vmkfstools", "exit 0\n");
    EXPECT_EQ(run_to_the_end().state, CloneState::succeeded);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, ARealDiskInThePlaceOfThePointerFileStaysAndNothingIsCloned)
{
    const std::string disk = "# Disk DescriptorFile\ncreateType=\"vmfs\"\nRW 1 VMFS \"x-flat.vmdk\"\n";
    test::write_file(order.pointer_path, disk);
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.error->reason, "foreign_pointer_file");
    EXPECT_EQ(test::file_text(order.pointer_path), disk);
    EXPECT_EQ(clones_started(), 0U);
}

TEST_F(SupervisedCopy, AMissingVmkfstoolsIsSaid)
{
    unlink(host.tools().vmkfstools.c_str());
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.error->code, Errc::unavailable);
    EXPECT_EQ(ended.started_ms, 0);
}

class SupervisedCopyWithLimit : public SupervisedCopy {
protected:
    SupervisedCopyWithLimit() { order.request.time_limit_s = 1; }
};

TEST_F(SupervisedCopyWithLimit, EndsTheCloneWhenTheTimeIsOver)
{
    host.script("vmkfstools", "pointers\nout Clone: 20% done.\nwait go\n");
    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::failed);
    EXPECT_EQ(ended.error->code, Errc::timed_out);
    EXPECT_EQ(ended.error->reason, "time_limit");
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, VmkfstoolsHoldsTheLockAfterItsSupervisorWasKilled)
{
    host.script("vmkfstools", "out Clone: 20% done.\nwait go\nexit 0\n");
    start();
    ASSERT_TRUE(reaches(20));
    kill(pid, SIGKILL);
    end_of_supervisor();
    EXPECT_EQ(writer(), Writer::alive);

    auto second = start_supervisor(host.agent(), dir, host.tools());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason, "writer_alive");
    EXPECT_EQ(clones_started(), 1U);

    test::write_file(host.path("go"), "");
    EXPECT_TRUE(eventually([&] { return writer() == Writer::gone; }));
    EXPECT_EQ(status().state, CloneState::running) << "nobody saw how it ended, so nobody may say so";
}

TEST_F(SupervisedCopy, ASecondSupervisorAfterALostOneStartsNoSecondWriter)
{
    host.script("vmkfstools", "pointers\nout Clone: 20% done.\nwait go\nexit 0\n");
    start();
    ASSERT_TRUE(reaches(20));
    kill(pid, SIGKILL);
    end_of_supervisor();
    test::write_file(host.path("go"), "");
    ASSERT_TRUE(eventually([&] { return writer() == Writer::gone; }));

    const JobStatus ended = run_to_the_end();
    EXPECT_EQ(ended.state, CloneState::indeterminate);
    EXPECT_EQ(ended.error->reason, "supervisor_lost");
    EXPECT_EQ(clones_started(), 1U);
    EXPECT_FALSE(has_pointers());
}

TEST_F(SupervisedCopy, ASecondSupervisorBesideALivingOneTouchesNothing)
{
    host.script("vmkfstools", "out Clone: 20% done.\nwait go\nexit 0\n");
    start();
    ASSERT_TRUE(reaches(20));
    const std::string before = test::file_text(dir.path() + "/status.json");
    EXPECT_EQ(supervise(dir, Tools(host.tools())), 3); // in this process: without a lock handed on
    EXPECT_EQ(test::file_text(dir.path() + "/status.json"), before);
    EXPECT_EQ(clones_started(), 1U);
}

TEST_F(SupervisedCopy, SupervisingAFinishedJobAgainChangesNothing)
{
    host.script("vmkfstools", "exit 0\n");
    run_to_the_end();
    const std::string before = test::file_text(dir.path() + "/status.json");
    EXPECT_EQ(run_to_the_end().state, CloneState::succeeded);
    EXPECT_EQ(test::file_text(dir.path() + "/status.json"), before);
    EXPECT_EQ(clones_started(), 1U);
}

struct BadOrder {
    const char* name;
    void (*spoil)(JobOrder&);
};

class SpoiltOrder : public testing::TestWithParam<BadOrder> {};

TEST_P(SpoiltOrder, StartsNothing)
{
    const test::FakeHost host;
    JobOrder order = host.order("job-1");
    GetParam().spoil(order);
    const JobDir dir = host.job("job-1");
    ASSERT_TRUE(dir.create(order));
    host.script("vmkfstools", "exit 0\n");
    const auto pid = start_supervisor(host.agent(), dir, host.tools());
    ASSERT_TRUE(pid);
    waitpid(*pid, nullptr, 0);
    EXPECT_EQ(dir.status().value()->state, CloneState::failed);
    EXPECT_TRUE(host.calls("vmkfstools").empty());
}

INSTANTIATE_TEST_SUITE_P(
    Orders, SpoiltOrder,
    testing::Values(BadOrder{"target", [](JobOrder& o) { o.request.target_naa = "../../etc/passwd"; }},
                    BadOrder{"target_case",
                             [](JobOrder& o) { o.request.target_naa = "NAA.60000000000000000000000000000002"; }},
                    BadOrder{"target_is_source", [](JobOrder& o) { o.request.target_naa = o.source_device; }},
                    BadOrder{"source", [](JobOrder& o) { o.source_path = "-i"; }},
                    BadOrder{"pointer", [](JobOrder& o) { o.pointer_path = o.source_path; }}),
    [](const auto& info) { return info.param.name; });

} // namespace
} // namespace xcopy
