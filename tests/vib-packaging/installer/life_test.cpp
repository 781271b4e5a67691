// From nothing to healthy, and back: the whole life of the agent on a fleet.
#include "tests/vib-packaging/installer/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace installer_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> consent{"--lower-acceptance-level", "--allow", "127.0.0.0/8"};

template <class Condition> bool eventually(const Condition& condition)
{
    for (int i = 0; i < 3000; ++i) {
        if (condition())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

TEST(InstallerLife, TenHostsFromNothingToHealthyAndTheSecondRunChangesNothing)
{
    const Site site(10);
    std::vector<std::vector<std::string>> before;
    for (const auto& host : site.names())
        before.push_back(site.files(host));

    const auto shown = site.run("", {"--lower-acceptance-level", "--dry-run"});
    EXPECT_EQ(shown.exit, 0) << shown.progress;
    for (std::size_t i = 0; i < site.names().size(); ++i) {
        EXPECT_EQ(shown.outcome(site.names()[i]), "planned");
        EXPECT_EQ(site.files(site.names()[i]), before[i]) << "a dry run changes nothing";
    }

    const auto first = site.run("", consent); // without a command, as it always was called
    ASSERT_EQ(first.exit, 0) << first.progress;
    for (const auto& host : site.names()) {
        EXPECT_EQ(first.outcome(host), "changed");
        EXPECT_EQ(site.ask(host, "GET", "/v1/health").at("host_uuid"), site.lab.host_uuid(host));
        EXPECT_EQ(site.software(host).at("rulesets").at("xcopyAgent").at("allowed"), nlohmann::json({"127.0.0.0/8"}));
        EXPECT_EQ(site.software(host).at("acceptance"), "CommunitySupported");
    }
    const auto second = site.run("install", consent);
    ASSERT_EQ(second.exit, 0) << second.progress;
    for (const auto& host : site.names()) {
        EXPECT_EQ(second.outcome(host), "unchanged") << second.host(host);
        EXPECT_THAT(second.changes(host), IsEmpty());
        EXPECT_TRUE(shown.host(host).at("host_key").at("new"));
        EXPECT_FALSE(second.host(host).at("host_key").at("new"));
    }
}

TEST(InstallerLife, AHostThatRestartsComesBackEnrolled)
{
    const Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    site.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    const auto after = site.run("install", consent);
    EXPECT_EQ(after.exit, 0) << after.progress;
    EXPECT_EQ(after.outcome("esx1"), "unchanged") << after.host("esx1");
    EXPECT_EQ(site.run("status").exit, 0);
}

TEST(InstallerLife, RenewalGivesANewCertificateWithoutARestart)
{
    const Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    const auto agents = site.agents("esx1");
    const auto renewed = site.run("install", {"--lower-acceptance-level", "--allow", "127.0.0.0/8", "--renew"});
    EXPECT_EQ(renewed.exit, 0) << renewed.progress;
    EXPECT_EQ(renewed.changes("esx1"), std::vector<std::string>{"enrol"});
    EXPECT_EQ(site.agents("esx1"), agents);
}

TEST(InstallerLife, AnUpgradeLeavesTwoRunningClonesToTheNewAgent)
{
    Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}, {"hold_name", "clone"}});
    const auto one = site.start_clone("esx1", 1);
    const auto two = site.start_clone("esx1", 2);
    site.lab.wait_held("clone", 2);
    site.use_release(2);

    const auto waited = site.run("upgrade", {"--wait-minutes", "0"});
    EXPECT_EQ(waited.exit, 1);
    EXPECT_THAT(waited.error("esx1"), HasSubstr("2 clones still run"));
    EXPECT_THAT(waited.error("esx1"), HasSubstr("--clones adopt"));
    EXPECT_THAT(waited.changes("esx1"), IsEmpty());
    EXPECT_EQ(site.ask("esx1", "GET", "/v1/health").at("drained_s"), 0)
        << "an upgrade that gave up gives the host back";

    const auto adopted = site.run("upgrade", {"--clones", "adopt"});
    EXPECT_EQ(adopted.exit, 0) << adopted.progress;
    EXPECT_THAT(adopted.host("esx1").at("after").at("installed").get<std::string>(), HasSubstr("-0.0.2"));
    site.lab.release("clone");
    for (const auto& id : {one, two})
        EXPECT_TRUE(eventually([&] { return site.ask("esx1", "GET", "/v1/clones/" + id).at("state") == "succeeded"; }));
    EXPECT_EQ(site.lab.starts().size(), 2U) << "one vmkfstools each";
    EXPECT_THAT(site.lab.violations(), IsEmpty());
}

