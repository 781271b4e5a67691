// SshHost: what it sends and understands; and one host served by it through a real sshd, as copy_disk() would use it.
#include "tests/coordinator/ssh_script/ssh_served.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace xcopy::ssh_script {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ScriptLine, EveryByteOfAValueIsData)
{
    EXPECT_EQ(*script_line("6543a1f1-1b2c", "clone", {{"job", "a-1"}, {"source", "[ds 1] a&b;$(x)\n.vmdk"}}),
              "DS=6543a1f1-1b2c;CMD=--xcopy clone job=a-1 source=%5Bds%201%5D%20a%26b%3B%24%28x%29%0A.vmdk");
    EXPECT_EQ(*script_line("ds1", "health", {}), "DS=ds1;CMD=--xcopy health");
    for (const char* bad : {"", "my ds", "a;b", "a/b", "$(x)", "ä"})
        EXPECT_EQ(script_line(bad, "health", {}).error().reason, "bad_datastore") << bad;
}

TEST(ScriptAnswer, OnlyTheScriptsOwnWordsAreAnAnswer)
{
    const auto judged = [](std::string out, std::string errors = "", int status = 0) {
        return script_answer({.status = status, .out = std::move(out), .errors = std::move(errors)},
                             {.name = "esx1", .address = "10.0.0.11"}, "ssh-rsa AAAA");
    };
    EXPECT_EQ(*judged("xcopy 1 ok\n{}\n"), "{}\n");
    const auto refused = judged(
        "xcopy 1 refused\n{\"code\":\"conflict\",\"reason\":\"other_order\",\"message\":\"m\",\"remedy\":\"r\"}\n", "",
        1);
    EXPECT_EQ(refused.error().code, Errc::conflict);
    EXPECT_EQ(refused.error().reason, "other_order");
    EXPECT_EQ(judged("xcopy 1 ok\n{\"half\":").error().reason, "cut_answer");
    EXPECT_EQ(judged("xcopy 1 ok\n{}\n", "", 1).error().reason, "cut_answer");
    const auto unrestricted = judged("");
    EXPECT_EQ(unrestricted.error().reason, "no_forced_command");
    EXPECT_THAT(unrestricted.error().remedy, HasSubstr("exec sh /vmfs/volumes/$DS/secure-vmkfstools-wrapper"));
    EXPECT_THAT(unrestricted.error().remedy, HasSubstr("ssh-rsa AAAA"));
    EXPECT_THAT(unrestricted.error().remedy, HasSubstr("on host 'esx1' (10.0.0.11)"));
    EXPECT_EQ(judged("", "sh: can't open '/vmfs/volumes/ds1/secure-vmkfstools-wrapper'", 2).error().reason,
              "no_script");
    EXPECT_EQ(judged("", "python: can't open file '/vmfs/volumes/ds1/secure-vmkfstools-wrapper.py'", 2).error().reason,
              "old_forced_command");
    EXPECT_EQ(judged("", "sh: can't open '/vmfs/volumes/python.py/secure-vmkfstools-wrapper'", 2).error().reason,
              "no_script");
    EXPECT_EQ(judged("", "sh: python: not found\n", 127).error().reason, "old_forced_command");
    EXPECT_EQ(judged("", "sh: health: not found\n", 127).error().reason, "no_forced_command");
    EXPECT_EQ(judged("", "sh: version: not found", 127).error().reason, "no_forced_command")
        << "the verb, run by a shell";
    EXPECT_EQ(judged("", "/vmfs/volumes/ds1/secure-vmkfstools-wrapper: line 9: syntax error: unexpected end of file", 2)
                  .error()
                  .reason,
              "broken_script");
    EXPECT_EQ(judged("xcopy 2 ok\n{}\n").error().reason, "cut_answer");
    EXPECT_EQ(judged("Welcome to ESXi\n").error().reason, "bad_answer");
    EXPECT_EQ(judged("Welcome to ESXi\n").error().code, Errc::indeterminate) << "who knows what ran";
    const auto killed = script_answer({.signal = "KILL"}, {.name = "esx1", .address = "10.0.0.11"}, "");
    EXPECT_EQ(killed.error().code, Errc::indeterminate) << "the clone it began may go on";
}

class SshHostTest : public testing::Test {
protected:
    SshServed served;
    ScriptHost& host = served.host;
    SshHost& ssh = served.ssh;
    SshSession& session = *served.session;
    Call& call = served.call;
};

