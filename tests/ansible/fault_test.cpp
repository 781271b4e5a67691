// What goes wrong on one host stays on that host, is said with its remedy, and is made good by running the playbook again.
#include "tests/ansible/fleet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ansible {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

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

Played install_and_restart(const Fleet& fleet, const std::string& host, const std::string& at)
{
    fleet.lab.add_rule({{"where", "host:" + host}, {"what", at}, {"when", "before"}, {"hold", "middle"}});
    const auto playing = fleet.prepare("install");
    playing->go();
    fleet.lab.wait_held("middle");
    fleet.lab.call({{"do", "rule.clear"}});
    fleet.lab.call({{"do", "host.reboot"}, {"host", host}});
    fleet.lab.release("middle");
    return fleet.end_of(*playing);
}

TEST(AnsibleFaults, SevenOfTenHostsHaveOneEachTheOthersSucceedAndTheNextRunMakesAllGood)
{
    Fleet fleet(10);
    // A stranger's key where the known one of esx8 should be.
    const auto address = fleet.lab.ready().at("hosts").at("esx8").at("address").get<std::string>();
    std::ifstream own_key(fleet.lab.ready().at("hosts").at("esx1").at("ssh").at("key").get<std::string>() + ".pub");
    std::string kind, key;
    own_key >> kind >> key;
    std::ofstream(fleet.work() / "known_hosts") << "[" << address << "]:2222 " << kind << " " << key << "\n";

    fleet.fault("esx3", {{"acceptance_fixed", true}});
    fleet.fault("esx4", {{"no_space", true}});
    fleet.fault("esx5", {{"secure_boot", true}});
    fleet.fault("esx6", {{"exec_refused", true}});
    fleet.lab.call({{"do", "host.sshd"}, {"host", "esx7"}, {"what", "stop"}});

    const auto played = install_and_restart(fleet, "esx9", "esxcli software vib install");
    EXPECT_NE(played.exit, 0);
    const std::map<std::string, std::vector<std::string>> words{
        {"esx3", {"AcceptanceConfigError", "fixed by its administrator", "Remedy: "}},
        {"esx4", {"/tmp has 0 KiB left"}},
        {"esx5", {"Secure Boot", "--host-transport ssh"}},
        {"esx6", {"refuses to run /opt/xcopy-agent/bin/xcopy-agent", "execInstalledOnly"}},
        {"esx7", {"Connection refused"}},
        {"esx8", {"HOST IDENTIFICATION HAS CHANGED"}},
        {"esx9", {}}};
    for (const char* sound : {"esx1", "esx2", "esx10"})
        EXPECT_TRUE(played.hosts.at(sound).fine()) << sound << "\n" << played.output;
    for (const auto& [host, said] : words) {
        EXPECT_FALSE(played.hosts.at(host).fine()) << host;
        for (const auto& word : said)
            EXPECT_THAT(played.said_of(host), HasSubstr(word)) << host << "\n" << played.output;
    }
    for (const char* untouched : {"esx3", "esx4", "esx5", "esx7", "esx8"}) {
        EXPECT_TRUE(fleet.software(untouched).at("vibs").empty()) << untouched;
        EXPECT_EQ(fleet.software(untouched).at("acceptance"), "PartnerSupported") << untouched;
    }

    fleet.fault("esx3", {{"acceptance_fixed", false}});
    fleet.fault("esx4", {{"no_space", false}});
    fleet.fault("esx5", {{"secure_boot", false}});
    fleet.fault("esx6", {{"exec_refused", false}});
    fleet.lab.call({{"do", "host.reboot"}, {"host", "esx6"}}); // the lab gives the program its mode back
    fleet.lab.call({{"do", "host.sshd"}, {"host", "esx7"}, {"what", "start"}});
    std::filesystem::remove(fleet.work() / "known_hosts");
    const auto again = fleet.play("install");
    EXPECT_EQ(again.exit, 0) << again.output;
    for (const char* sound : {"esx1", "esx2", "esx10"})
        EXPECT_EQ(again.hosts.at(sound).changed, 0) << sound;
    for (const auto& name : fleet.names())
        EXPECT_EQ(fleet.ask(name, "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid(name)) << name;
}

TEST(AnsibleFaults, AWrongClockAndATakenPortAreToldBeforeAnythingIsChanged)
{
    Fleet fleet(3);
    fleet.fault("esx2", {{"clock_skew_s", 4000}});
    const PortHolder holder(fleet.lab.ready().at("hosts").at("esx3").at("address"));
    const auto played = fleet.play("install");
    EXPECT_TRUE(played.hosts.at("esx1").fine()) << played.output;
    EXPECT_THAT(played.said_of("esx2"), AllOf(HasSubstr("clock is "), HasSubstr("NTP"))) << played.output;
    EXPECT_THAT(played.said_of("esx3"), HasSubstr("Port 18443 is used")) << played.output;
    for (const char* untouched : {"esx2", "esx3"})
        EXPECT_EQ(fleet.software(untouched).at("acceptance"), "PartnerSupported") << untouched;
}

// Wherever a host restarts, the others finish, and the next run finishes this one.
class RebootAt : public testing::TestWithParam<const char*> {};

TEST_P(RebootAt, OnlyThatHostFailsAndTheNextRunFinishesIt)
{
    const std::string at = GetParam();
    Fleet fleet(at.find("vib install") != std::string::npos ? 10 : 3);
    const auto played = install_and_restart(fleet, "esx2", at);
    for (const auto& name : fleet.names())
        EXPECT_EQ(played.hosts.at(name).fine(), name != "esx2") << name << "\n" << played.output;

    const auto again = fleet.play("install");
    EXPECT_EQ(again.exit, 0) << again.output;
    EXPECT_EQ(again.hosts.at("esx1").changed, 0);
    EXPECT_GT(again.hosts.at("esx2").changed, 0);
    EXPECT_EQ(fleet.ask("esx2", "GET", "/v1/health").at("host_uuid"), fleet.lab.host_uuid("esx2"));
    EXPECT_EQ(fleet.play("install").hosts.at("esx2").changed, 0);
}

std::string step_name(const testing::TestParamInfo<const char*>& step)
{
    const char* names[] = {"Installation", "Firewall", "Enrolment"};
    return names[step.index];
}

INSTANTIATE_TEST_SUITE_P(Steps, RebootAt,
                         testing::Values("esxcli software vib install", "esxcli network firewall ruleset allowedip add",
                                         "auto-backup.sh"),
                         step_name);

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
