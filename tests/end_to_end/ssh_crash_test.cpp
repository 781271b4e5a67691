// Copies over SSH when something dies, is cut or changes in the middle: one writer, every byte, nothing left.
#include "tests/end_to_end/ssh_site.hpp"

#include <gmock/gmock.h>

#include <regex>
#include <thread>

namespace e2e {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// What changes something: array requests, rescans, device states, the writer itself.
constexpr const char* steps = "^(POST|PATCH|PUT|DELETE) |adapter rescan|device set|detached remove|^vmkfstools -i";

struct HalfWay {
    SshSite site;
    Disk disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    Target target = site.make_target(32 * mib);
    json before = site.presentations(target);
    std::unique_ptr<Process> run;

    explicit HalfWay(const std::vector<std::string>& agents = {}) : site(agents)
    {
        site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
        run = prepare();
        run->go();
        site.lab.wait_held("half");
    }
    std::unique_ptr<Process> prepare(std::vector<std::string> more = {})
    {
        more.emplace_back("--migration-host=esx1");
        return site.prepare_populate(disk, target, more);
    }
    Ran again(std::vector<std::string> more = {}) { return prepare(std::move(more))->wait(); }
    void kill()
    {
        run->signal(SIGKILL);
        EXPECT_EQ(run->wait().signal, SIGKILL);
    }
    void go_on()
    {
        site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
        site.lab.release("half");
    }
    void expect_copied_by_one(const Ran& ran, const std::string& method)
    {
        ASSERT_EQ(ran.exit, 0) << ran.err << ran.out;
        EXPECT_EQ(result_of(ran).at("clone_method"), method);
        EXPECT_EQ(site.starts_on(target), 1);
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        expect_nothing_left(site, target, before);
    }
};

// Runs once for each step, with `rule` made of its number, until one gets through without meeting its rule.
template <class Rule, class Check> int at_each_step(const Rule& rule, const Check& check)
{
    SshSite site;
    const auto disk = site.make_disk("vm 1/disk.vmdk", 4 * mib);
    int met = 0;
    for (int step = 1; step < 200; ++step) {
        SCOPED_TRACE("step " + std::to_string(step));
        const auto target = site.make_target(4 * mib);
        map_to_worker(site, target);
        const auto before = site.presentations(target);
        const auto begun = site.last_event();
        auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
        const int number = site.lab.add_rule(rule(step, *run));
        run->go();
        const auto ended = run->wait();
        site.lab.call({{"do", "rule.clear"}, {"rule", number}});
        int seen = 0;
        for (const auto& event : site.list({{"do", "events"}, {"after", begun}}, "events"))
            seen += std::regex_search(event.at("what").get<std::string>(), std::regex(steps)) ? 1 : 0;
        check(site, disk, target, ended);
        EXPECT_TRUE(same_bytes(disk.flat, target.file, disk.size));
        EXPECT_EQ(site.starts_on(target), 1);
        expect_nothing_left(site, target, before);
        if (testing::Test::HasFailure())
            break;
        if (seen < step)
            break;
        ++met;
    }
    return met;
}

TEST(CoordinatorKilledOverSsh, AfterEachStepIsRepairedByRunningAgain)
{
    int killed = 0;
    at_each_step(
        [](int step, const Process& run) {
            return json{{"what", steps},
                        {"when", "either"},
                        {"nth", step},
                        {"kill", {{"pid", run.pid()}, {"signal", SIGKILL}}}};
        },
        [&](const SshSite& site, const Disk& disk, const Target& target, const Ran& ended) {
            if (ended.signal == 0) {
                EXPECT_EQ(ended.exit, 0) << ended.err;
                return;
            }
            ++killed;
            const auto second = site.populate(disk, target, {"--migration-host=esx1"});
            EXPECT_EQ(second.exit, 0) << second.err << second.out;
        });
    EXPECT_GT(killed, 8) << "a copy has more steps than that";
    std::printf("coordinator killed at %d different steps\n", killed);
}

TEST(ConnectionCut, AtEachStepIsMadeAgainAndTheCopyGoesOn)
{
    const int cut = at_each_step(
        [](int step, const Process&) {
            return json{{"what", steps},
                        {"when", "either"},
                        {"nth", step},
                        {"kill", {{"host", "esx1"}, {"match", "sshd: root"}, {"signal", SIGKILL}}}};
        },
        [](const SshSite&, const Disk&, const Target&, const Ran& ended) {
            EXPECT_EQ(ended.exit, 0) << ended.err << ended.out;
        });
    EXPECT_GT(cut, 8) << "a copy has more steps than that";
    std::printf("connection cut at %d different steps\n", cut);
}

TEST(CoordinatorKilledOverSsh, InMidCloneTheNextRunAdoptsTheSameWriter)
{
    HalfWay copy;
    copy.kill();
    copy.go_on();
    copy.expect_copied_by_one(copy.again(), "ssh");
}

TEST(AgentAppears, InMidCloneTheNextRunStaysWithSsh)
{
    HalfWay copy;
    copy.kill();
    copy.site.start_agent("esx1"); // installed, enrolled, healthy
    auto second = copy.prepare();
    second->go();
    copy.site.lab.call({{"do", "events.wait"}, {"what", "^PUT|^GET /api/protocols/san/lun-maps"}, {"count", 3}});
    EXPECT_EQ(copy.site.starts_on(copy.target), 1);
    copy.go_on();
    const auto ended = second->wait();
    copy.expect_copied_by_one(ended, "ssh");
    EXPECT_THAT(ended.err, HasSubstr("found what an earlier run of this job began"));
}

TEST(AgentAppears, AndTheAgentIsInsistedOnNothingIsDone)
{
    HalfWay copy;
    copy.kill();
    copy.site.start_agent("esx1");
    const auto refused = copy.again({"--host-transport=agent"});
    EXPECT_EQ(refused.exit, 5) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("begun through SSH"));
    EXPECT_EQ(copy.site.starts_on(copy.target), 1);
    copy.go_on();
    copy.expect_copied_by_one(copy.again(), "ssh");
}

