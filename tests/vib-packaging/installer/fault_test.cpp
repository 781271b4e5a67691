// Some hosts of a fleet have a fault: the others are installed, and the message says what to do about each.
#include "tests/vib-packaging/installer/site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace installer_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> consent{"--lower-acceptance-level", "--allow", "127.0.0.0/8"};

// Somebody else's server on the agent's port of a host.
class PortHolder {
public:
    explicit PortHolder(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(18443);
        ::inet_pton(AF_INET, address.c_str(), &where.sin_addr);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
        EXPECT_EQ(::listen(fd_, 1), 0);
    }
    ~PortHolder() { ::close(fd_); }
    PortHolder(const PortHolder&) = delete;
    PortHolder& operator=(const PortHolder&) = delete;

private:
    int fd_;
};

std::string address_of(const Site& site, const std::string& host)
{
    return site.lab.ready().at("hosts").at(host).at("address");
}

// Begins an installation, restarts the host in the middle of its esxcli, and lets the installation end.
Installed install_and_restart(const Site& site, const std::string& host)
{
    site.lab.add_rule({{"where", host}, {"what", "software vib install"}, {"when", "before"}, {"hold", "installing"}});
    const auto process = site.prepare("install", consent);
    process->go();
    site.lab.wait_held("installing");
    site.lab.call({{"do", "host.reboot"}, {"host", host}});
    site.lab.call({{"do", "rule.clear"}});
    site.lab.release("installing");
    return site.end_of(*process);
}

void expect_words(const Installed& run, const std::string& host, const std::vector<std::string>& words)
{
    EXPECT_EQ(run.outcome(host), "failed") << host;
    for (const auto& word : words)
        EXPECT_THAT(run.error(host), HasSubstr(word)) << host;
}

TEST(InstallerFaults, SevenOfTenHostsHaveOneEachTheOthersSucceedAndTheNextRunMakesAllGood)
{
    const Site site(10);
    std::ifstream own_key(site.work() / "key.pub"); // a stranger's where the known one of esx7 should be
    std::string kind, key;
    own_key >> kind >> key;
    std::ofstream(site.work() / "known_hosts")
        << "[" << address_of(site, "esx7") << "]:" << site.lab.ready().at("hosts").at("esx7").at("ssh").at("port")
        << " " << kind << " " << key << "\n";
    site.fault("esx2", {{"acceptance_fixed", true}});
    site.fault("esx3", {{"no_space", true}});
    site.fault("esx4", {{"secure_boot", true}});
    site.fault("esx5", {{"exec_refused", true}});
    site.lab.call({{"do", "host.sshd"}, {"host", "esx6"}, {"what", "stop"}});

    const auto run = install_and_restart(site, "esx8");
    EXPECT_EQ(run.exit, 7) << run.progress;
    for (const auto* sound : {"esx1", "esx9", "esx10"}) {
        EXPECT_EQ(run.outcome(sound), "changed") << run.host(sound);
        EXPECT_EQ(site.ask(sound, "GET", "/v1/health").at("host_uuid"), site.lab.host_uuid(sound));
    }
    expect_words(run, "esx2",
                 {"lower acceptance level", "fixed by its administrator", "leave the host to the SSH way"});
    expect_words(run, "esx3", {"/tmp has 0 KiB left", "vdf -h"});
    expect_words(run, "esx4", {"UEFI Secure Boot is on", "--host-transport ssh"});
    expect_words(run, "esx5", {"does not run /opt/xcopy-agent/bin/xcopy-agent", "execInstalledOnly"});
    expect_words(run, "esx6", {"Connection refused", "enable_ssh"});
    expect_words(run, "esx7", {"the host key has changed", "fingerprint on its console"});
    expect_words(run, "esx8", {"may have taken effect", "run"});
    for (const auto* untouched : {"esx2", "esx3", "esx4", "esx6", "esx7"}) {
        EXPECT_TRUE(site.software(untouched).at("vibs").empty()) << untouched;
        EXPECT_EQ(site.software(untouched).at("acceptance"), "PartnerSupported") << untouched;
    }

    site.fault("esx2", {{"acceptance_fixed", false}});
    site.fault("esx3", {{"no_space", false}});
    site.fault("esx4", {{"secure_boot", false}});
    site.fault("esx5", {{"exec_refused", false}});
    site.lab.call({{"do", "host.reboot"}, {"host", "esx5"}}); // the lab gives the program its mode back
    site.lab.call({{"do", "host.sshd"}, {"host", "esx6"}, {"what", "start"}});
    std::filesystem::remove(site.work() / "known_hosts");
    const auto again = site.run("install", consent);
    EXPECT_EQ(again.exit, 0) << again.progress;
    for (const auto& host : site.names()) {
        const bool sound = host == "esx1" || host == "esx9" || host == "esx10";
        EXPECT_EQ(again.outcome(host), sound ? "unchanged" : "changed") << again.host(host);
        EXPECT_EQ(site.ask(host, "GET", "/v1/health").at("host_uuid"), site.lab.host_uuid(host));
    }
}

void only_the_second_fails(const Site& site, const Installed& run, const std::vector<std::string>& words)
{
    EXPECT_EQ(run.exit, 1) << run.progress;
    for (const auto& host : site.names())
        EXPECT_EQ(run.outcome(host), host == "esx2" ? "failed" : "changed") << run.host(host);
    expect_words(run, "esx2", words);
}

// The worst two: a host that would not start again, and one that is left in the middle.
TEST(InstallerFaults, OneOfTenUnderSecureBootIsLeftAloneAndTheNineSucceed)
{
    const Site site(10);
    site.fault("esx2", {{"secure_boot", true}});
    only_the_second_fails(site, site.run("install", consent), {"UEFI Secure Boot is on", "SSH way"});
    EXPECT_TRUE(site.software("esx2").at("vibs").empty());
}

TEST(InstallerFaults, OneOfTenRestartsInTheMiddleAndIsTakenUpByTheNextRun)
{
    const Site site(10);
    const auto run = install_and_restart(site, "esx2");
    only_the_second_fails(site, run, {"may have taken effect"});
    EXPECT_EQ(run.host("esx2").at("error").at("code"), "indeterminate") << run.error("esx2");
    const auto again = site.run("install", consent);
    EXPECT_EQ(again.exit, 0) << again.progress;
    EXPECT_EQ(again.outcome("esx1"), "unchanged");
    EXPECT_EQ(again.outcome("esx2"), "changed");
    EXPECT_EQ(site.run("status").exit, 0);
}

TEST(InstallerFaults, AWrongClockAndATakenPortAreToldBeforeAnythingIsChanged)
{
    const Site site(3);
    site.fault("esx2", {{"clock_skew_s", -90000}});
    const PortHolder other(address_of(site, "esx3"));
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
