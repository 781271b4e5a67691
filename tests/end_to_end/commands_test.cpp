// The other commands: what the hosts say, what runs on them, ending it, and sweeping up after the dead.
#include "tests/end_to_end/site.hpp"

#include <gtest/gtest.h>

namespace e2e {
namespace {

using nlohmann::json;

struct Commands : testing::Test {
    Site site;
    Disk disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    Target target = site.make_target(32 * mib);
    json before = site.presentations(target);

    std::unique_ptr<Process> half_copied()
    {
        site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
        auto run = site.prepare_populate(disk, target, {"--migration-host=esx1"});
        run->go();
        site.lab.wait_held("half");
        return run;
    }
};

TEST_F(Commands, HostsSaysWhatIsWrongAndWhatToDo)
{
    EXPECT_EQ(site.coordinator({"hosts"}).exit, 0);
    site.lab.call({{"do", "host.set"}, {"host", "esx1"}, {"settings", {{"/DataMover/HardwareAcceleratedMove", 0}}}});
    site.lab.call({{"do", "host.agent.stop"}, {"host", "esx2"}});
    const auto ran = site.coordinator({"hosts", "--output=json"});
    EXPECT_NE(ran.exit, 0);
    const auto hosts = result_of(ran).at("hosts");
    ASSERT_EQ(hosts.size(), 2U);
    for (const auto& host : hosts) {
        if (host.at("name") == "esx2") {
            EXPECT_FALSE(host.at("reachable"));
            EXPECT_FALSE(host.at("error").at("remedy").get<std::string>().empty());
            continue;
        }
        bool said = false;
        for (const auto& problem : host.at("problems"))
            said = said || (problem.dump().find("HardwareAcceleratedMove") != std::string::npos &&
                            !problem.at("remedy").get<std::string>().empty());
        EXPECT_TRUE(said) << host;
    }
}

TEST_F(Commands, HostsKnowsAnAgentThatIsNotEnrolledFromOneThatDoesNotAnswer)
{
    site.lab.call({{"do", "host.agent.stop"}, {"host", "esx1"}});
    site.lab.call({{"do", "host.run"},
                   {"host", "esx1"},
                   {"argv", {"/bin/cp", "/dev/null", "/etc/config/xcopy-agent/agent.crt"}}});
    site.lab.call({{"do", "host.agent.start"}, {"host", "esx1"}});
    const auto ran = site.coordinator({"hosts", "--output=json"});
    EXPECT_NE(ran.exit, 0);
    const auto seen = result_of(ran);
    ASSERT_EQ(seen.at("hosts").size(), 2U);
    for (const auto& host : seen.at("hosts"))
        if (host.at("name") == "esx1") {
            EXPECT_FALSE(host.at("reachable"));
            EXPECT_NE(host.at("error").dump().find("not enrolled"), std::string::npos) << host;
            EXPECT_NE(host.at("error").dump().find("xcopy-agent enroll --status"), std::string::npos) << host;
        }
}

TEST_F(Commands, ClonesListsARunningCloneAndCancelEndsIt)
{
    auto run = half_copied();
    const auto listed = result_of(site.coordinator({"clones", "list", "--output=json"})).at("clones");
    ASSERT_EQ(listed.size(), 1U) << listed;
    EXPECT_EQ(listed[0].at("job"), target.job);
    EXPECT_EQ(listed[0].at("state"), "running");
    const auto cancelled = site.coordinator({"clones", "cancel", target.job});
    EXPECT_EQ(cancelled.exit, 0) << cancelled.out << cancelled.err;
    const auto ended = run->wait();
    EXPECT_NE(ended.exit, 0) << ended.out;
    expect_nothing_left(site, target, before);
}

TEST_F(Commands, SweepPutsBackWhatADeadRunLeftAndSaysSo)
{
    auto run = half_copied();
    run->signal(SIGKILL);
    EXPECT_EQ(run->wait().signal, SIGKILL);
    EXPECT_NE(site.presentations(target), before);
    const auto swept = site.coordinator({"sweep", "--output=json"});
    EXPECT_EQ(swept.exit, 0) << swept.out << swept.err;
    const auto jobs = result_of(swept).at("swept");
    ASSERT_EQ(jobs.size(), 1U) << jobs;
    EXPECT_EQ(jobs[0].at("job"), target.job);
    EXPECT_TRUE(jobs[0].at("put_back"));
    EXPECT_NE(jobs[0].at("copy"), "succeeded");
    expect_nothing_left(site, target, before);
    EXPECT_TRUE(result_of(site.coordinator({"sweep", "--output=json"})).at("swept").empty());
}

TEST_F(Commands, HelpTeachesAndSecretsAreNoFlags)
{
    for (const char* command : {"populate", "preflight", "hosts", "sweep"}) {
        const auto help = site.coordinator({command, "--help"});
        EXPECT_EQ(help.exit, 0);
        EXPECT_EQ(help.out.find("--storage-password"), std::string::npos);
    }
    EXPECT_NE(site.coordinator({"--help"}).out.find("Exit codes"), std::string::npos);
    EXPECT_EQ(site.coordinator({"nonsense"}).exit, 2);
}

} // namespace
} // namespace e2e
