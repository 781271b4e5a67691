#include <gtest/gtest.h>

#include "vib-packaging/installer/options.hpp"

namespace xcopy::installer {

TEST(Hosts, CommaListsAsForkliftsUsersWriteThem)
{
    std::vector<Error> problems;
    const auto hosts = read_hosts({.esxi_hosts = {"esx1, 10.0.0.2:2222", "lab=admin@[fd00::1]:22"}}, problems);
    ASSERT_TRUE(problems.empty());
    ASSERT_EQ(hosts.size(), 3U);
    EXPECT_EQ(hosts[0].user, "root");
    EXPECT_EQ(hosts[1].port, 2222);
    EXPECT_EQ(hosts[2].name, "lab");
    EXPECT_EQ(hosts[2].user, "admin");
}

TEST(Hosts, OneHostTwiceAndNoHostsAreProblems)
{
    std::vector<Error> twice;
    read_hosts({.esxi_hosts = {"esx1,x=esx1"}}, twice);
    ASSERT_EQ(twice.size(), 1U);
    EXPECT_NE(twice.front().message.find("twice"), std::string::npos);
    std::vector<Error> none;
    read_hosts({}, none);
    EXPECT_EQ(none.size(), 1U);
}

const Variables vcenter{{"GOVMOMI_HOSTNAME", "vc"}, {"GOVMOMI_USERNAME", "u"}, {"GOVMOMI_PASSWORD", "p"}};

TEST(Hosts, AreAskedOfTheVcenterWhereNoneIsNamed)
{
    const auto asked = prepare({}, vcenter, Command::status);
    ASSERT_TRUE(asked.vcenter);
    EXPECT_EQ(asked.vcenter->hostname, "vc");
    EXPECT_TRUE(asked.hosts.empty());
    EXPECT_FALSE(prepare({.esxi_hosts = {"esx1"}}, vcenter, Command::status).vcenter) << "those named are meant";

    auto insecure = vcenter;
    insecure["GOVMOMI_INSECURE"] = "true";
    std::vector<Error> problems;
    EXPECT_TRUE(vsphere_tls(*read_vcenter({}, insecure, problems)).skip_verification);
    EXPECT_TRUE(problems.empty());
    read_vcenter({.vsphere = {.hostname = "vc", .username = "u"}, .vsphere_thumbprint = "ab"}, {}, problems);
    ASSERT_EQ(problems.size(), 2U) << "a thumbprint that is none, no password";
    EXPECT_FALSE(read_vcenter({}, {}, problems));
}

TEST(Hosts, OfAVcenterHaveTheirManagementAddressOrTheirName)
{
    const auto found =
        ssh_addresses({{.ref = {}, .name = "esx1", .connection = "connected", .addresses = {"10.0.0.1", "10.1.0.1"}},
                       {.ref = {}, .name = "esx2.example.com", .connection = "disconnected"}},
                      {.user = "admin", .port = 2222});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].address, "10.0.0.1");
    EXPECT_EQ(found[0].name, "esx1");
    EXPECT_EQ(found[0].user, "admin");
    EXPECT_EQ(found[0].port, 2222);
    EXPECT_EQ(found[1].address, "esx2.example.com");
}

TEST(Networks, OnlyAddressesAndPrefixes)
{
    for (const auto* good : {"10.0.0.0/8", "10.1.2.3", "fd00::/8", "0.0.0.0/0"})
        EXPECT_TRUE(is_network(good)) << good;
    for (const auto* bad : {"", "all", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "10.0.0.0/8;reboot"})
        EXPECT_FALSE(is_network(bad)) << bad;
}

TEST(Options, EveryProblemIsNamedAtOnce)
{
    const auto ready =
        prepare({.vib_path = "/nonexistent.vib", .allow = {"everybody"}, .sign_command = "sign"}, {}, Command::install);
    std::string all;
    for (const auto& problem : ready.problems) {
        all += problem.message + "\n";
        EXPECT_FALSE(problem.remedy.empty());
    }
    for (const auto* part : {"no hosts", "nonexistent.vib", "everybody", "sign in with", "--sign-command"})
        EXPECT_NE(all.find(part), std::string::npos) << part << " in " << all;
}

} // namespace xcopy::installer
