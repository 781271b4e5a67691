// What happens to connections and hosts while disks are copied over SSH: the clone goes on, the same id finds it again, and it is
// never started twice.
#include "tests/coordinator/ssh_script/ssh_served.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace xcopy::ssh_script {
namespace {

using namespace std::chrono_literals;

class SshInterruption : public testing::TestWithParam<const char*> {
protected:
    void hold_in_mid_clone()
    {
        ASSERT_TRUE(served.ssh.attach(served.call, target.naa, {.job = target.job, .expected_size = target.size}));
        served.host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
        copying = std::async(std::launch::async, [&] { return cloned(served.call, served.ssh, disk, target); });
        served.host.lab.wait_held("clone");
        EXPECT_TRUE(eventually([&] { // until its question is open
            return std::ranges::any_of(served.host.processes(), [](const auto& line) {
                return line.starts_with("sh /vmfs/volumes/datastore1/secure");
            });
        }));
    }
    void let_go()
    {
        served.host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
        served.host.lab.release("clone");
    }
    // A pod that comes after: the same order, by a connection of its own.
    void expect_adopted()
    {
        const auto next = served.another_session();
        auto ssh = served.host_by(*next);
        const auto adopted = ssh.start_clone(served.call, target.job, order());
        ASSERT_TRUE(adopted) << adopted.error().message;
        EXPECT_EQ(adopted->state, CloneState::running);
        let_go();
        const auto status = cloned(served.call, ssh, disk, target);
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_EQ(status->state, CloneState::succeeded);
        EXPECT_EQ(served.host.starts_on(target), 1);
        EXPECT_TRUE(same_bytes(disk, target));
        served.host.expect_clean(target);
    }
    CloneRequest order() const { return {.source = disk.source, .target_naa = target.naa, .target_size = target.size}; }

    SshServed served{GetParam()};
    const Disk disk = served.host.make_disk("vm 1/disk & co.vmdk");
    const Target target = served.host.make_target();
    std::future<Result<CloneStatus>> copying;
};

TEST_P(SshInterruption, OfTheConnectionLeavesTheCloneToWhoeverAsksNext)
{
    hold_in_mid_clone();
    served.cut_connections();
    const auto seen = copying.get();
    ASSERT_FALSE(seen) << "nobody saw its end";
    EXPECT_TRUE(seen.error().code == Errc::indeterminate || seen.error().code == Errc::unavailable)
        << seen.error().message;
    expect_adopted();
}

TEST_P(SshInterruption, OfSshdLeavesTheCloneToWhoeverAsksNext)
{
    hold_in_mid_clone();
    served.sshd("stop");
    served.cut_connections();
    EXPECT_FALSE(copying.get());
    const auto unheard = served.ssh.watch_clone(served.call.within(20s), target.job, 0, 1s);
    ASSERT_FALSE(unheard);
    EXPECT_EQ(unheard.error().code, Errc::unavailable) << unheard.error().message;
    served.sshd("start");
    const auto heard = served.ssh.watch_clone(served.call, target.job, 0, 1s);
    ASSERT_TRUE(heard) << heard.error().message;
    EXPECT_EQ(heard->state, CloneState::running) << "the same session connects again";
    expect_adopted();
}

TEST_P(SshInterruption, OfTheHostIsNeverCalledDoneAndTheCloneIsNotBegunAgain)
{
    hold_in_mid_clone();
    served.host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    served.host.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    const auto lost = copying.get();
    EXPECT_TRUE(!lost || lost->state == CloneState::indeterminate) << name(lost->state);
    const auto again = served.ssh.start_clone(served.call, target.job, order());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->state, CloneState::indeterminate);
    ASSERT_TRUE(again->error);
    EXPECT_EQ(again->error->reason, "no_exit_status");
    EXPECT_EQ(served.host.starts_on(target), 1);
    ASSERT_TRUE(served.host.call("sweep"));
    ASSERT_TRUE(served.ssh.forget_clone(served.call, target.job)); // by somebody who knows
    ASSERT_TRUE(served.ssh.attach(served.call, target.naa, {.job = target.job, .expected_size = target.size}));
    const auto status = cloned(served.call, served.ssh, disk, target);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(status->state, CloneState::succeeded);
    EXPECT_TRUE(same_bytes(disk, target));
    served.host.expect_clean(target);
}

