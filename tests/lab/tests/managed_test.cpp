// Managed hosts: the real VIB installed by `esxcli software vib`, a real SSH server, reboots, and what of /etc survives
// them (facts/esxi.md 2 to 4, 8).
#include "tests/lab/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace lab {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* esxcli = "/bin/esxcli";

class ManagedTest : public testing::Test {
protected:
    explicit ManagedTest(const char* version = "8.0.2")
        : lab({.scenario = {{"hosts", {{{"name", "esx1"}, {"managed", true}, {"version", version}}}}}})
    {}

    Lab::Ran run(std::vector<std::string> argv) { return lab.run("esx1", argv); }
    void set(json values)
    {
        values.update({{"do", "host.set"}, {"host", "esx1"}});
        lab.call(values);
    }
    json software() { return lab.call({{"do", "host.software"}, {"host", "esx1"}}); }
    std::filesystem::path root() { return lab.ready().at("hosts").at("esx1").at("root").get<std::string>(); }
    std::string vib(int release)
    {
        const auto folder = std::filesystem::path(XCOPY_TEST_VIBS) / std::to_string(release);
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().extension() == ".vib")
                std::filesystem::copy_file(entry.path(), root() / "tmp/xcopy-agent.vib",
                                           std::filesystem::copy_options::overwrite_existing);
        return "/tmp/xcopy-agent.vib";
    }
    Lab::Ran install(int release) { return run({esxcli, "software", "vib", "install", "-v", vib(release)}); }
    void allow() { run({esxcli, "software", "acceptance", "set", "--level=CommunitySupported"}); }

    // The machine's own ssh, as an administrator would use it.
    Lab::Ran ssh(const std::string& command)
    {
        const auto& host = lab.ready().at("hosts").at("esx1");
        const auto line = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o "
                          "BatchMode=yes -i " +
                          host.at("ssh").at("key").get<std::string>() + " -p " +
                          std::to_string(host.at("ssh").at("port").get<int>()) + " root@" +
                          host.at("address").get<std::string>() + " '" + command + "' 2>&1 </dev/null";
        Lab::Ran ran;
        std::FILE* pipe = ::popen(line.c_str(), "r");
        std::array<char, 4096> piece{};
        for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
            ran.output.append(piece.data(), got);
        ran.exit = WEXITSTATUS(::pclose(pipe));
        return ran;
    }
    // The watchdog starts beside the installation, so its words may come a moment later.
    std::string wait_for_log(const std::string& word)
    {
        std::string log;
        for (int look = 0; look < 5000 && log.find(word) == std::string::npos; ++look) {
            log = contents(root() / "var/log/syslog.log");
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return log;
    }
    static std::string contents(const std::filesystem::path& path)
    {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    Lab lab;
};

struct Managed67 : ManagedTest {
    Managed67() : ManagedTest("6.7.0") {}
};

TEST_F(ManagedTest, SshRunsCommandsInsideTheHost)
{
    EXPECT_EQ(ssh("cat /etc/vmware-release").output, "VMware ESXi 8.0.2 (xcopy-lab: simulated)\n");
    EXPECT_THAT(ssh("esxcli system version get").output, HasSubstr("Version: 8.0.2"));
    EXPECT_EQ(ssh("exit 7").exit, 7);
    lab.call({{"do", "host.sshd"}, {"host", "esx1"}, {"what", "stop"}});
    EXPECT_EQ(ssh("true").exit, 255);
    lab.call({{"do", "host.sshd"}, {"host", "esx1"}, {"what", "start"}});
    EXPECT_EQ(ssh("true").exit, 0);
}

TEST_F(ManagedTest, AForcedCommandSeesTheOriginalOne)
{
    const auto key = contents(lab.ready().at("hosts").at("esx1").at("ssh").at("key").get<std::string>() + ".pub");
    std::ofstream(root() / "etc/ssh/keys-root/authorized_keys")
        << "command=\"/bin/echo forced $SSH_ORIGINAL_COMMAND\",no-port-forwarding " << key;
    EXPECT_EQ(ssh("esxcli a b").output, "forced esxcli a b\n");
}

TEST_F(ManagedTest, ACommunityVibNeedsTheAcceptanceLevel)
{
    EXPECT_THAT(run({esxcli, "software", "acceptance", "get"}).output, HasSubstr("PartnerSupported"));
    const auto refused = install(1);
    EXPECT_EQ(refused.exit, 1);
    EXPECT_THAT(refused.output, HasSubstr("[AcceptanceConfigError]"));
    EXPECT_NE(run({esxcli, "software", "vib", "install", "-f", "-v", vib(1)}).exit, 0) << "8.0 checks it all the same";
    allow();
    const auto done = install(1);
    EXPECT_EQ(done.exit, 0) << done.output;
    EXPECT_THAT(done.output, HasSubstr("Installation Result\n   Message: Operation finished successfully.\n"
                                       "   VIBs Installed: xcopy_bootbank_xcopy-agent_"));
    EXPECT_THAT(done.output, HasSubstr("DPU Results"));
    EXPECT_THAT(run({esxcli, "software", "vib", "list"}).output, HasSubstr("CommunitySupported"));
    EXPECT_THAT(run({esxcli, "software", "acceptance", "set", "--level=PartnerSupported"}).output,
                HasSubstr("lower acceptance level"));
    EXPECT_THAT(install(1).output, HasSubstr("Host is not changed."));
}

TEST_F(ManagedTest, SecureBootAndFullRamdisksKeepItOut)
{
    set({{"secure_boot", true}});
    EXPECT_EQ(run({"/usr/lib/vmware/secureboot/bin/secureBoot.py", "-s"}).output, "Enabled\n");
    EXPECT_EQ(run({esxcli, "software", "acceptance", "set", "--level=CommunitySupported"}).exit, 1);
    set({{"secure_boot", false}, {"no_space", true}});
    allow();
    EXPECT_THAT(install(1).output, HasSubstr("No space left on device"));
    EXPECT_TRUE(software().at("vibs").empty());
}

TEST_F(ManagedTest, AnInstalledAgentIsStartedUnderTheWatchdogInItsGroup)
{
    allow();
    install(1);
    EXPECT_EQ(software().at("groups"), json({"host/vim/vimuser/xcopyagent"}));
    EXPECT_THAT(wait_for_log("watchdog"), HasSubstr("Begin '/opt/xcopy-agent/bin/xcopy-agent ++group="));
    run({esxcli, "network", "firewall", "refresh"});
    EXPECT_TRUE(software().at("rulesets").contains("xcopyAgent"));
    const auto before = software();
    EXPECT_THAT(
        run({esxcli, "network", "firewall", "ruleset", "allowedip", "add", "-r", "xcopyAgent", "-i", "10.0.0.0/8"})
            .output,
        HasSubstr("allows all"));
    run({esxcli, "network", "firewall", "ruleset", "set", "-r", "xcopyAgent", "--allowed-all", "false"});
    EXPECT_EQ(
        run({esxcli, "network", "firewall", "ruleset", "allowedip", "add", "-r", "xcopyAgent", "-i", "10.0.0.0/8"})
            .exit,
        0);
    EXPECT_EQ(software().at("rulesets").at("xcopyAgent").at("allowed"), json({"10.0.0.0/8"}));
}

TEST_F(ManagedTest, OnlyStickyFilesEditedInPlaceAndSavedSurviveAReboot)
{
    allow();
    install(1);
    const auto file = root() / "etc/config/xcopy-agent/ca.crt";
    struct stat seen {};
    ASSERT_EQ(::stat(file.c_str(), &seen), 0);
    EXPECT_EQ(seen.st_mode & 07777U, 01644U);
    std::ofstream(file) << "edited";
    lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    EXPECT_EQ(contents(file), "") << "nobody saved it";
    std::ofstream(file) << "edited";
    run({"/sbin/auto-backup.sh"});
    std::ofstream(root() / "etc/config/xcopy-agent/extra") << "not of the VIB";
    lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    EXPECT_EQ(contents(file), "edited");
    EXPECT_FALSE(std::filesystem::exists(root() / "etc/config/xcopy-agent/extra"));
    EXPECT_EQ(software().at("groups"), json({"host/vim/vimuser/xcopyagent"})) << "its script made it again";
    std::filesystem::remove(file);
    std::ofstream(file) << "replaced"; // another file, without the sticky bit
    run({"/sbin/auto-backup.sh"});
    lab.call({{"do", "host.reboot"}, {"host", "esx1"}});
    EXPECT_EQ(contents(file), "edited");
    EXPECT_EQ(ssh("true").exit, 0);
}

TEST_F(ManagedTest, AnUpdateKeepsWhatWasEditedAndARemovalLeavesNothing)
{
    allow();
    install(1);
    std::ofstream(root() / "etc/config/xcopy-agent/ca.crt") << "edited";
    const auto updated = install(2);
    EXPECT_THAT(updated.output, HasSubstr("VIBs Removed: xcopy_bootbank_xcopy-agent_"));
    EXPECT_EQ(contents(root() / "etc/config/xcopy-agent/ca.crt"), "edited");
    EXPECT_EQ(run({esxcli, "software", "vib", "remove", "-n", "xcopy-agent"}).exit, 0);
    run({esxcli, "network", "firewall", "refresh"});
    EXPECT_TRUE(software().at("vibs").empty());
    EXPECT_TRUE(software().at("rulesets").empty());
    EXPECT_FALSE(std::filesystem::exists(root() / "opt/xcopy-agent"));
    EXPECT_FALSE(std::filesystem::exists(root() / "etc/config/xcopy-agent"));
    EXPECT_THAT(run({esxcli, "software", "vib", "remove", "-n", "xcopy-agent"}).output, HasSubstr("[NoMatchError]"));
}

TEST_F(Managed67, OlderReleasesPrintTheRebootEarlierAndForceTheLevel)
{
    const auto forced = run({esxcli, "software", "vib", "install", "-f", "-v", vib(1)});
    EXPECT_THAT(forced.output, HasSubstr("successfully.\n   Reboot Required: false\n   VIBs Installed"));
    EXPECT_NE(run({esxcli, "system", "settings", "advanced", "list", "-o", "/User/execInstalledOnly"}).exit, 0);
    EXPECT_THAT(run({esxcli, "system", "settings", "kernel", "list", "-o", "execInstalledOnly"}).output,
                HasSubstr("FALSE"));
}

} // namespace
} // namespace lab