// Nothing but the host's own processes tells the agent that somebody writes there.
TEST(AgentAppears, AndTheJournalIsLostItDoesNotWriteBesideTheScriptsVmkfstools)
{
    HalfWay copy;
    copy.kill();
    std::filesystem::remove_all(copy.site.state_dir());
    copy.site.start_agent("esx1");
    const auto mapped = copy.site.presentations(copy.target);
    const auto refused = copy.again();
    EXPECT_NE(refused.exit, 0) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("a vmkfstools that this agent did not start uses " + copy.target.naa));
    EXPECT_EQ(copy.site.starts_on(copy.target), 1);
    EXPECT_EQ(copy.site.presentations(copy.target), mapped);
    copy.go_on();
    copy.site.lab.call({{"do", "events.wait"}, {"what", "^vmkfstools -i"}, {"count", 2}});
    const auto ended = copy.again();
    EXPECT_EQ(ended.exit, 0) << ended.err;
    EXPECT_EQ(result_of(ended).at("clone_method"), "agent");
    EXPECT_EQ(copy.site.starts_on(copy.target), 2);
    EXPECT_TRUE(same_bytes(copy.disk.flat, copy.target.file, copy.disk.size));
}

TEST(AgentAppears, SweepStillUndoesThroughSsh)
{
    HalfWay copy;
    copy.kill();
    copy.site.start_agent("esx1");
    const auto swept = copy.site.coordinator({"sweep", "--output=json"});
    EXPECT_EQ(swept.exit, 0) << swept.err << swept.out;
    expect_nothing_left(copy.site, copy.target, copy.before);
}

TEST(AgentGone, InMidCloneIsNotReplacedBySsh)
{
    HalfWay copy({"esx1"});
    copy.kill();
    copy.site.stop_agent("esx1"); // its clone goes on
    const auto mapped = copy.site.presentations(copy.target);
    for (const char* transport : {"--host-transport=auto", "--host-transport=ssh"}) {
        const auto without = copy.again({transport});
        EXPECT_EQ(without.exit, 5) << without.err;
        EXPECT_THAT(without.err, HasSubstr("begun through its agent")) << transport;
        EXPECT_EQ(copy.site.starts_on(copy.target), 1);
        EXPECT_EQ(copy.site.presentations(copy.target), mapped);
    }
    EXPECT_NE(copy.site.coordinator({"sweep"}).exit, 0);
    EXPECT_EQ(copy.site.presentations(copy.target), mapped);
    copy.site.start_agent("esx1");
    copy.go_on();
    copy.expect_copied_by_one(copy.again(), "agent");
}

TEST(HostKeyChanged, BetweenTwoRunsOfAJobIsRefusedUntilSomebodyVouchesForIt)
{
    HalfWay copy;
    copy.kill();
    const auto old = copy.site.fingerprint("esx1");
    copy.site.new_host_key("esx1");
    const auto logins = copy.site.logins("esx1");
    const auto refused = copy.again();
    EXPECT_EQ(refused.exit, 5) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(old));
    EXPECT_THAT(refused.err, HasSubstr(copy.site.fingerprint("esx1")));
    EXPECT_EQ(copy.site.logins("esx1"), logins);
    EXPECT_EQ(copy.site.starts_on(copy.target), 1);
    copy.go_on();
    copy.site.more_environment["XCOPY_SSH_KNOWN_HOSTS"] = copy.site.known_hosts_line("esx1");
    copy.expect_copied_by_one(copy.again(), "ssh");
}