TEST_F(SshHostTest, ADiskIsCopiedByTheSameMessagesAsThroughAnAgentOverOneConnection)
{
    const auto disk = host.make_disk("vm 1/disk & co.vmdk");
    const auto target = host.make_target();
    const auto health = ssh.health(call, HealthAge::cached);
    ASSERT_TRUE(health) << health.error().message;
    EXPECT_THAT(health->agent_version, HasSubstr("ssh-script"));
    EXPECT_FALSE(ssh.adapters(call)->empty());
    EXPECT_FALSE(ssh.datastores(call)->empty());
    const auto source = ssh.source(call, disk.source);
    ASSERT_TRUE(source) << source.error().message;

    const auto attached = ssh.attach(call, target.naa, {.job = target.job, .expected_size = target.size});
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(ssh.device(call, target.naa)->name, target.naa);
    const CloneRequest order{.source = disk.source, .target_naa = target.naa, .target_size = target.size};
    auto status = ssh.start_clone(call, target.job, order);
    ASSERT_TRUE(status) << status.error().message;
    while (!is_final(status->state)) {
        status = ssh.watch_clone(call, target.job, status->revision, 20s);
        ASSERT_TRUE(status) << status.error().message;
    }
    EXPECT_EQ(status->state, CloneState::succeeded);
    EXPECT_TRUE(same_bytes(disk, target));
    EXPECT_TRUE(ssh.start_clone(call, target.job, order)) << "the same order is the same clone";
    EXPECT_EQ(host.starts_on(target), 1);
    EXPECT_EQ(ssh.clones(call)->size(), 1U);
    EXPECT_TRUE(ssh.detach(call, target.naa, target.job));
    EXPECT_TRUE(ssh.forget_clone(call, target.job));
    EXPECT_TRUE(ssh.forget_clone(call, target.job)) << "forgetting the unknown succeeds";
    EXPECT_TRUE(ssh.rescan(call, {.kind = RescanKind::remove}));
    EXPECT_EQ(session.connections(), 1);
    EXPECT_TRUE(host.lab.pointer_files().empty());
    EXPECT_TRUE(host.lab.violations().empty());
}

TEST_F(SshHostTest, ACancelledCloneIsGoneWhenItAnswers)
{
    const auto disk = host.make_disk();
    const auto target = host.make_target();
    ASSERT_TRUE(ssh.attach(call, target.naa, {.job = target.job, .expected_size = target.size}));
    host.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}});
    ASSERT_TRUE(ssh.start_clone(call, target.job,
                                {.source = disk.source, .target_naa = target.naa, .target_size = target.size}));
    host.lab.wait_held("clone");
    const auto cancelled = ssh.cancel_clone(call, target.job);
    ASSERT_TRUE(cancelled) << cancelled.error().message;
    EXPECT_EQ(cancelled->state, CloneState::cancelled);
    EXPECT_TRUE(
        std::ranges::none_of(host.processes(), [](const auto& line) { return line.starts_with("vmkfstools"); }));
}

class Permit final : public RescanPermit {
public:
    Permit(int& held, std::stop_token lost) : held_(held), lost_(std::move(lost)) { ++held_; }
    ~Permit() override { --held_; }
    std::stop_token lost() const override { return lost_; }

private:
    int& held_;
    std::stop_token lost_;
};

TEST_F(SshHostTest, RescansAreMadeUnderTheLockAndNothingElseIs)
{
    int entered = 0;
    int held = 0;
    std::stop_source taken_away;
    SshHost locked{session,
                   {.datastore = "datastore1"},
                   {.rescan_lock = [&](const Call&) -> Result<std::unique_ptr<RescanPermit>> {
                       ++entered;
                       return std::unique_ptr<RescanPermit>(std::make_unique<Permit>(held, taken_away.get_token()));
                   }}};
    const auto target = host.make_target();
    ASSERT_TRUE(locked.health(call, HealthAge::cached));
    EXPECT_EQ(entered, 0);
    ASSERT_TRUE(locked.attach(call, target.naa, {.job = target.job, .expected_size = target.size}));
    EXPECT_EQ(entered, 1);
    ASSERT_TRUE(locked.detach(call, target.naa, target.job));
    EXPECT_EQ(entered, 1);
    ASSERT_TRUE(locked.rescan(call, {.kind = RescanKind::remove}));
    EXPECT_EQ(entered, 2);
    EXPECT_EQ(held, 0) << "let go at once";

    taken_away.request_stop(); // while it is asked: others rescan, so ours is made again
    const auto lost = locked.rescan(call, {.kind = RescanKind::add});
    EXPECT_EQ(lost.error().code, Errc::unavailable);
    EXPECT_EQ(lost.error().reason, "rescan_lock_lost");
}