TEST(InstallerLife, AnUpgradeDrainsTheHostAndTheNewAgentTakesUpTheQueue)
{
    Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}, {"hold_name", "clone"}});
    std::vector<std::string> running;
    for (int number = 1; number <= 4; ++number) // as many as run at once
        running.push_back(site.start_clone("esx1", number));
    site.lab.wait_held("clone", 4);
    const auto waiting = site.start_clone("esx1", 5);
    const auto state = [&](const std::string& id) { return site.ask("esx1", "GET", "/v1/clones/" + id).at("state"); };
    EXPECT_EQ(state(waiting), "queued");

    site.use_release(2);
    const auto upgrade = site.prepare("upgrade");
    upgrade->go();
    EXPECT_TRUE(eventually([&] { return site.ask("esx1", "GET", "/v1/health").at("drained_s") > 0; }));
    const auto refused = site.order_clone("esx1", 6);
    EXPECT_EQ(refused.at("reason"), "drained") << refused;
    site.lab.release("clone"); // the fifth is held as well, by then under the new agent
    const auto done = site.end_of(*upgrade);
    EXPECT_EQ(done.exit, 0) << done.progress;
    for (const auto& id : running)
        EXPECT_EQ(state(id), "succeeded");
    EXPECT_EQ(site.ask("esx1", "GET", "/v1/health").at("drained_s"), 0);
    site.lab.wait_held("clone");
    EXPECT_EQ(state(waiting), "running");
    EXPECT_EQ(site.lab.starts().size(), 5U) << "one vmkfstools each";
    site.lab.release("clone");
    EXPECT_TRUE(eventually([&] { return state(waiting) == "succeeded"; }));
    EXPECT_THAT(site.lab.violations(), IsEmpty());
}

TEST(InstallerLife, ARemovalWaitsForTheQueueToo)
{
    Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 40}, {"hold_name", "clone"}});
    for (int number = 1; number <= 5; ++number)
        site.start_clone("esx1", number);
    site.lab.wait_held("clone", 4);
    const auto removal = site.prepare("remove");
    removal->go();
    EXPECT_TRUE(eventually([&] { return site.ask("esx1", "GET", "/v1/health").at("drained_s") > 0; }));
    EXPECT_EQ(site.order_clone("esx1", 6).at("reason"), "drained");
    site.lab.release("clone");
    site.lab.wait_held("clone");
    EXPECT_EQ(site.lab.starts().size(), 5U);
    site.lab.release("clone");
    const auto done = site.end_of(*removal);
    EXPECT_EQ(done.exit, 0) << done.progress;
    EXPECT_TRUE(site.software("esx1").at("vibs").empty());
}

TEST(InstallerLife, AnObserversCertificateCannotDrainWhichIsSaid)
{
    Site site(1);
    ASSERT_EQ(site.run("install", consent).exit, 0);
    const auto ca = site.work() / "ca";
    ASSERT_EQ(site.raw({"ca", "issue", "client", "--dir", ca, "--name", "looker", "--role", "observer"}).exit, 0);
    site.use_release(2);
    const auto done = site.run("upgrade", {"--agent-ca-file", ca / "ca.crt", "--agent-cert-file",
                                           ca / "clients/looker.crt", "--agent-key-file", ca / "clients/looker.key"});
    EXPECT_EQ(done.exit, 0) << done.progress;
    EXPECT_THAT(done.host("esx1").at("findings").dump(), HasSubstr("went on taking orders"));
}

TEST(InstallerLife, ARemovalLeavesNothingAndASecondOneHasNothingToDo)
{
    const Site site(2);
    const auto before = site.files("esx1");
    ASSERT_EQ(site.run("install", consent).exit, 0);
    const auto removed = site.run("remove", {"--acceptance-level", "PartnerSupported"});
    ASSERT_EQ(removed.exit, 0) << removed.progress;
    for (const auto& host : site.names()) {
        EXPECT_EQ(site.agents(host), 0);
        const auto software = site.software(host);
        EXPECT_TRUE(software.at("vibs").empty());
        EXPECT_TRUE(software.at("rulesets").empty());
        EXPECT_TRUE(software.at("groups").empty());
        EXPECT_EQ(software.at("acceptance"), "PartnerSupported");
    }
    EXPECT_EQ(site.files("esx1"), before);
    const auto again = site.run("remove", {"--acceptance-level", "PartnerSupported"});
    EXPECT_EQ(again.exit, 0) << again.progress;
    EXPECT_EQ(again.outcome("esx1"), "unchanged");
}

} // namespace
} // namespace installer_test
