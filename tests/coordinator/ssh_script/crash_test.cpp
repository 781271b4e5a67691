// Whatever dies, whenever: never two writers, never "done" without an exit status, and the same words again put it right.
#include "tests/coordinator/ssh_script/script_host.hpp"
#include "tests/lab/wire.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sys/stat.h>
#include <thread>

namespace xcopy::ssh_script {
namespace {

class SshScriptCrash : public testing::Test {
protected:
    void kill(const std::string& match, int signal = SIGKILL)
    {
        host.lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", match}, {"signal", signal}});
    }
    void hold_in_mid_clone()
    {
        host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
        ASSERT_TRUE(host.attach(target));
        ASSERT_TRUE(host.clone(disk, target));
        host.lab.wait_held("clone");
    }
    void let_go()
    {
        host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
        host.lab.release("clone");
    }
    // Makes a pipe of that file: whoever reads it waits for us.
    static void make_pipe(const std::filesystem::path& file)
    {
        std::filesystem::remove(file);
        ASSERT_EQ(mkfifo(file.c_str(), S_IRUSR | S_IWUSR), 0);
    }
    // The pipe's other end, once somebody reads it; he goes on when it is closed.
    static lab::Fd reader_of(const std::filesystem::path& pipe)
    {
        lab::Fd end;
        EXPECT_TRUE(eventually([&] {
            end = lab::Fd(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
            return static_cast<bool>(end);
        }));
        return end;
    }
    // Like a coordinator that is started again: the same words from the beginning until they are through.
    CloneStatus copy()
    {
        const auto attached = host.attach(target);
        EXPECT_TRUE(attached) << attached.error().message;
        const auto ordered = host.clone(disk, target);
        EXPECT_TRUE(ordered) << ordered.error().message;
        return host.finished(target.job);
    }

    ScriptHost host;
    Disk disk = host.make_disk();
    Target target = host.make_target();
};

// The connection's shell is killed at the N-th thing that it asks the host for; N grows until nothing is left to kill.
TEST_F(SshScriptCrash, OfTheConnectionAtEveryToolIsRepairedByTheSameWordsAgain)
{
    int killed_at = 0;
    for (int nth = 1; nth < 60; ++nth) {
        SCOPED_TRACE("killed at tool " + std::to_string(nth));
        const int rule = host.lab.add_rule(
            {{"where", "host:esx1"},
             {"what", "^(esxcli|vsish|vmkfstools)"},
             {"when", nth % 2 == 0 ? "before" : "after"},
             {"nth", (nth + 1) / 2},
             {"count", 1},
             {"kill", {{"host", "esx1"}, {"match", "^sh /vmfs/volumes/datastore1/secure"}, {"signal", SIGKILL}}}});
        const auto before = host.lab.call({{"do", "events"}}).at("events").size();
        const auto step = [&](const std::string& verb, const Words& words) {
            return host.command(host.line(verb, words)).exit == 0;
        };
        const Words attach{
            {"naa", target.naa}, {"job", target.job}, {"size", std::to_string(target.size)}, {"wait", "20"}};
        const bool whole = step("attach", attach) && step("clone", host.clone_words(disk, target)) &&
                           step("watch", {{"job", target.job}, {"after", "999"}, {"wait", "20"}}) &&
                           step("detach", {{"naa", target.naa}, {"job", target.job}});
        const auto tools = host.lab.call({{"do", "events"}}).at("events").size() - before;
        host.lab.call({{"do", "rule.clear"}, {"rule", rule}});
        killed_at += whole ? 0 : 1;

        const auto status = copy();
        EXPECT_EQ(status.state, CloneState::succeeded) << (status.error ? status.error->message : "");
        EXPECT_TRUE(same_bytes(disk, target));
        host.expect_clean(target);
        EXPECT_EQ(host.starts_on(target), nth) << "one writer a copy, whoever dies";
        if (whole && tools < static_cast<std::size_t>(nth))
            break;
    }
    EXPECT_GE(killed_at, 8);
}

// The same for the watcher, which goes on without a connection: it may cost the verdict, never the truth.
TEST_F(SshScriptCrash, OfTheWatcherAtEveryToolNeverMakesTwoWritersOrAFalseVerdict)
{
    std::map<CloneState, int> seen;
    for (int nth = 1; nth < 30; ++nth) {
        SCOPED_TRACE("killed at tool " + std::to_string(nth));
        ASSERT_TRUE(host.attach(target));
        const auto starts_before = host.starts_on(target);
        const int rule =
            host.lab.add_rule({{"where", "host:esx1"},
                               {"what", "^(esxcli|vsish|vmkfstools)"},
                               {"when", nth % 2 == 0 ? "after" : "before"},
                               {"nth", (nth + 1) / 2},
                               {"count", 1},
                               {"kill", {{"host", "esx1"}, {"match", "--xcopy-watch"}, {"signal", SIGKILL}}}});
        const auto ordered = host.clone(disk, target);
        ASSERT_TRUE(ordered) << ordered.error().message;
        auto status = host.finished(target.job);
        host.lab.call({{"do", "rule.clear"}, {"rule", rule}});
        EXPECT_LE(host.starts_on(target) - starts_before, 1);
        if (status.state == CloneState::succeeded) {
            EXPECT_EQ(status.exit_status, 0);
            EXPECT_EQ(host.starts_on(target) - starts_before, 1);
            EXPECT_TRUE(same_bytes(disk, target));
        } else {
            EXPECT_EQ(status.state, CloneState::indeterminate) << (status.error ? status.error->message : "");
        }
        ++seen[status.state];
        EXPECT_TRUE(host.call("cancel", {{"job", target.job}}));
        EXPECT_EQ(host.watch(target.job, 0, 0).state, status.state) << "what is final stays so";
        host.expect_clean(target);
    }
    EXPECT_GE(seen[CloneState::indeterminate], 1);
    EXPECT_GE(seen[CloneState::succeeded], 10);
}

TEST_F(SshScriptCrash, OfVmkfstoolsIsAFailure)
{
    hold_in_mid_clone();
    kill("^/bin/vmkfstools");
    const auto status = host.finished(target.job);
    EXPECT_EQ(status.state, CloneState::failed);
    EXPECT_EQ(status.exit_status, 128 + SIGKILL);
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, OfTheWatcherIsIndeterminateNeverDoneAndTheDeviceStaysReserved)
{
    hold_in_mid_clone();
    kill("--xcopy-watch");
    auto status = host.watch(target.job, 0, 0);
    EXPECT_EQ(status.state, CloneState::indeterminate);
    EXPECT_FALSE(status.exit_status);
    EXPECT_EQ(host.refusal("detach", {{"naa", target.naa}, {"job", target.job}}), "target_busy");
    EXPECT_EQ(host.refusal("forget", {{"job", target.job}}), "still_running");
    EXPECT_EQ(host.clone(disk, target)->state, CloneState::indeterminate) << "never begun a second time";
    let_go();
    EXPECT_TRUE(eventually([&] { return host.processes().empty(); }));
    status = host.watch(target.job, 0, 0);
    EXPECT_EQ(status.state, CloneState::indeterminate) << "100% prove nothing";
    EXPECT_EQ(host.starts_on(target), 1);
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, OfTheWatcherLeavesAWriterThatCancelEnds)
{
    hold_in_mid_clone();
    kill("--xcopy-watch");
    const auto status = host.ask<CloneStatus>("cancel", {{"job", target.job}});
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->state, CloneState::indeterminate);
    EXPECT_TRUE(eventually([&] { return host.processes().empty(); }));
    host.expect_clean(target);
}

// The watcher dies while it waits its turn: nothing was written, so the next question starts another.
TEST_F(SshScriptCrash, OfAWatcherInTheQueueIsNoticedByTheNextQuestion)
{
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    std::vector<Target> others;
    for (int i = 0; i < 4; ++i) {
        const auto other_disk = host.make_disk("vm/other" + std::to_string(i) + ".vmdk");
        others.push_back(host.make_target());
        ASSERT_TRUE(host.attach(others.back()));
        ASSERT_TRUE(host.clone(other_disk, others.back()));
    }
    host.lab.wait_held("clone", 4);
    ASSERT_TRUE(host.attach(target));
    ASSERT_TRUE(host.clone(disk, target));
    kill("--xcopy-watch " + target.job);
    EXPECT_EQ(host.watch(target.job, 0, 0).state, CloneState::queued);
    let_go();
    EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
    EXPECT_EQ(host.starts_on(target), 1);
    for (const auto& other : others)
        EXPECT_EQ(host.finished(other.job).state, CloneState::succeeded);
    EXPECT_TRUE(host.lab.violations().empty());
}

TEST_F(SshScriptCrash, OfTheHostInMidCloneIsNeverCalledDone)
{
    hold_in_mid_clone();
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    host.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    const auto status = host.watch(target.job, 0, 0);
    EXPECT_EQ(status.state, CloneState::indeterminate);
    EXPECT_EQ(host.clone(disk, target)->state, CloneState::indeterminate);
    ASSERT_TRUE(host.call("sweep")); // the pointer files of dead clones
    EXPECT_TRUE(host.lab.pointer_files().empty());
    ASSERT_TRUE(host.call("forget", {{"job", target.job}}));
    EXPECT_EQ(copy().state, CloneState::succeeded); // forgotten by somebody who knows: a new order
    EXPECT_TRUE(same_bytes(disk, target));
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, TheConnectionThatOrderedItEndsAndTheCloneGoesOn)
{
    hold_in_mid_clone();
    kill("secure-vmkfstools-wrapper"); // whatever belongs to a connection
    let_go();
    EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
    EXPECT_TRUE(same_bytes(disk, target));
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, TenPodsThatOrderOneDiskAtOnceGetOneClone)
{
    ASSERT_TRUE(host.attach(target));
    std::vector<std::thread> pods;
    pods.reserve(10);
    for (int i = 0; i < 10; ++i)
        pods.emplace_back([&] {
            const auto ordered = host.clone(disk, target);
            EXPECT_TRUE(ordered) << ordered.error().message;
        });
    for (auto& pod : pods)
        pod.join();
    EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
    EXPECT_EQ(host.starts_on(target), 1);
    host.expect_clean(target);
}

// Whoever lists, watches or cancels at the moment in which a job is forgotten hears all of it or that it is gone; and the next
// clone of the same id is not taken for nobody's because the last one's watcher was slow to leave.
TEST_F(SshScriptCrash, AJobThatIsForgottenAndOrderedAgainIsNeverSeenInHalves)
{
    std::atomic<bool> over = false;
    std::vector<std::thread> readers;
    for (const auto* verb : {"clones", "cancel"})
        readers.emplace_back([&, verb] {
            while (!over) {
                const auto answer = host.call(verb, {{"job", target.job}});
                if (answer)
                    EXPECT_TRUE(nlohmann::json::accept(*answer)) << verb << ": " << *answer;
                else
                    EXPECT_EQ(answer.error().code, Errc::not_found) << verb << ": " << answer.error().message;
            }
        });
    for (int round = 0; round < 8; ++round) {
        ASSERT_TRUE(host.attach(target));
        const auto ordered = host.clone(disk, target);
        EXPECT_TRUE(ordered) << ordered.error().message;
        EXPECT_NE(host.finished(target.job).state, CloneState::indeterminate);
        EXPECT_TRUE(host.call("forget", {{"job", target.job}}));
    }
    over = true;
    for (auto& reader : readers)
        reader.join();
    host.expect_clean(target);
}

// Whoever is slow in the middle of reading a job, while it is forgotten and ordered again, neither tells nor ends what it did not read.
TEST_F(SshScriptCrash, WhatWasReadOfOneOrderIsNotTakenForTheNext)
{
    const auto state = host.lab.directory() / "hosts/esx1/root/scratch/xcopy-ssh";
    const auto job = state / "jobs" / target.job;
    const auto forgotten = state / ("old." + target.job);
    for (const auto* verb : {"clones", "watch", "cancel", "cancel of what nobody began"}) {
        SCOPED_TRACE(verb);
        ASSERT_EQ(copy().state, CloneState::succeeded);
        make_pipe(job / "out");
        if (verb == std::string("cancel of what nobody began")) {
            for (const auto* file : {"done", "exit", "begun"})
                std::filesystem::remove(job / file);
        }
        auto answer = std::async(std::launch::async, [&] {
            return host.call(std::string(verb).substr(0, 6), {{"job", target.job}});
        });
        auto slow = reader_of(job / "out");
        std::filesystem::rename(job, forgotten); // as forget does
        hold_in_mid_clone();
        slow = {};
        const auto heard = answer.get();
        if (heard)
            EXPECT_EQ(*heard, "{\"clones\":[]}\n");
        else
            EXPECT_EQ(heard.error().reason, "no_such_clone") << heard.error().message;
        EXPECT_EQ(host.watch(target.job, 0, 0).state, CloneState::running);
        let_go();
        EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
        host.expect_clean(target);
        std::filesystem::remove_all(forgotten);
    }
}

// Its watcher was not there yet when it was looked for, and began right after: nothing is lost.
TEST_F(SshScriptCrash, ACloneThatBeginsWhileItIsReadIsNotIndeterminate)
{
    ASSERT_EQ(copy().state, CloneState::succeeded);
    const auto root = host.lab.directory() / "hosts/esx1/root";
    const auto job = root / "scratch/xcopy-ssh/jobs" / target.job;
    const auto watcher = root / "tmp/xcopy-ssh/run" / target.job;
    for (const auto* file : {"done", "exit", "begun"})
        std::filesystem::remove(job / file);
    make_pipe(watcher);
    auto listed = std::async(std::launch::async, [&] { return host.ask<CloneList>("clones"); });
    auto slow = reader_of(watcher);
    std::filesystem::create_directory(job / "begun");
    slow = {};
    const auto list = listed.get();
    std::filesystem::remove(watcher);
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_EQ(list->clones.size(), 1U);
    EXPECT_EQ(list->clones.front().state, CloneState::queued);
    EXPECT_EQ(host.watch(target.job, 0, 0).state, CloneState::indeterminate) << "begun, and nobody there";
    host.expect_clean(target);
}

// Two ids, one volume: the volume was attached for one of them only, and even a forged record leaves one writer.
TEST_F(SshScriptCrash, TwoJobsOnOneVolumeAreRefused)
{
    hold_in_mid_clone();
    auto forged = target;
    forged.job = "forged";
    std::ofstream(host.lab.directory() / "hosts/esx1/root/scratch/xcopy-ssh/devices" / target.naa)
        << "forged " << target.size << "\n";
    const auto other = host.make_disk("vm/other.vmdk");
    EXPECT_EQ(host.refusal("clone", host.clone_words(other, forged)), "target_busy");
    std::ofstream(host.lab.directory() / "hosts/esx1/root/scratch/xcopy-ssh/devices" / target.naa)
        << target.job << " " << target.size << "\n";
    let_go();
    EXPECT_EQ(host.finished(target.job).state, CloneState::succeeded);
    EXPECT_EQ(host.starts_on(target), 1);
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, AVmkfstoolsThatNobodyAnswersForIsAWriterToo)
{
    ASSERT_TRUE(host.attach(target));
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    host.lab.spawn("esx1", {"/bin/vmkfstools", "-i", "/vmfs/volumes/datastore1/vm/disk.vmdk", "-d",
                            "rdm:/vmfs/devices/disks/" + target.naa, "/vmfs/volumes/datastore1/vm/by-hand.vmdk"});
    host.lab.wait_held("clone");
    EXPECT_EQ(host.refusal("clone", host.clone_words(disk, target)), "target_busy");
    EXPECT_EQ(host.refusal("detach", {{"naa", target.naa}, {"job", target.job}}), "target_busy");
    let_go();
    EXPECT_TRUE(eventually([&] { return host.processes().empty(); }));
    EXPECT_EQ(copy().state, CloneState::succeeded);
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, AVmkfstoolsIsKnownByTheVmlNameOfItsDeviceToo)
{
    ASSERT_TRUE(host.attach(target));
    const auto by_hand = [&](const std::string& digits) {
        host.lab.spawn("esx1", {"/bin/sh", "-c", "sleep 60; :", "vmkfstools", "-i", "a.vmdk", "-d",
                                "rdm:/dev/disks/vml.0200070000" + digits + "4c554e202020", "b.vmdk"});
        ASSERT_TRUE(eventually([&] { return !host.processes().empty(); }));
    };
    by_hand(target.naa.substr(4));
    EXPECT_EQ(host.refusal("clone", host.clone_words(disk, target)), "target_busy");
    EXPECT_EQ(host.starts_on(target), 0);
    kill("vml|sleep");
    by_hand(std::string(32, '6'));
    EXPECT_EQ(copy().state, CloneState::succeeded) << "that is another device";
    kill("vml|sleep");
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, AScriptReplacedWhileItWorksGoesOnAsItBegan)
{
    hold_in_mid_clone();
    const auto path = host.lab.datastore("datastore1") / "secure-vmkfstools-wrapper";
    std::ofstream(path.string() + ".new") << "#!/bin/sh\necho another version\nexit 0\n";
    std::filesystem::rename(path.string() + ".new", path);
    EXPECT_EQ(host.command("--version").output, "another version\n");
    let_go();
    EXPECT_TRUE(eventually([&] { return host.processes().empty(); }));
    std::filesystem::copy_file(SSH_SCRIPT, path, std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(host.watch(target.job, 0, 0).state, CloneState::succeeded);
    host.expect_clean(target);
}

// Killed between taking the folder away and emptying it: the job is gone for everybody, and the next sweep takes the rest.
TEST_F(SshScriptCrash, OfAForgetLeavesNothingBehindAfterTheNextSweep)
{
    ASSERT_EQ(copy().state, CloneState::succeeded);
    const auto state = host.lab.directory() / "hosts/esx1/root/scratch/xcopy-ssh";
    std::filesystem::rename(state / "jobs" / target.job, state / ("old." + target.job + ".4711"));
    EXPECT_EQ(host.refusal("watch", {{"job", target.job}}), "no_such_clone");
    EXPECT_TRUE(host.call("forget", {{"job", target.job}}));
    ASSERT_TRUE(host.call("sweep"));
    EXPECT_FALSE(std::filesystem::exists(state / ("old." + target.job + ".4711")));
    EXPECT_EQ(copy().state, CloneState::succeeded) << "a new order";
    EXPECT_EQ(host.starts_on(target), 2);
    host.expect_clean(target);
}

TEST_F(SshScriptCrash, AFullDiskIsSaidAndNothingBegins)
{
    ASSERT_TRUE(host.attach(target));
    const auto jobs = host.lab.directory() / "hosts/esx1/root/scratch/xcopy-ssh/jobs";
    std::filesystem::remove(jobs); // as good as no space: nothing can be written there
    std::ofstream(jobs) << "not a folder";
    EXPECT_EQ(host.refusal("clone", host.clone_words(disk, target)), "no_space");
    EXPECT_TRUE(host.lab.starts().empty());
    std::filesystem::remove(jobs);
    EXPECT_EQ(copy().state, CloneState::succeeded);
    host.expect_clean(target);
}

} // namespace
} // namespace xcopy::ssh_script
