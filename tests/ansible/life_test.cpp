// The life of a fleet under Ansible: from nothing to healthy, renewed, upgraded beneath running clones, removed.
#include "tests/ansible/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace ansible {
namespace {

using nlohmann::json;
using testing::HasSubstr;

void expect_all_fine(const Fleet& fleet, const Played& played)
{
    EXPECT_EQ(played.exit, 0) << played.output;
    for (const auto& name : fleet.names()) {
        ASSERT_TRUE(played.hosts.contains(name)) << played.output;
        EXPECT_TRUE(played.hosts.at(name).fine()) << name;
    }
}

void expect_nothing_changed(const Fleet& fleet, const Played& played)
{
    expect_all_fine(fleet, played);
    for (const auto& name : fleet.names())
        EXPECT_EQ(played.hosts.at(name).changed, 0) << name << "\n" << played.output;
}

std::string certificate_of(const Fleet& fleet, const std::string& host)
{
    std::ifstream file(fleet.root(host) / "etc/config/xcopy-agent/agent.crt");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AnsibleFleet, TenHostsGoFromNothingToHealthyAndBackWithoutATrace)
{
    Fleet fleet(10);
    std::map<std::string, std::vector<std::string>> before;
    for (const auto& name : fleet.names())
        before[name] = fleet.files(name);

    expect_all_fine(fleet, fleet.play("install"));
    for (const auto& name : fleet.names()) {
        const auto software = fleet.software(name);
        EXPECT_TRUE(software.at("vibs").contains("xcopy-agent"));
        EXPECT_EQ(software.at("rulesets").at("xcopyAgent").at("allowed"), json({"127.0.0.0/8"}));
        EXPECT_FALSE(software.at("rulesets").at("xcopyAgent").at("allowed_all").get<bool>());
        EXPECT_EQ(software.at("groups"), json({"host/vim/vimuser/xcopyagent"}));
        EXPECT_EQ(fleet.ask(name, "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid(name));
        EXPECT_FALSE(std::filesystem::exists(fleet.root(name) / "tmp/xcopy-agent-upload.vib"));
    }
    expect_nothing_changed(fleet, fleet.play("install"));

    for (const auto& name : fleet.names())
        fleet.lab.call({{"do", "host.reboot"}, {"host", name}});
    expect_nothing_changed(fleet, fleet.play("verify"));
    expect_nothing_changed(fleet, fleet.play("install"));

    expect_all_fine(fleet, fleet.play("remove"));
    for (const auto& name : fleet.names()) {
        const auto software = fleet.software(name);
        EXPECT_TRUE(software.at("vibs").empty());
        EXPECT_TRUE(software.at("rulesets").empty());
        EXPECT_TRUE(software.at("groups").empty());
        EXPECT_EQ(fleet.files(name), before[name]);
        EXPECT_EQ(fleet.agents(name), 0);
    }
    expect_nothing_changed(fleet, fleet.play("remove"));
}

TEST(AnsibleFleet, CheckModeTellsWhatItWouldDoAndDoesNothing)
{
    Fleet fleet(3);
    const auto before = fleet.files("esx1");
    auto played = fleet.play("install", {"--check"});
    expect_all_fine(fleet, played);
    for (const auto& name : fleet.names()) {
        EXPECT_GT(played.hosts.at(name).changed, 3) << played.output;
        EXPECT_TRUE(fleet.software(name).at("vibs").empty());
        EXPECT_EQ(fleet.software(name).at("acceptance"), "PartnerSupported");
    }
    EXPECT_EQ(fleet.files("esx1"), before);

    expect_all_fine(fleet, fleet.play("install"));
    expect_nothing_changed(fleet, fleet.play("install", {"--check"}));
    const auto installed = fleet.files("esx1");
    const auto certificate = certificate_of(fleet, "esx1");
    for (const char* playbook : {"renew", "remove"}) {
        played = fleet.play(playbook, {"--check"});
        expect_all_fine(fleet, played);
        EXPECT_GT(played.hosts.at("esx1").changed, 0) << playbook;
    }
    EXPECT_EQ(fleet.files("esx1"), installed);
    EXPECT_EQ(certificate_of(fleet, "esx1"), certificate);
    EXPECT_EQ(fleet.agents("esx1") > 0, true);
}

TEST(AnsibleFleet, ARenewedCertificateIsServedByTheAgentThatRuns)
{
    Fleet fleet(2);
    expect_all_fine(fleet, fleet.play("install"));
    const auto old = certificate_of(fleet, "esx1");
    const int pid = fleet.serving("esx1");
    expect_all_fine(fleet, fleet.play("renew"));
    EXPECT_NE(certificate_of(fleet, "esx1"), old);
    EXPECT_EQ(fleet.serving("esx1"), pid);
    expect_nothing_changed(fleet, fleet.play("install"));

    // One that ends soon is replaced without being asked for; the others stay.
    fleet.set("esx2", {{"xcopy_agent_renew_before_days", 365}});
    const auto played = fleet.play("install", {"--tags", "enrol"});
    expect_all_fine(fleet, played);
    EXPECT_EQ(played.hosts.at("esx1").changed, 0);
    EXPECT_GT(played.hosts.at("esx2").changed, 0);
}

TEST(AnsibleFleet, AnUpgradeLeavesRunningClonesToTheNewAgent)
{
    Fleet fleet(1);
    expect_all_fine(fleet, fleet.play("install"));
    fleet.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "clone"}});
    const std::vector<std::string> clones{fleet.start_clone("esx1", 1), fleet.start_clone("esx1", 2)};
    fleet.lab.wait_held("clone", 2);

