// What goes wrong on one host stays on that host, is said with its remedy, and is made good by running the playbook again.
#include "tests/ansible/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ansible {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

Played install_and_restart(const Fleet& fleet, const std::string& host, const std::string& at)
{
    const auto playing = fleet.prepare("install");
    fleet.restart_in_the_middle(*playing, host, at);
    return fleet.end_of(*playing);
}

// Ten hosts, of which the last has one fault after the other. The first run meets it while nine are installed from nothing, the later ones
// while nine are healthy.
class OneOfTenByAnsible : public testing::Test {
protected:
    const std::string tenth = "esx10";
    Fleet fleet{10};
    int runs = 0;

    void expect_nine_succeed(const Played& played, const std::vector<std::string>& words)
    {
        EXPECT_NE(played.exit, 0);
        EXPECT_FALSE(played.hosts.at(tenth).fine()) << played.output;
        for (const auto& word : words)
            EXPECT_THAT(played.said_of(tenth), HasSubstr(word)) << played.output;
        for (const auto& host : fleet.names())
            if (host != tenth) {
                EXPECT_TRUE(played.hosts.at(host).fine()) << host << "\n" << played.output;
                EXPECT_EQ(played.hosts.at(host).changed == 0, runs > 0) << host << "\n" << played.output;
            }
        ++runs;
    }
    void meet(const bare::Fault& fault, const std::vector<std::string>& words)
    {
        const testing::ScopedTrace trace(__FILE__, __LINE__, fault.name);
        fault.begin(fleet, tenth);
        expect_nine_succeed(fleet.play("install"), words);
        if (&fault != &bare::exec_installed_only()) {
            EXPECT_TRUE(fleet.software(tenth).at("vibs").empty());
            EXPECT_EQ(fleet.software(tenth).at("acceptance"), "PartnerSupported");
        }
        fault.end(fleet, tenth);
    }
};

