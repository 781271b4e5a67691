// Agent or SSH: which of them serves a host, and that a job stays with the one it was begun through. The two sides of a host
// here know nothing of each other's clones, so that a job which changes sides shows as a second writer.
#include "coordinator/host/either_host.hpp"
#include "coordinator/sweep.hpp"
#include "coordinator/verdict.hpp"
#include "protocol/routes.hpp"
#include "tests/coordinator/fakes/lab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace xcopy::test {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const Error port_refuses{Errc::unavailable, "host 'esx1': connection refused", "is xcopy-agent installed?",
                         "connect_refused"};
const Error not_enrolled{Errc::unavailable, "host 'esx1': its agent is not enrolled", "enrol it", routes::not_enrolled};

struct TwoSides : Lab {
    TwoSides() { ssh.transport = {.kind = HostTransport::Kind::ssh, .host_key = "ssh-rsa AAAA", .datastore = "ds1"}; }

    HostState& agent = esx1();
    HostState ssh = healthy_host();
    TransportChoice choice = TransportChoice::automatic;
    bool has_key = true;
    bool has_agent = true;
    std::vector<std::string> script_datastores; // that SSH was asked to use

    std::vector<std::unique_ptr<Host>> reach()
    {
        EitherHost::Ways ways{.no_agent = "no agent is given for it"};
        if (has_agent)
            ways.agent = std::make_unique<FakeHost>(agent, array, steps);
        if (has_key)
            ways.ssh = [this](const std::string& datastore) {
                script_datastores.push_back(datastore);
                return std::make_unique<FakeHost>(ssh, array, steps);
            };
        std::vector<std::unique_ptr<Host>> hosts;
        hosts.push_back(std::make_unique<EitherHost>("esx1", choice, std::move(ways), log));
        return hosts;
    }
    template <class Act> auto at_site(Act act)
    {
        const auto hosts = reach();
        return act(Site{.array = array, .hosts = hosts, .journal = journal, .log = log, .observer = observer});
    }
    CopyReport run(std::stop_token stop = {})
    {
        return at_site([&](const Site& site) { return copy_disk(Call{.stop = stop, .job = order.job}, order, site); });
    }
    std::vector<Swept> swept()
    {
        return at_site([&](const Site& site) { return sweep({}, order.vendor, order.array, "", order.limits, site); });
    }
    int writers() const { return agent.starts + ssh.starts; }
    bool is_clean()
    {
        return leftovers().empty() && ssh.attached.empty() && ssh.clones.empty() &&
               array.mapped_to() == std::vector<std::string>{"k8s"};
    }
};

int steps_of_one_copy()
{
    TwoSides lab;
    lab.run();
    return lab.steps.count();
}

CopyRecord recorded(const TwoSides& lab)
{
    const auto found = lab.journal.records.find(lab.order.job);
    return found == lab.journal.records.end() ? CopyRecord{} : *decode_record(found->second);
}

// Whether the next run has something to finish.
bool has_begun(const TwoSides& lab)
{
    return has_something_to_undo(recorded(lab));
}

} // namespace

TEST(Transport, OnlyTheAbsenceOfAnAgentLetsSshServe)
{
    EXPECT_THAT(ssh_instead(port_refuses), HasSubstr("refuses"));
    EXPECT_THAT(ssh_instead(not_enrolled), HasSubstr("not enrolled"));
    const std::vector<Error> others{{Errc::denied, "", "", "untrusted_certificate"},
                                    {Errc::denied, "", "", "role_refused"},
                                    {Errc::denied, "", "", routes::not_enrolled},
                                    {Errc::denied, "", "", "connect_refused"},
                                    {Errc::unavailable, "", "", "untrusted_certificate"},
                                    {Errc::unavailable, "", "", "connection_lost"},
                                    {Errc::unavailable, "", "", "name_not_found"},
                                    {Errc::unavailable, "", "", ""},
                                    {Errc::timed_out, "", "", "no_answer"},
                                    {Errc::timed_out, "", "", "connect_timed_out"},
                                    {Errc::busy, "", "", ""},
                                    {Errc::failed, "", "", "bad_answer"},
                                    {Errc::cancelled, "", "", ""}};
    for (const auto& error : others)
        EXPECT_EQ(ssh_instead(error), "") << static_cast<int>(error.code) << ' ' << error.reason;
}

