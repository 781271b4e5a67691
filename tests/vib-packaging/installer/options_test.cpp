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