    fleet.use_release(2);
    fleet.set({{"xcopy_agent_running_clones", "adopt"}});
    expect_all_fine(fleet, fleet.play("upgrade"));
    EXPECT_THAT(fleet.software("esx1").at("vibs").dump(), HasSubstr("0.0.2"));
    for (const auto& id : clones)
        EXPECT_EQ(fleet.ask("esx1", "GET", "/v1/clones/" + id).at("state"), "running");
    EXPECT_EQ(fleet.lab.starts().size(), 2U) << "one vmkfstools for each";
    fleet.lab.release("clone");
    for (const auto& id : clones) {
        json clone = json::object();
        do
            clone = fleet.ask("esx1", "GET",
                              "/v1/clones/" + id + "?wait=20&after=" + clone.value("revision", json(0)).dump());
        while (clone.at("state") == "running");
        EXPECT_EQ(clone.at("state"), "succeeded") << clone;
    }
    EXPECT_TRUE(fleet.lab.violations().empty());
    expect_nothing_changed(fleet, fleet.play("upgrade"));
}

TEST(AnsibleFleet, AnUpgradeWaitsForRunningClonesUnlessToldOtherwise)
{
    Fleet fleet(1);
    expect_all_fine(fleet, fleet.play("install"));
    fleet.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "clone"}});
    const auto id = fleet.start_clone("esx1", 1);
    fleet.lab.wait_held("clone");

    fleet.use_release(2);
    fleet.set({{"xcopy_agent_wait_minutes", 0}});
    for (const char* playbook : {"upgrade", "remove"}) {
        const auto refused = fleet.play(playbook);
        EXPECT_EQ(refused.exit, 2) << refused.output;
        EXPECT_THAT(refused.said_of("esx1"), HasSubstr(id));
        EXPECT_THAT(fleet.software("esx1").at("vibs").dump(), HasSubstr("0.0.1"));
        EXPECT_EQ(fleet.ask("esx1", "GET", "/v1/health").at("drained_s"), 0) << "given back: " << playbook;
    }
    fleet.set({{"xcopy_agent_wait_minutes", 10}});
    const auto upgrade = fleet.prepare("upgrade");
    upgrade->go();
    while (fleet.ask("esx1", "GET", "/v1/health").at("drained_s") == 0) // answers take their time
        ASSERT_NE(upgrade->pid(), 0);
    EXPECT_EQ(fleet.order_clone("esx1", 2).at("reason"), "drained");
    fleet.lab.release("clone");
    expect_all_fine(fleet, fleet.end_of(*upgrade));
    EXPECT_EQ(fleet.ask("esx1", "GET", "/v1/health").at("drained_s"), 0);
    EXPECT_EQ(fleet.ask("esx1", "GET", "/v1/clones/" + id).at("state"), "succeeded");
    EXPECT_THAT(fleet.software("esx1").at("vibs").dump(), HasSubstr("0.0.2"));
}

