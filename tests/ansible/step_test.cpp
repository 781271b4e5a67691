// Every step that changes a host: it fails there, or whoever runs the playbook dies right after it. The next run ends well.
#include "tests/ansible/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace ansible {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> steps_of_install{"esxcli software acceptance set", "esxcli software vib install",
                                                "esxcli network firewall ruleset set -r xcopyAgent --allowed-all",
                                                "esxcli network firewall ruleset allowedip add", "auto-backup.sh"};
const std::vector<std::string> steps_of_removal{"esxcli software vib remove", "esxcli network firewall refresh",
                                                "sched group delete"};

void expect_healthy(const Fleet& fleet, const std::string& host)
{
    EXPECT_EQ(fleet.ask(host, "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid(host)) << host;
    EXPECT_EQ(fleet.software(host).at("rulesets").at("xcopyAgent").at("allowed"), json({"127.0.0.0/8"})) << host;
}

void expect_nothing_left(const Fleet& fleet, const std::string& host)
{
    const auto software = fleet.software(host);
    EXPECT_TRUE(software.at("vibs").empty()) << host;
    EXPECT_TRUE(software.at("rulesets").empty()) << host;
    EXPECT_TRUE(software.at("groups").empty()) << host;
    EXPECT_EQ(fleet.agents(host), 0) << host;
}

TEST(AnsibleSteps, EachThatFailsIsSaidAndTheNextRunEndsWell)
{
    Fleet fleet(static_cast<int>(steps_of_install.size()));
    const auto fail = [&](const std::vector<std::string>& steps) {
        for (std::size_t i = 0; i < steps.size(); ++i)
            fleet.lab.add_rule(
                {{"where", "host:" + fleet.names()[i]},
                 {"what", steps[i]},
                 {"when", "before"},
                 {"count", 0},
                 {"fault", {{"tool_exit", 1}, {"tool_stdout", "the host says no"}, {"tool_stderr", ""}}}});
    };
    fail(steps_of_install);
    const auto failed = fleet.play("install");
    for (std::size_t i = 0; i < steps_of_install.size(); ++i) {
        EXPECT_FALSE(failed.hosts.at(fleet.names()[i]).fine()) << steps_of_install[i] << "\n" << failed.output;
        EXPECT_THAT(failed.said_of(fleet.names()[i]), HasSubstr("the host says no")) << steps_of_install[i];
    }
    fleet.lab.call({{"do", "rule.clear"}});
    const auto again = fleet.play("install");
    EXPECT_EQ(again.exit, 0) << again.output;
    for (const auto& name : fleet.names())
        expect_healthy(fleet, name);
    fleet.lab.call({{"do", "host.reboot"}, {"host", fleet.names().back()}}); // where saving had failed
    const auto restarted = fleet.play("verify");
    EXPECT_EQ(restarted.exit, 0) << restarted.output;

    fail(steps_of_removal);
    const auto unremoved = fleet.play("remove");
    for (std::size_t i = 0; i < steps_of_removal.size(); ++i)
        EXPECT_THAT(unremoved.said_of(fleet.names()[i]), HasSubstr("the host says no")) << steps_of_removal[i];
    fleet.lab.call({{"do", "rule.clear"}});
    const auto removed = fleet.play("remove");
    EXPECT_EQ(removed.exit, 0) << removed.output;
    for (const auto& name : fleet.names())
        expect_nothing_left(fleet, name);
}

TEST(AnsibleSteps, WhoeverDiesRightAfterOneFindsItDoneAndGoesOn)
{
    Fleet fleet(1);
    const auto die_after_each = [&](const char* playbook, const std::vector<std::string>& steps) {
        for (const auto& step : steps) {
            const auto dying = fleet.prepare(playbook);
            const int rule = fleet.lab.add_rule({{"where", "host:esx1"},
                                                 {"what", step},
                                                 {"when", "after"},
                                                 {"kill", {{"pid", dying->pid()}, {"signal", SIGKILL}}}});
            dying->go();
            EXPECT_EQ(dying->wait().signal, SIGKILL) << step;
            fleet.lab.call({{"do", "rule.clear"}, {"rule", rule}});
        }
        const auto last = fleet.play(playbook);
        EXPECT_EQ(last.exit, 0) << last.output;
        EXPECT_EQ(fleet.play(playbook).hosts.at("esx1").changed, 0);
    };
    die_after_each("install", steps_of_install);
    expect_healthy(fleet, "esx1");
    die_after_each("remove", steps_of_removal);
    expect_nothing_left(fleet, "esx1");
}

} // namespace
} // namespace ansible