INSTANTIATE_TEST_SUITE_P(Esxi, SshInterruption, testing::Values("6.7.0", "7.0.3", "8.0.2"));

struct Job {
    Disk disk;
    Target target;
};

std::vector<Job> make_jobs(SshServed& served, int count)
{
    std::vector<Job> jobs;
    jobs.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
        jobs.push_back(
            {served.host.make_disk("vm" + std::to_string(i) + "/disk.vmdk", mib), served.host.make_target(mib)});
    return jobs;
}

TEST(TwentyDisks, GoThroughOneConnection)
{
    SshServed served;
    const auto jobs = make_jobs(served, 20);
    std::vector<std::future<void>> copies;
    copies.reserve(jobs.size());
    for (const auto& [disk, target] : jobs)
        copies.push_back(std::async(std::launch::async, [&] {
            const auto attached =
                served.ssh.attach(served.call, target.naa, {.job = target.job, .expected_size = target.size});
            ASSERT_TRUE(attached) << attached.error().message;
            const auto status = cloned(served.call, served.ssh, disk, target);
            ASSERT_TRUE(status) << status.error().message;
            EXPECT_EQ(status->state, CloneState::succeeded);
            EXPECT_TRUE(served.ssh.detach(served.call, target.naa, target.job));
            EXPECT_TRUE(served.ssh.forget_clone(served.call, target.job));
        }));
    for (auto& copy : copies)
        copy.get();
    for (const auto& [disk, target] : jobs) {
        EXPECT_TRUE(same_bytes(disk, target, mib)) << disk.source;
        EXPECT_EQ(served.host.starts_on(target), 1);
    }
    EXPECT_EQ(served.session->connections(), 1);
    EXPECT_TRUE(served.host.lab.violations().empty());
    EXPECT_TRUE(served.host.lab.pointer_files().empty());
}

// sshd gives a connection ten channels. If every watch held one for its 25 s, nobody else would be heard meanwhile.
TEST(TwentyDisks, ThatAreWatchedAtOnceDoNotKeepOthersOut)
{
    SshServed served;
    const auto jobs = make_jobs(served, 20);
    served.host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    for (const auto& [disk, target] : jobs) {
        ASSERT_TRUE(served.ssh.attach(served.call, target.naa, {.job = target.job, .expected_size = target.size}));
        ASSERT_TRUE(served.ssh.start_clone(
            served.call, target.job, {.source = disk.source, .target_naa = target.naa, .target_size = target.size}));
    }
    served.host.lab.wait_held("clone", 4);
    std::atomic<int> answers = 0;
    std::stop_source over;
    auto call = served.call;
    call.stop = over.get_token();
    std::vector<std::jthread> watchers;
    watchers.reserve(jobs.size());
    for (const auto& job : jobs)
        watchers.emplace_back([&served, &answers, call, id = job.target.job] {
            while (!call.stop.stop_requested())
                answers += served.ssh.watch_clone(call, id, 999, 60s) ? 1 : 0; // no news will come
        });
    EXPECT_TRUE(eventually([&] { return answers > 20; })) << "watches that do not wait for their turn end shortly";
    const auto in_between = served.ssh.clones(served.call.within(20s));
    ASSERT_TRUE(in_between) << in_between.error().message;
    EXPECT_EQ(in_between->size(), 20U);
    over.request_stop();
    watchers.clear();
    for (const auto& [disk, target] : jobs)
        EXPECT_TRUE(served.ssh.cancel_clone(served.call, target.job));
    EXPECT_EQ(served.session->connections(), 1);
}

} // namespace
} // namespace xcopy::ssh_script