TEST(Transport, TheAgentServesWhereThereIsOne)
{
    TwoSides lab;
    const auto report = lab.run();
    EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
    EXPECT_EQ(report.method, "agent");
    EXPECT_EQ(report.why_method, "its agent answers");
    EXPECT_EQ(lab.agent.starts, 1);
    EXPECT_THAT(lab.script_datastores, IsEmpty()) << "no connection is made for nothing";
    EXPECT_TRUE(lab.is_clean());
}

TEST(Transport, SshServesWhereThereIsNoneAndTheReasonIsSaid)
{
    for (const auto& absent : {port_refuses, not_enrolled}) {
        TwoSides lab;
        lab.agent.absent = absent;
        const auto report = lab.run();
        EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
        EXPECT_EQ(report.method, "ssh");
        EXPECT_EQ(report.why_method, ssh_instead(absent));
        EXPECT_THAT(lab.log.text, HasSubstr(ssh_instead(absent)));
        EXPECT_EQ(lab.ssh.starts, 1);
        EXPECT_TRUE(lab.is_clean());
    }
}

TEST(Transport, WhatMayHideAnAgentIsAnErrorAndNothingIsChanged)
{
    for (const auto& error : {Error{Errc::denied, "untrusted", "mend it", "untrusted_certificate"},
                              Error{Errc::denied, "the certificate has no role", "", "role_refused"},
                              Error{Errc::timed_out, "no answer", "", "no_answer"},
                              Error{Errc::unavailable, "connection lost", "", "connection_lost"}}) {
        TwoSides lab;
        lab.agent.absent = error;
        const auto report = lab.run();
        EXPECT_EQ(report.outcome, Outcome::refused) << error.reason;
        EXPECT_EQ(exit_code(report), exit_refused) << error.reason;
        EXPECT_THAT(report.error->remedy, HasSubstr("--host-transport ssh")) << error.reason;
        EXPECT_EQ(lab.writers(), 0) << error.reason;
        EXPECT_THAT(lab.script_datastores, IsEmpty()) << error.reason;
        EXPECT_THAT(lab.journal.records, IsEmpty()) << error.reason;
    }
}

TEST(Transport, WithoutAKeyTheRemedyNamesBothWays)
{
    TwoSides lab;
    lab.agent.absent = port_refuses;
    lab.has_key = false;
    const auto report = lab.run();
    EXPECT_EQ(exit_code(report), exit_refused);
    EXPECT_THAT(report.error->remedy, HasSubstr("is xcopy-agent installed?"));
    EXPECT_THAT(report.error->remedy, HasSubstr("SSH_PRIVATE_KEY"));
}

TEST(Transport, WhatIsAskedForIsDone)
{
    TwoSides by_ssh;
    by_ssh.choice = TransportChoice::ssh;
    EXPECT_EQ(by_ssh.run().method, "ssh");
    EXPECT_EQ(by_ssh.agent.starts, 0);

    TwoSides by_agent;
    by_agent.choice = TransportChoice::agent;
    by_agent.agent.absent = port_refuses;
    EXPECT_EQ(by_agent.run().outcome, Outcome::refused);
    EXPECT_EQ(by_agent.writers(), 0);
    EXPECT_THAT(by_agent.script_datastores, IsEmpty());

    TwoSides no_agent_given;
    no_agent_given.has_agent = false;
    const auto report = no_agent_given.run();
    EXPECT_EQ(report.method, "ssh");
    EXPECT_EQ(report.why_method, "no agent is given for it");
}

TEST(Transport, AMissingKeyHasAnExitCodeOfItsOwn)
{
    for (const char* reason : {"login_refused", "no_forced_command", "old_forced_command"}) {
        TwoSides lab;
        lab.agent.absent = port_refuses;
        lab.ssh.absent = Error{Errc::denied, "host 'esx1': no", "on host 'esx1': add this line", reason};
        const auto report = lab.run();
        EXPECT_EQ(report.outcome, Outcome::refused) << reason;
        EXPECT_EQ(exit_code(report), exit_ssh_key) << reason;
        EXPECT_THAT(report.error->remedy, HasSubstr("add this line")) << reason;
    }
    TwoSides other_trouble;
    other_trouble.agent.absent = port_refuses;
    other_trouble.ssh.absent = Error{Errc::denied, "changed", "", "host_key_changed"};
    EXPECT_EQ(exit_code(other_trouble.run()), exit_refused);
}