TEST(AnsibleFleet, WhatWasChangedByHandIsPutRightAndNothingElse)
{
    Fleet fleet(1);
    expect_all_fine(fleet, fleet.play("install"));
    fleet.lab.run("esx1", {"/sbin/chkconfig", "xcopy-agent", "off"});
    fleet.lab.run("esx1", {"/etc/init.d/xcopy-agent", "stop"});
    fleet.lab.run("esx1", {"/bin/esxcli", "network", "firewall", "ruleset", "set", "-r", "xcopyAgent", "-e", "false"});
    fleet.set({{"xcopy_agent_allowed_networks", {"10.1.0.0/16", "fd00::/8"}}});
    auto played = fleet.play("install");
    expect_all_fine(fleet, played);
    EXPECT_EQ(played.hosts.at("esx1").changed, 5) << "on, started, enabled, two networks in, one out\n"
                                                  << played.output;
    auto rules = fleet.software("esx1").at("rulesets").at("xcopyAgent");
    EXPECT_EQ(rules.at("allowed"), json({"10.1.0.0/16", "fd00::/8"}));
    EXPECT_TRUE(rules.at("enabled").get<bool>());
    expect_nothing_changed(fleet, fleet.play("install"));

    fleet.set({{"xcopy_agent_allowed_networks", json::array()}});
    expect_all_fine(fleet, fleet.play("install"));
    EXPECT_TRUE(fleet.software("esx1").at("rulesets").at("xcopyAgent").at("allowed_all").get<bool>());
    expect_nothing_changed(fleet, fleet.play("install"));
}

TEST(AnsibleFleet, TheAuthorityOfVibInstallerSignsTheirRequests)
{
    Fleet fleet(2);
    const auto directory = (fleet.work() / "xcopy-ca").string();
    const auto authority = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {XCOPY_CA_PROGRAM, "ca"});
        words.insert(words.end(), {"--dir", directory});
        const auto ran = e2e::run(words, {}, fleet.work());
        EXPECT_EQ(ran.exit, 0) << ran.err;
    };
    authority({"init"});
    authority({"issue", "client", "--name", "operator", "--role", "operator"});
    fleet.forget(
        {"xcopy_agent_ca", "xcopy_agent_operator_certificate", "xcopy_agent_operator_key", "xcopy_agent_sign_argv"});
    fleet.set({{"xcopy_agent_authority", directory}, {"xcopy_agent_authority_program", XCOPY_CA_PROGRAM}});
    expect_all_fine(fleet, fleet.play("install"));
    expect_nothing_changed(fleet, fleet.play("install"));
    expect_all_fine(fleet, fleet.play("renew"));
    for (const auto& name : fleet.names())
        EXPECT_TRUE(std::filesystem::exists(directory + "/hosts/" + fleet.lab.host_uuid(name) + ".crt")) << name;
}

// facts/esxi.md leaves these open, so both ways must end the same.
TEST(AnsibleFleet, WhatIsNotCertainOfEsxiMakesNoDifference)
{
    Fleet fleet(3);
    fleet.fault("esx1", {{"update_keeps_config", false}});
    fleet.fault("esx2", {{"refresh_on_install", true}, {"errors_on_stderr", true}});
    fleet.fault("esx3", {{"init_words", true}});
    expect_all_fine(fleet, fleet.play("install"));
    expect_nothing_changed(fleet, fleet.play("install"));
    fleet.use_release(2);
    expect_all_fine(fleet, fleet.play("upgrade"));
    for (const auto& name : fleet.names()) {
        EXPECT_THAT(fleet.software(name).at("vibs").dump(), HasSubstr("0.0.2"));
        EXPECT_EQ(fleet.ask(name, "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid(name)) << name;
    }
    expect_nothing_changed(fleet, fleet.play("upgrade"));
    fleet.use_release(1);
    EXPECT_THAT(fleet.play("install").said_of("esx1"), HasSubstr("xcopy_agent_allow_downgrade"));
    expect_all_fine(fleet, fleet.play("remove"));
}

TEST(AnsibleRole, PassesTheProductionProfileOfAnsibleLint)
{
    const Fleet fleet(1);
    const std::string folder = XCOPY_SOURCE "/ansible";
    const auto ran =
        fleet.program("ansible-lint", {"--offline", "--profile", "production", "--project-dir", folder, folder});
    EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
    EXPECT_THAT(ran.out + ran.err, HasSubstr("it passed"));
}

} // namespace
} // namespace ansible