TEST(CancelOverSsh, EndsTheWriterAndPutsEverythingBack)
{
    HalfWay copy;
    copy.run->signal(SIGTERM);
    const auto ended = copy.run->wait();
    EXPECT_EQ(ended.exit, 4) << ended.err << ended.out;
    expect_nothing_left(copy.site, copy.target, copy.before);
    copy.go_on();
    EXPECT_EQ(copy.again().exit, 0);
    EXPECT_TRUE(same_bytes(copy.disk.flat, copy.target.file, copy.disk.size));
}

TEST(CommandsOverSsh, ListCancelAndSweep)
{
    HalfWay copy;
    const auto listed =
        result_of(copy.site.coordinator({"clones", "list", "--output=json", "--ssh-datastore=datastore1"}));
    ASSERT_EQ(listed.at("clones").size(), 1U) << listed;
    EXPECT_EQ(listed.at("clones")[0].at("job"), copy.target.job);
    const auto cancelled = copy.site.coordinator({"clones", "cancel", copy.target.job, "--ssh-datastore=datastore1"});
    EXPECT_EQ(cancelled.exit, 0) << cancelled.out << cancelled.err;
    EXPECT_NE(copy.run->wait().exit, 0);
    expect_nothing_left(copy.site, copy.target, copy.before);
}

// Somebody else looks on: the coordinator that ordered the clone may be dead.
class ClonesWatch : public testing::TestWithParam<const char*> {
protected:
    std::unique_ptr<Process> watching(const std::string& job) const
    {
        return copy.site.prepare({"clones", "watch", job, "--ssh-datastore=datastore1", "--output=json"});
    }
    std::unique_ptr<Process> shown_half() const
    {
        auto watch = watching(copy.target.job);
        watch->go();
        const auto is_shown = [&] { return watch->errors_so_far().find("percent=50") != std::string::npos; };
        for (int looks = 0; looks < 2000 && !is_shown(); ++looks)
            std::this_thread::sleep_for(std::chrono::milliseconds(10)); // between two looks
        EXPECT_TRUE(is_shown()) << watch->errors_so_far();
        EXPECT_FALSE(watch->has_ended());
        return watch;
    }
    Ran watch_to_end() const
    {
        const auto watch = watching(copy.target.job);
        watch->go();
        return watch->wait();
    }
    void cut_connections() const
    {
        if (GetParam() == std::string("ssh")) {
            copy.site.lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", "^sshd: root"}, {"signal", SIGKILL}});
            return;
        }
        copy.site.stop_agent("esx1");
        copy.site.start_agent("esx1");
    }
    static void expect_ended(const Ran& ran, int exit, const std::string& state)
    {
        EXPECT_EQ(ran.exit, exit) << ran.err << ran.out;
        ASSERT_EQ(result_of(ran).at("clones").size(), 1U) << ran.out;
        EXPECT_EQ(result_of(ran).at("clones")[0].at("state"), state) << ran.out;
    }

    HalfWay copy{GetParam() == std::string("ssh") ? std::vector<std::string>{}
                                                  : std::vector<std::string>{"esx1", "esx2"}};
};

TEST_P(ClonesWatch, ShowsTheProgressAndEndsWithZeroWhenTheCloneHasSucceeded)
{
    copy.kill();
    const auto watch = shown_half();
    copy.go_on();
    expect_ended(watch->wait(), 0, "succeeded");
    expect_ended(watch_to_end(), 0, "succeeded");
    copy.expect_copied_by_one(copy.again(), GetParam());
}

TEST_P(ClonesWatch, OfACancelledCloneEndsWithItsOwnCode)
{
    copy.kill();
    const auto watch = shown_half();
    const auto cancelled = copy.site.coordinator({"clones", "cancel", copy.target.job, "--ssh-datastore=datastore1"});
    EXPECT_EQ(cancelled.exit, 0) << cancelled.out << cancelled.err;
    expect_ended(watch->wait(), 4, "cancelled");
    expect_ended(watch_to_end(), 4, "cancelled");
    EXPECT_EQ(copy.site.coordinator({"sweep"}).exit, 0);
    expect_nothing_left(copy.site, copy.target, copy.before);
}