TEST(Transport, AnAgentThatAppearsInMidCopyIsNotTurnedTo)
{
    TwoSides lab;
    lab.agent.absent = port_refuses;
    lab.ssh.on_watch = [&] { lab.agent.absent.reset(); };
    EXPECT_EQ(lab.run().method, "ssh");
    EXPECT_EQ(lab.agent.starts, 0);
    EXPECT_EQ(lab.writers(), 1);
    EXPECT_TRUE(lab.is_clean());
}

TEST(Transport, AnAgentThatGoesInMidCopyLeavesTheCloneToItsReturn)
{
    TwoSides lab;
    lab.agent.on_watch = [&] { lab.agent.absent = port_refuses; };
    EXPECT_EQ(exit_code(lab.run()), exit_left_behind);
    EXPECT_EQ(lab.ssh.starts, 0);
    EXPECT_EQ(lab.steps.count("unmap"), 0);

    // Nobody starts it over through SSH meanwhile, however often it is run again.
    EXPECT_EQ(exit_code(lab.run()), exit_left_behind);
    lab.choice = TransportChoice::ssh;
    EXPECT_EQ(exit_code(lab.run()), exit_left_behind);
    lab.choice = TransportChoice::automatic;
    EXPECT_FALSE(lab.swept().at(0).why_not.empty());
    EXPECT_EQ(lab.ssh.starts, 0);
    EXPECT_EQ(lab.steps.count("unmap"), 0);

    lab.agent.on_watch = nullptr;
    lab.agent.absent.reset();
    EXPECT_EQ(lab.run().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.writers(), 1);
    EXPECT_TRUE(lab.is_clean());
}

TEST(Transport, AJobBegunThroughSshEndsThroughSshThoughAnAgentAppearsWhereverItDies)
{
    int continued = 0;
    for (int step = 1; step < steps_of_one_copy(); ++step) {
        TwoSides lab;
        lab.agent.absent = port_refuses;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.run(), Death);
        lab.steps.calm();
        const auto which = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        const bool begun = has_begun(lab);
        lab.agent.absent.reset(); // installed and enrolled between the two runs
        const auto report = lab.run();
        EXPECT_EQ(report.outcome, Outcome::succeeded) << which << (report.error ? report.error->message : "");
        EXPECT_EQ(report.method, begun ? "ssh" : "agent") << which;
        EXPECT_EQ(lab.writers(), 1) << which;
        if (begun) {
            EXPECT_EQ(lab.script_datastores.back(), "ds1") << "where the script was found at first; " << which;
            EXPECT_EQ(lab.agent.starts, 0) << which;
            ++continued;
        }
        EXPECT_TRUE(lab.is_clean()) << which;
    }
    EXPECT_GT(continued, 8);
}

TEST(Transport, AJobBegunThroughTheAgentIsNotGoneOnWithThroughSshWhereverItDies)
{
    int continued = 0;
    for (int step = 1; step < steps_of_one_copy(); ++step) {
        TwoSides lab;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.run(), Death);
        lab.steps.calm();
        const auto which = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        const bool begun = has_begun(lab);
        lab.agent.absent = port_refuses;                                          // removed between the two runs
        const bool copied = begun && recorded(lab).outcome == Outcome::succeeded; // only the last part of it is missing
        const auto mappings = lab.array.mapped_to();
        const auto without = lab.run();
        if (begun) {
            EXPECT_THAT(without.left_behind, Not(IsEmpty())) << which;
            EXPECT_EQ(exit_code(without), copied ? exit_success : exit_left_behind) << which;
            EXPECT_EQ(lab.ssh.starts, 0) << which;
            EXPECT_EQ(lab.array.mapped_to(), mappings) << which;
            ++continued;
            lab.agent.absent.reset();
            const auto report = lab.run();
            EXPECT_EQ(report.outcome, Outcome::succeeded) << which << (report.error ? report.error->message : "");
            EXPECT_EQ(report.method, "agent") << which;
        } else {
            EXPECT_EQ(without.method, "ssh") << which;
        }
        EXPECT_EQ(lab.writers(), 1) << which;
        EXPECT_TRUE(lab.is_clean()) << which;
    }
    EXPECT_GT(continued, 8);
}

