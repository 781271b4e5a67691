// One host of a fleet has a fault: the others are as they should be, and the message says what to do about the one.
#include "tests/vib-packaging/installer/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace installer_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> consent{"--lower-acceptance-level", "--allow", "127.0.0.0/8"};

void expect_words(const Installed& run, const std::string& host, const std::vector<std::string>& words)
{
    EXPECT_EQ(run.outcome(host), "failed") << host;
    for (const auto& word : words)
        EXPECT_THAT(run.error(host), HasSubstr(word)) << host;
}

// Ten hosts, of which the last has one fault after the other. The first run meets it while nine are installed from nothing, the later ones
// while nine are healthy.
class OneOfTen : public testing::Test {
protected:
    const std::string tenth = "esx10";
    const Site site{10};
    int runs = 0;

    void expect_nine_succeed(const Installed& run, const std::vector<std::string>& words)
    {
        EXPECT_EQ(run.exit, 1) << run.progress;
        expect_words(run, tenth, words);
        for (const auto& host : site.names())
            if (host != tenth) {
                EXPECT_EQ(run.outcome(host), runs == 0 ? "changed" : "unchanged") << run.host(host);
                EXPECT_EQ(run.host(host).at("after").at("enrolment"), "enrolled") << run.host(host);
            }
        ++runs;
    }
    void expect_untouched() const
    {
        EXPECT_TRUE(site.software(tenth).at("vibs").empty());
        EXPECT_EQ(site.software(tenth).at("acceptance"), "PartnerSupported");
    }
    void meet(const bare::Fault& fault, const std::vector<std::string>& words)
    {
        const testing::ScopedTrace trace(__FILE__, __LINE__, fault.name);
        fault.begin(site, tenth);
        expect_nine_succeed(site.run("install", consent), words);
        if (&fault != &bare::exec_installed_only())
            expect_untouched();
        fault.end(site, tenth);
    }
};

TEST_F(OneOfTen, HasAFaultWhichIsSaidWithItsRemedyAndTheNineSucceed)
{
    meet(bare::acceptance_refused(),
         {"lower acceptance level", "fixed by its administrator", "leave the host to the SSH way"});
    meet(bare::no_space(), {"/tmp has 0 KiB left", "vdf -h"});
    meet(bare::secure_boot(), {"UEFI Secure Boot is on", "--host-transport ssh"});
    meet(bare::sshd_down(), {"Connection refused", "enable_ssh"});
    meet(bare::wrong_host_key(), {"the host key has changed", "fingerprint on its console"});

    const auto process = site.prepare("install", consent);
    site.restart_in_the_middle(*process, tenth, "software vib install");
    const auto restarted = site.end_of(*process);
    expect_nine_succeed(restarted, {"may have taken effect", "run this again"});
    EXPECT_EQ(restarted.host(tenth).at("error").at("code"), "indeterminate") << restarted.error(tenth);

    meet(bare::exec_installed_only(), {"does not run /opt/xcopy-agent/bin/xcopy-agent", "execInstalledOnly"});

    const auto last = site.run("install", consent);
    EXPECT_EQ(last.exit, 0) << last.progress;
    for (const auto& host : site.names()) {
        EXPECT_EQ(last.outcome(host), host == tenth ? "changed" : "unchanged") << last.host(host);
        EXPECT_EQ(site.ask(host, "GET", "/v1/health").at("host_uuid"), site.lab.host_uuid(host));
    }
}

TEST(InstallerFaults, AWrongClockAndATakenPortAreToldBeforeAnythingIsChanged)
{
    const Site site(3);
    site.fault("esx2", {{"clock_skew_s", -90000}});
    const bare::PortHolder other(site.address("esx3"));
    const auto run = site.run("install", consent);
    EXPECT_EQ(run.exit, 2) << run.progress;
    EXPECT_EQ(run.outcome("esx1"), "changed");
    expect_words(run, "esx2", {"the host's clock is", "NTP"});
    expect_words(run, "esx3", {"port 18443 is used by", "esxcli network ip connection list"});
    for (const auto* untouched : {"esx2", "esx3"})
        EXPECT_EQ(site.software(untouched).at("acceptance"), "PartnerSupported") << untouched;
}

TEST(InstallerFaults, WithoutConsentNoHostsAcceptanceLevelIsLowered)
{
    const Site site(1);
    const auto run = site.run("install");
    EXPECT_EQ(run.exit, 1);
    EXPECT_THAT(run.error("esx1"), HasSubstr("--lower-acceptance-level"));
    EXPECT_EQ(site.software("esx1").at("acceptance"), "PartnerSupported");
    EXPECT_TRUE(site.software("esx1").at("vibs").empty());
}

TEST(InstallerFaults, WhatCouldNotBeSavedForTheNextBootIsSavedByTheNextRun)
{
    const Site site(1);
    site.lab.add_rule({{"where", "esx1"},
                       {"what", "auto-backup.sh"},
                       {"when", "before"},
                       {"count", 0},
                       {"fault", {{"tool_exit", 1}, {"tool_stdout", "no space left on the boot bank"}}}});
    const auto unsaved = site.run("install", consent);
    EXPECT_EQ(unsaved.exit, 1) << unsaved.progress;
    EXPECT_THAT(unsaved.error("esx1"), HasSubstr("not saved for the next boot"));
    EXPECT_THAT(unsaved.error("esx1"), HasSubstr("no space left on the boot bank"));
    EXPECT_EQ(site.run("install", consent).exit, 1) << "still so";
    site.lab.call({{"do", "rule.clear"}});
    const auto saved = site.run("install", consent);
    EXPECT_EQ(saved.exit, 0) << saved.progress;
    EXPECT_EQ(saved.changes("esx1").back(), "save enrolment");
    site.lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    const auto after = site.run("install", consent);
    EXPECT_EQ(after.exit, 0) << after.progress;
    EXPECT_EQ(after.outcome("esx1"), "unchanged") << after.host("esx1");
}

TEST(InstallerFaults, AnInstallerThatIsKilledIsTakenUpByTheNextRun)
{
    const Site site(1);
    for (const auto* where : {"software acceptance set", "software vib install", "firewall ruleset set"}) {
        site.lab.add_rule({{"where", "esx1"}, {"what", where}, {"when", "after"}, {"hold", "here"}});
        const auto process = site.prepare("install", consent);
        process->go();
        site.lab.wait_held("here");
        process->signal(SIGKILL);
        EXPECT_EQ(process->wait().signal, SIGKILL);
        site.lab.call({{"do", "rule.clear"}});
        site.lab.release("here");
    }
    const auto run = site.run("install", consent);
    EXPECT_EQ(run.exit, 0) << run.progress;
    EXPECT_EQ(site.run("install", consent).outcome("esx1"), "unchanged");
}

TEST(InstallerFaults, BadOptionsAreAllNamedAndNothingIsDone)
{
    const Site site(1);
    const auto ran = site.raw({"--esxi-hosts", "a,a", "--vib-path", "/nonexistent", "--allow", "x"});
    EXPECT_EQ(ran.exit, 101);
    for (const auto* part : {"named twice", "/nonexistent", "--allow", "Nothing was done"})
        EXPECT_THAT(ran.err, HasSubstr(part));
    EXPECT_EQ(site.raw({"--version"}).exit, 0);
}

} // namespace
} // namespace installer_test
