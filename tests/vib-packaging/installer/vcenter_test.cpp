// Hosts that nobody lists: a real vCenter simulator names them, and the installer works on them.
#include "tests/vib-packaging/installer/site.hpp"
#include "tests/vsphere/vcsim.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace installer_test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int both = 2; // hosts have no agent: the exit status of `status` counts those that are not as wanted

// One host of the lab, and one that vCenter knows and nobody can reach.
struct InstallerWithVcenter : testing::Test {
    InstallerWithVcenter()
        : vcenter({{"datacenter", "DC 0"},
                   {"folder", "Europe"},
                   {"vms", json::array()},
                   {"datastores", json::array()},
                   {"hosts",
                    {{{"name", "esx1"}, {"uuid", site.lab.host_uuid("esx1")}, {"addresses", {address("esx1")}}},
                     {{"name", "lost"},
                      {"uuid", "00000000-0000-4000-8000-000000000009"},
                      {"addresses", {"127.255.255.9"}}}}}})
    {}

    std::string address(const std::string& host) const { return site.lab.ready().at("hosts").at(host).at("address"); }
    int ssh_port() const { return site.lab.ready().at("hosts").at("esx1").at("ssh").at("port"); }

    e2e::Ran run(const std::string& command, const std::vector<std::string>& more,
                 const std::map<std::string, std::string>& environment = {})
    {
        std::vector<std::string> argv{XCOPY_INSTALLER_PROGRAM,
                                      command,
                                      "--vib-path",
                                      site.vib(),
                                      "--ssh-key-file",
                                      site.work() / "key",
                                      "--known-hosts",
                                      site.work() / "known_hosts",
                                      "--ca-dir",
                                      site.work() / "ca",
                                      "--output",
                                      "json",
                                      "--ssh-port",
                                      std::to_string(ssh_port())};
        argv.insert(argv.end(), more.begin(), more.end());
        std::map<std::string, std::string> all{{"HOME", site.work()},
                                               {"PATH", "/usr/bin:/bin"},
                                               {"GOVMOMI_HOSTNAME", vcenter.host_and_port()},
                                               {"GOVMOMI_USERNAME", vcenter.user()},
                                               {"GOVMOMI_PASSWORD", vcenter.password()}};
        for (const auto& [name, value] : environment)
            all[name] = value;
        return e2e::run(argv, all, site.work());
    }

    Site site{1};
    xcopy::test::Vcsim vcenter;
};

TEST_F(InstallerWithVcenter, InstallsOnItsHostsAndCountsTheOneItCannotReach)
{
    const auto ran = run("install", {"--vsphere-ca-file", vcenter.ca_file(), "--datacenter", "Europe/DC 0",
                                     "--lower-acceptance-level", "--allow", "127.0.0.0/8"});
    EXPECT_EQ(ran.exit, 1) << ran.err;
    const Installed report{ran.exit, json::parse(ran.out), ran.err};
    EXPECT_EQ(report.outcome("esx1"), "changed");
    EXPECT_EQ(report.outcome("lost"), "failed");
    EXPECT_EQ(site.ask("esx1", "GET", "/v1/health").at("host_uuid"), site.lab.host_uuid("esx1"));
    EXPECT_EQ(vcenter.sessions(), 0) << "signed out";
    for (const auto& secret : {vcenter.password(), std::string("wörd")})
        EXPECT_THAT(ran.err + ran.out, Not(HasSubstr(secret)));
}

TEST_F(InstallerWithVcenter, TrustsNobodyUntoldAndSaysAloudWhereItTrustsAnybody)
{
    const auto untold = run("status", {});
    EXPECT_EQ(untold.exit, 101);
    EXPECT_THAT(untold.err, HasSubstr("ask vCenter for its hosts"));
    EXPECT_THAT(untold.err, HasSubstr("Nothing was done"));
    const auto anybody = run("status", {}, {{"GOVMOMI_INSECURE", "true"}});
    EXPECT_EQ(anybody.exit, both) << anybody.err;
    EXPECT_THAT(anybody.err, HasSubstr("INSECURE"));
    EXPECT_THAT(anybody.err, HasSubstr("GOVMOMI_INSECURE"));
}

TEST_F(InstallerWithVcenter, RemovesNothingFromAllHostsByOmission)
{
    const auto ran = run("remove", {"--vsphere-ca-file", vcenter.ca_file()});
    EXPECT_EQ(ran.exit, 101);
    EXPECT_THAT(ran.err, HasSubstr("--datacenter"));
    EXPECT_THAT(vcenter.requests(), ElementsAre());
}

TEST_F(InstallerWithVcenter, ThePasswordMayBeInAVariableAFileOrAFlagWhichIsWarnedOf)
{
    const std::vector<std::string> trust{"--vsphere-ca-file", vcenter.ca_file()};
    const auto file = site.work() / "vcenter.env";
    std::ofstream(file) << "GOVMOMI_PASSWORD=" << vcenter.password() << "\n";
    auto by_file = trust;
    by_file.insert(by_file.end(), {"--vsphere-secret-file", file});
    EXPECT_EQ(run("status", by_file, {{"GOVMOMI_PASSWORD", ""}}).exit, both) << "asked, and without an agent";

    auto by_flag = trust;
    by_flag.insert(by_flag.end(), {"--vsphere-password", vcenter.password()});
    const auto ran = run("status", by_flag, {{"GOVMOMI_PASSWORD", "stale"}});
    EXPECT_EQ(ran.exit, both) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("--vsphere-password could be read by everybody"));
    EXPECT_THAT(ran.err, Not(HasSubstr(vcenter.password())));

    const auto wrong = run("status", trust, {{"GOVMOMI_PASSWORD", "stale"}});
    EXPECT_EQ(wrong.exit, 101);
    EXPECT_THAT(wrong.err, HasSubstr("ask vCenter for its hosts"));
}

TEST_F(InstallerWithVcenter, OneVeryCertificateMayBeTrustedAndTheDatacenterMustExist)
{
    const auto printed =
        e2e::run({"/usr/bin/openssl", "x509", "-in", vcenter.certificate_file(), "-noout", "-fingerprint", "-sha256"},
                 {}, site.work());
    const auto thumbprint = printed.out.substr(printed.out.find('=') + 1, 95); // as the documentation says to get it
    EXPECT_EQ(run("status", {"--vsphere-thumbprint", thumbprint}).exit, both) << "asked, and without an agent";
    const auto other = run("status", {"--vsphere-thumbprint", std::string(64, 'a')});
    EXPECT_EQ(other.exit, 101);
    EXPECT_THAT(other.err, HasSubstr("thumbprint"));
    const auto ran = run("status", {"--vsphere-ca-file", vcenter.ca_file(), "--datacenter", "DC 9"});
    EXPECT_EQ(ran.exit, 101);
    EXPECT_THAT(ran.err, HasSubstr("DC 9"));
}

} // namespace
} // namespace installer_test