TEST_F(OneOfTenByAnsible, HasAFaultWhichIsSaidWithItsRemedyAndTheNineSucceed)
{
    meet(bare::acceptance_refused(), {"AcceptanceConfigError", "fixed by its administrator", "Remedy: "});
    meet(bare::no_space(), {"/tmp has 0 KiB left"});
    meet(bare::secure_boot(), {"Secure Boot", "--host-transport ssh"});
    meet(bare::sshd_down(), {"Connection refused"});
    meet(bare::wrong_host_key(), {"HOST IDENTIFICATION HAS CHANGED"});
    expect_nine_succeed(install_and_restart(fleet, tenth, "esxcli software vib install"),
                        {"esxcli software vib install", "run the playbook again"});
    meet(bare::exec_installed_only(), {"refuses to run /opt/xcopy-agent/bin/xcopy-agent", "execInstalledOnly"});

    const auto last = fleet.play("install");
    EXPECT_EQ(last.exit, 0) << last.output;
    for (const auto& host : fleet.names()) {
        EXPECT_EQ(last.hosts.at(host).changed == 0, host != tenth) << host;
        EXPECT_EQ(fleet.ask(host, "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid(host)) << host;
    }
}

TEST(AnsibleFaults, AWrongClockAndATakenPortAreToldBeforeAnythingIsChanged)
{
    Fleet fleet(3);
    fleet.fault("esx2", {{"clock_skew_s", 4000}});
    const bare::PortHolder holder(fleet.address("esx3"));
    const auto played = fleet.play("install");
    EXPECT_TRUE(played.hosts.at("esx1").fine()) << played.output;
    EXPECT_THAT(played.said_of("esx2"), AllOf(HasSubstr("clock is "), HasSubstr("NTP"))) << played.output;
    EXPECT_THAT(played.said_of("esx3"), HasSubstr("Port 18443 is used")) << played.output;
    for (const char* untouched : {"esx2", "esx3"})
        EXPECT_EQ(fleet.software(untouched).at("acceptance"), "PartnerSupported") << untouched;
}

// Wherever a host restarts, the others finish, and the next run finishes this one. In the middle of esxcli: see above.
class RebootAt : public testing::TestWithParam<const char*> {};

TEST_P(RebootAt, OnlyThatHostFailsAndTheNextRunFinishesIt)
{
    Fleet fleet(3);
    const auto played = install_and_restart(fleet, "esx2", GetParam());
    for (const auto& name : fleet.names())
        EXPECT_EQ(played.hosts.at(name).fine(), name != "esx2") << name << "\n" << played.output;

    EXPECT_THAT(played.said_of("esx2"), HasSubstr("If the host restarted, run the playbook again")) << played.output;

    const auto again = fleet.play("install");
    EXPECT_EQ(again.exit, 0) << again.output;
    EXPECT_EQ(again.hosts.at("esx1").changed, 0);
    EXPECT_GT(again.hosts.at("esx2").changed, 0);
    EXPECT_EQ(fleet.ask("esx2", "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid("esx2"));
    EXPECT_EQ(fleet.play("install").hosts.at("esx2").changed, 0);
}

std::string step_name(const testing::TestParamInfo<const char*>& step)
{
    const char* names[] = {"Firewall", "Enrolment"};
    return names[step.index];
}

INSTANTIATE_TEST_SUITE_P(Steps, RebootAt,
                         testing::Values("esxcli network firewall ruleset allowedip add", "auto-backup.sh"), step_name);

TEST(AnsibleFaults, AHostThatDoesNotReplaceARunningProgramKeepsItsAgentAndItsClones)
{
    Fleet fleet(1);
    ASSERT_EQ(fleet.play("install").exit, 0);
    fleet.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "clone"}});
    const auto id = fleet.start_clone("esx1", 1);
    fleet.lab.wait_held("clone");
    fleet.fault("esx1", {{"replaces_running", false}});
    fleet.use_release(2);
    fleet.set({{"xcopy_agent_running_clones", "adopt"}});
    const auto refused = fleet.play("upgrade");
    EXPECT_EQ(refused.exit, 2) << refused.output;
    EXPECT_THAT(refused.said_of("esx1"), HasSubstr("Wait until no clone runs")) << refused.output;
    const auto verified = fleet.play("verify");
    EXPECT_EQ(verified.exit, 0) << verified.output;
    EXPECT_EQ(fleet.ask("esx1", "GET", "/v1/clones/" + id).at("state"), "running");
    EXPECT_EQ(fleet.lab.starts().size(), 1U);
    fleet.lab.release("clone");
}

TEST(AnsibleFaults, AnAgentThatDoesNotAnswerMayHaveClonesAndIsNotRemoved)
{
    Fleet fleet(1);
    ASSERT_EQ(fleet.play("install").exit, 0);
    fleet.set({{"xcopy_agent_port", 18444}}); // nobody answers there
    const auto refused = fleet.play("remove");
    EXPECT_EQ(refused.exit, 2) << refused.output;
    EXPECT_THAT(refused.said_of("esx1"), HasSubstr("xcopy_agent_no_clones_run"));
    EXPECT_TRUE(fleet.software("esx1").at("vibs").contains("xcopy-agent"));
    fleet.set({{"xcopy_agent_no_clones_run", true}});
    const auto removed = fleet.play("remove");
    EXPECT_EQ(removed.exit, 0) << removed.output;
    EXPECT_TRUE(fleet.software("esx1").at("vibs").empty());
}

TEST(AnsibleFaults, ASettingThatIsMistypedIsRefusedBeforeAnythingIsDone)
{
    Fleet fleet(1);
    fleet.set({{"xcopy_agent_running_clones", "adpot"}});
    const auto played = fleet.play("install");
    EXPECT_EQ(played.exit, 2);
    EXPECT_THAT(played.said_of("esx1"), HasSubstr("adpot"));
    EXPECT_EQ(fleet.software("esx1").at("acceptance"), "PartnerSupported");
}

TEST(AnsibleFaults, NoOnTheCommandLineIsNo) // where every value is a text
{
    const Fleet fleet(1);
    const auto played = fleet.play("install", {"-e", "xcopy_agent_lower_acceptance=false"});
    EXPECT_EQ(played.exit, 2);
    EXPECT_THAT(played.said_of("esx1"), HasSubstr("acceptance level is PartnerSupported"));
    EXPECT_EQ(fleet.software("esx1").at("acceptance"), "PartnerSupported");
}

TEST(AnsibleFaults, ARequestForAnotherHostIsNotSignedAndNothingIsServed)
{
    Fleet fleet(1);
    fleet.set({{"xcopy_agent_sign_argv",
                {XCOPY_SOURCE "/tests/ansible/authority", "sign", (fleet.work() / "authority").string(),
                 "00000000-0000-0000-0000-000000000000"}}});
    const auto played = fleet.play("install");
    EXPECT_EQ(played.exit, 2);
    EXPECT_THAT(played.said_of("esx1"), HasSubstr("the request is not for the host"));
}

} // namespace
} // namespace ansible