TEST(Transport, AJobIsRefusedOnAWayThatIsForbiddenOrNotGivenNow)
{
    struct Later {
        TransportChoice choice;
        bool has_key;
        const char* said;
    };
    for (const auto& later : {Later{TransportChoice::agent, true, "--host-transport agent was given"},
                              Later{TransportChoice::automatic, false, "no SSH key is given"}}) {
        TwoSides lab;
        lab.agent.absent = port_refuses;
        lab.ssh.on_watch = [&] { lab.ssh.absent = Error{Errc::unavailable, "connection lost", "", "connection_lost"}; };
        EXPECT_EQ(exit_code(lab.run()), exit_left_behind);
        lab.ssh.on_watch = nullptr;
        lab.ssh.absent.reset();
        lab.agent.absent.reset();
        lab.choice = later.choice;
        lab.has_key = later.has_key;
        const auto refused = lab.run();
        EXPECT_EQ(refused.error->reason, "other_transport");
        EXPECT_THAT(refused.error->message, HasSubstr(later.said));
        EXPECT_EQ(exit_code(refused), exit_left_behind) << "what the first run began is still there";
        EXPECT_EQ(lab.writers(), 1);
        lab.choice = TransportChoice::automatic;
        lab.has_key = true;
        EXPECT_EQ(lab.run().outcome, Outcome::succeeded);
        EXPECT_EQ(lab.writers(), 1);
        EXPECT_TRUE(lab.is_clean());
    }
}

TEST(Transport, SweepUndoesThroughTheOneItWasBegunThrough)
{
    TwoSides lab;
    lab.agent.absent = port_refuses;
    lab.ssh.on_watch = [&] { throw Death{}; };
    EXPECT_THROW(lab.run(), Death);
    lab.ssh.on_watch = nullptr;
    lab.agent.absent.reset();
    const auto swept = lab.swept();
    ASSERT_EQ(swept.size(), 1U);
    EXPECT_EQ(swept.at(0).why_not, "");
    EXPECT_THAT(swept.at(0).left_behind, IsEmpty());
    EXPECT_EQ(lab.agent.starts, 0);
    EXPECT_TRUE(lab.is_clean());
}

TEST(Transport, ARecordOfOldHasNoTransportAndWasTheAgents)
{
    CopyRecord record;
    record.job = "pvc-1";
    record.volume = {.id = "1", .name = "v", .naa = "naa.6", .serial = "", .size_bytes = 1};
    record.transport = {.kind = HostTransport::Kind::ssh, .why = "w", .host_key = "ssh-rsa AAAA", .datastore = "ds1"};
    auto text = encode(record);
    const auto back = decode_record(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->transport.kind, HostTransport::Kind::ssh);
    EXPECT_EQ(back->transport.host_key, "ssh-rsa AAAA");
    EXPECT_EQ(back->transport.datastore, "ds1");
    auto unknown = text;
    unknown.replace(unknown.find("\"ssh\""), 5, "\"fax\"");
    EXPECT_FALSE(decode_record(unknown)) << "an unknown transport is never taken for another";
    const auto at = text.find("\"transport\"");
    text.replace(at, 11, "\"something\"");
    EXPECT_EQ(decode_record(text)->transport.kind, HostTransport::Kind::agent);
}

TEST(EitherHost, WhoAsksWhileItIsDecidedGetsTheSameAnswer)
{
    TwoSides lab;
    lab.agent.absent = port_refuses;
    const auto hosts = lab.reach();
    std::vector<std::thread> askers;
    std::vector<HostTransport::Kind> used(8);
    for (auto& kind : used)
        askers.emplace_back([&] {
            EXPECT_TRUE(hosts.front()->health({}, HealthAge::cached));
            kind = hosts.front()->transport().kind;
        });
    for (auto& asker : askers)
        asker.join();
    EXPECT_THAT(used, ::testing::Each(HostTransport::Kind::ssh));
    EXPECT_EQ(lab.script_datastores.size(), 1U);
}

TEST(EitherHost, AStoppedQuestionDecidesNothing)
{
    TwoSides lab;
    lab.agent.absent = Error{Errc::cancelled, "stopped"};
    const auto hosts = lab.reach();
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(hosts.front()->health({.stop = stop.get_token()}, HealthAge::cached).error().code, Errc::cancelled);
    lab.agent.absent = port_refuses;
    EXPECT_TRUE(hosts.front()->health({}, HealthAge::cached));
    EXPECT_EQ(hosts.front()->transport().kind, HostTransport::Kind::ssh);
}

} // namespace xcopy::test