TEST_P(ClonesWatch, OfACloneThatFailsEndsWithOneAndSaysWhatVmkfstoolsSaid)
{
    copy.kill();
    const auto watch = shown_half();
    copy.site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}, {"fail_at", 60}});
    copy.site.lab.release("half");
    const auto ended = watch->wait();
    expect_ended(ended, 1, "failed");
    EXPECT_THAT(ended.out, HasSubstr("vmkfstools"));
    EXPECT_EQ(copy.site.coordinator({"sweep"}).exit, 0);
    expect_nothing_left(copy.site, copy.target, copy.before);
}

TEST_P(ClonesWatch, OfAJobThatNobodyKnowsSaysSo)
{
    const auto watch = watching("6b0b2f7e-0000-4000-8000-0000000dead0");
    watch->go();
    const auto ended = watch->wait();
    EXPECT_EQ(ended.exit, 1) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("no host knows a clone of job 6b0b2f7e-0000-4000-8000-0000000dead0"));
    EXPECT_THAT(ended.err, HasSubstr("clones list"));
    copy.go_on();
    copy.expect_copied_by_one(copy.run->wait(), GetParam());
}

TEST_P(ClonesWatch, ThatIsStoppedLeavesTheCloneAlone)
{
    const auto watch = shown_half();
    watch->signal(SIGTERM);
    EXPECT_EQ(watch->wait().exit, 4);
    copy.go_on();
    copy.expect_copied_by_one(copy.run->wait(), GetParam());
}

// It succeeded and was forgotten while nobody was heard: what was not seen is not called a success.
TEST_P(ClonesWatch, OfACloneThatWasForgottenMeanwhileSaysThatItEnded)
{
    const auto watch = shown_half();
    watch->signal(SIGSTOP);
    cut_connections();
    copy.go_on();
    copy.expect_copied_by_one(copy.run->wait(), GetParam());
    watch->signal(SIGCONT);
    const auto ended = watch->wait();
    EXPECT_EQ(ended.exit, 1) << ended.err << ended.out;
    EXPECT_THAT(ended.err, HasSubstr("whoever ordered it has forgotten it"));
}

INSTANTIATE_TEST_SUITE_P(Through, ClonesWatch, testing::Values("ssh", "agent"),
                         [](const auto& way) { return std::string(way.param); });

// Its script is what says that there is no such clone; without it nobody has said so.
struct WithoutScript : testing::Test {
    HalfWay copy;
    std::filesystem::path script = copy.site.lab.datastore("datastore1") / "secure-vmkfstools-wrapper";
};

TEST_F(WithoutScript, NothingIsTakenAwayFromUnderTheWriter)
{
    copy.kill();
    std::filesystem::remove(script);
    const auto mapped = copy.site.presentations(copy.target);
    const auto swept = copy.site.coordinator({"sweep"});
    EXPECT_NE(swept.exit, 0) << swept.out << swept.err;
    EXPECT_EQ(copy.site.presentations(copy.target), mapped);
    const auto again = copy.again();
    EXPECT_NE(again.exit, 0) << again.out << again.err;
    EXPECT_EQ(copy.site.presentations(copy.target), mapped);
    const auto cancelled = copy.site.coordinator({"clones", "cancel", copy.target.job, "--ssh-datastore=datastore1"});
    EXPECT_NE(cancelled.exit, 0) << cancelled.out << cancelled.err;

    put_script(copy.site);
    copy.go_on();
    copy.expect_copied_by_one(copy.again(), "ssh");
}

TEST_F(WithoutScript, AWatchedCloneIsNotTakenForLost)
{
    std::filesystem::remove(script);
    copy.site.lab.call({{"do", "host.kill"}, {"host", "esx1"}, {"match", "^sshd: root"}, {"signal", SIGKILL}});
    const auto is_said = [&] { return copy.run->errors_so_far().find("not on that datastore") != std::string::npos; };
    for (int looks = 0; looks < 2000 && !is_said(); ++looks)
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // between two looks
    EXPECT_TRUE(is_said()) << copy.run->errors_so_far();
    put_script(copy.site);
    copy.go_on();
    const auto ended = copy.run->wait();
    copy.expect_copied_by_one(ended, "ssh");
    EXPECT_THAT(ended.err, Not(HasSubstr("lost the clone")));
}

TEST(TwoCoordinatorsOverSsh, OnOneDiskOneWritesAndTheOtherSaysWhoDoes)
{
    HalfWay copy;
    const auto second = copy.again();
    EXPECT_EQ(second.exit, 3) << second.err;
    EXPECT_THAT(second.err, HasSubstr("another coordinator"));
    copy.go_on();
    copy.expect_copied_by_one(copy.run->wait(), "ssh");
}

} // namespace
} // namespace e2e
