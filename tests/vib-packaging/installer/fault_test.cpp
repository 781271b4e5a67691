// One host of a fleet has a fault: the others are installed, and the message says what to do about the one.
#include "tests/vib-packaging/installer/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

namespace installer_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> consent{"--lower-acceptance-level", "--allow", "127.0.0.0/8"};

void only_the_second_fails(const Site& site, const Installed& run, const std::string& message,
                           const std::string& remedy)
{
    EXPECT_EQ(run.exit, 1) << run.progress;
    for (const auto& host : site.names())
        EXPECT_EQ(run.outcome(host), host == "esx2" ? "failed" : "changed") << run.host(host);
    EXPECT_THAT(run.error("esx2"), HasSubstr(message));
    EXPECT_THAT(run.error("esx2"), HasSubstr(remedy));
}

TEST(InstallerFaults, EachIsReportedWithItsRemedyAndTheOtherNineSucceed)
{
    struct Fault {
        json set;
        const char* message;
        const char* remedy;
    };
    const Fault faults[] = {
        {{{"secure_boot", true}}, "Secure Boot is on", "SSH way"},
        {{{"no_space", true}}, "/tmp has 0 KiB left", "restart the host"},
        {{{"clock_skew_s", -90000}}, "clock is", "NTP"},
        {{{"acceptance_fixed", true}}, "lower acceptance level", ""},
        {{{"exec_refused", true}}, "does not run /opt/xcopy-agent/bin/xcopy-agent", "execInstalledOnly"},
    };
    bool first = true;
    for (const auto& fault : faults) {
        const Site site(first ? 10 : 2); // ten once; the others are told apart as well by two
        first = false;
        site.fault("esx2", fault.set);
        const auto run = site.run("install", consent);
        only_the_second_fails(site, run, fault.message, fault.remedy);
    }
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

TEST(InstallerFaults, SshThatIsDownIsTold)
{
    const Site site(2);
    site.lab.call({{"do", "host.sshd"}, {"host", "esx2"}, {"what", "stop"}});
    only_the_second_fails(site, site.run("install", consent), "Connection refused", "enable_ssh");
}

TEST(InstallerFaults, AWrongHostKeyKeepsEverythingOffTheHost)
{
    const Site site(2);
    const auto& host = site.lab.ready().at("hosts").at("esx2");
    const auto& other = site.lab.ready().at("hosts").at("esx1");
    ASSERT_EQ(site.run("status").exit, 2); // both keys are known now
    std::ifstream in(site.work() / "known_hosts");
    std::string all;
    for (std::string line; std::getline(in, line);) { // esx2 gets the key of esx1
        const auto at = [](const json& one) {
            return "[" + one.at("address").get<std::string>() +
                   "]:" + std::to_string(one.at("ssh").at("port").get<int>());
        };
        if (line.starts_with(at(other)))
            all += line + "\n" + at(host) + line.substr(at(other).size()) + "\n";
    }
    std::ofstream(site.work() / "known_hosts") << all;
    const auto run = site.run("install", consent);
    only_the_second_fails(site, run, "the host key has changed", "fingerprint on its console");
    EXPECT_TRUE(site.software("esx2").at("vibs").empty());
}

TEST(InstallerFaults, ARestartInTheMiddleIsTakenUpByTheNextRun)
{
    const Site site(2);
    site.lab.add_rule(
        {{"where", "esx2"}, {"what", "software vib install"}, {"when", "before"}, {"hold", "installing"}});
    const auto process = site.prepare("install", consent);
    process->go();
    site.lab.wait_held("installing");
    site.lab.call({{"do", "host.reboot"}, {"host", "esx2"}});
    site.lab.release("installing");
    const auto run = site.end_of(*process);
    EXPECT_EQ(run.exit, 1) << run.progress;
    EXPECT_EQ(run.outcome("esx1"), "changed");
    EXPECT_EQ(run.host("esx2").at("error").at("code"), "indeterminate") << run.error("esx2");
    const auto again = site.run("install", consent);
    EXPECT_EQ(again.exit, 0) << again.progress;
    EXPECT_EQ(again.outcome("esx1"), "unchanged");
    EXPECT_EQ(site.run("status").exit, 0);
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