TEST_F(SshHostTest, WithoutTheLockThereIsNoRescan)
{
    SshHost locked{
        session, {.datastore = "datastore1"}, {.rescan_lock = [](const Call&) -> Result<std::unique_ptr<RescanPermit>> {
            return Error{Errc::busy, "populate-7 and populate-8 rescan", "", "rescan_locked"};
        }}};
    EXPECT_EQ(locked.rescan(call, {.kind = RescanKind::add}).error().reason, "rescan_locked");
    const auto events = host.lab.call({{"do", "events"}});
    for (const auto& event : events.at("events"))
        EXPECT_EQ(event.at("what").get<std::string>().find("adapter rescan"), std::string::npos) << event;
}

TEST_F(SshHostTest, TheScriptIsSeenToOnceBeforeTheFirstWord)
{
    int asked = 0;
    bool works = false;
    SshHost placed{
        session, {.datastore = "datastore1"}, {.ensure_script = [&](const Call&, SshHost& which) -> Result<void> {
            ++asked;
            EXPECT_EQ(which.place().datastore, "datastore1");
            return works ? Result<void>() : Error{Errc::failed, "datastore is full", "", "datastore_full"};
        }}};
    EXPECT_EQ(placed.health(call, HealthAge::cached).error().reason, "datastore_full");
    works = true;
    EXPECT_TRUE(placed.health(call, HealthAge::cached));
    EXPECT_TRUE(placed.health(call, HealthAge::cached));
    EXPECT_EQ(asked, 2) << "until it is there";
}

TEST_F(SshHostTest, AJobInsistsOnTheKeyThatItsHostHad)
{
    ASSERT_TRUE(ssh.health(call, HealthAge::cached));
    const auto begun = ssh.transport();
    EXPECT_EQ(begun.kind, HostTransport::Kind::ssh);
    EXPECT_THAT(begun.host_key, HasSubstr("ecdsa-sha2-nistp256 "));
    EXPECT_EQ(begun.datastore, "datastore1");
    EXPECT_EQ(*ssh.through(begun), &ssh);
    auto other = begun;
    other.host_key.replace(other.host_key.size() - 10, 4, "AAAA");
    const auto changed = ssh.through(other);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().reason, "host_key_changed");
    EXPECT_THAT(changed.error().message, HasSubstr(session.host_key()->fingerprint));
    EXPECT_THAT(changed.error().message, HasSubstr(fingerprint_of_text(other.host_key)));
    EXPECT_EQ(ssh.through({.kind = HostTransport::Kind::agent}).error().reason, "other_transport");
}

TEST_F(SshHostTest, AnAnswerThatIsNoJsonIsShown)
{
    std::ofstream(host.lab.datastore("datastore1") / "secure-vmkfstools-wrapper")
        << "printf 'xcopy 1 ok\\n{\"adapters\":[,]}\\n'\n";
    const auto adapters = ssh.adapters(call);
    ASSERT_FALSE(adapters);
    EXPECT_EQ(adapters.error().reason, "bad_answer");
    EXPECT_THAT(adapters.error().message, HasSubstr("answer to adapters cannot be read"));
    EXPECT_THAT(adapters.error().message, HasSubstr(R"(it said: {"adapters":[,]})"));
}

TEST_F(SshHostTest, TheWrongHostAndAMissingScriptAreSaid)
{
    SshHost other{session, {.datastore = "datastore1", .uuid = "00000000-0000-0000-0000-000000000000"}};
    EXPECT_EQ(other.health(call, HealthAge::cached).error().reason, "other_host");
    std::filesystem::remove(host.lab.datastore("datastore1") / "secure-vmkfstools-wrapper");
    const auto missing = ssh.health(call, HealthAge::cached);
    EXPECT_EQ(missing.error().reason, "no_script") << missing.error().message;
}

} // namespace
} // namespace xcopy::ssh_script
