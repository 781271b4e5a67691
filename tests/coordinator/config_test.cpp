#include "coordinator/config.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace xcopy {

namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Needs everything{.agents = true, .storage = true, .copy = true, .state = true};

class ConfigFrom : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = (fs::temp_directory_path() / "xcopy-config-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        flags_ = {{"agent", {"esx1=10.0.0.11"}},
                  {"agent-ca-file", {file("ca.pem", "x")}},
                  {"agent-cert-file", {file("me.pem", "x")}},
                  {"agent-key-file", {file("me.key", "x")}},
                  {"storage-vendor-product", {"ontap"}},
                  {"source-vmdk", {"[ds] vm/disk.vmdk"}},
                  {"volume-handle", {"pvc-1"}}};
        environment_ = {{"STORAGE_HOSTNAME", "https://array.example.com/"}, {"STORAGE_PASSWORD", "hunter2"}};
    }
    void TearDown() override { fs::remove_all(root_); }

    std::string file(const std::string& name, const std::string& text) const
    {
        std::ofstream(root_ / name) << text;
        return (root_ / name).string();
    }

    ReadConfig read() const { return read_config(flags_, environment_, everything); }

    fs::path root_;
    Values flags_;
    Environment environment_;
};

TEST_F(ConfigFrom, FlagsAndEnvironmentIsComplete)
{
    const auto [config, problems] = read();
    EXPECT_THAT(problems, IsEmpty());
    EXPECT_EQ(config.storage.password.reveal(), "hunter2");
    EXPECT_EQ(config.order.array, "array.example.com");
    EXPECT_EQ(config.order.job, "pvc-1");
    ASSERT_EQ(config.agents.size(), 1U);
    EXPECT_EQ(config.agents[0].port, 18443);
}

TEST_F(ConfigFrom, FlagGoesBeforeEnvironmentBeforeFile)
{
    flags_["config"] = {file("c.json", R"({"migration-host": "from-file", "pvc-size": 1024, "xcopy": "require"})")};
    EXPECT_EQ(read().config.order.migration_host, "from-file");
    EXPECT_EQ(read().config.order.expected_size, 1024U);
    environment_["XCOPY_MIGRATION_HOST"] = "from-environment";
    EXPECT_EQ(read().config.order.migration_host, "from-environment");
    flags_["migration-host"] = {"from-flag"};
    const auto [config, problems] = read();
    EXPECT_EQ(config.order.migration_host, "from-flag");
    EXPECT_EQ(config.order.xcopy, XcopyPolicy::require);
    EXPECT_THAT(problems, IsEmpty());
}

TEST_F(ConfigFrom, SecretFilesOfBothKinds)
{
    environment_.clear();
    for (const char* text : {"# the array\nSTORAGE_HOSTNAME=a\nSTORAGE_PASSWORD=p=q\nONTAP_SVM=svm1\n",
                             R"({"STORAGE_HOSTNAME": "a", "STORAGE_PASSWORD": "p=q", "ONTAP_SVM": "svm1"})"}) {
        flags_["storage-secret-file"] = {file("secret", text)};
        const auto [config, problems] = read();
        EXPECT_THAT(problems, IsEmpty());
        EXPECT_EQ(config.storage.hostname, "a");
        EXPECT_EQ(config.storage.password.reveal(), "p=q");
        EXPECT_EQ(config.storage.extra_or_empty("ONTAP_SVM"), "svm1");
    }
}

TEST_F(ConfigFrom, NothingNamesEveryProblemAtOnce)
{
    const auto problems = read_config({}, {}, everything).problems;
    for (const char* word :
         {"--agent ", "--agent-ca-file", "--agent-cert-file", "--agent-key-file", "--storage-vendor-product",
          "--storage-hostname", "--volume-handle", "--source-vmdk", "--owner-uid"})
        EXPECT_THAT(problems, Contains(HasSubstr(word)));
}

TEST_F(ConfigFrom, BadValuesSaysWhichAndKeepsSecrets)
{
    flags_["agent"] = {"esx1=10.0.0.11", "esx1=10.0.0.12"};
    flags_["storage-vendor-product"] = {"netapp"};
    flags_["pvc-size"] = {"10G"};
    flags_["lun"] = {"-1"};
    flags_["source-vmdk"] = {"disk.vmdk"};
    flags_["owner-uid"] = {"../x"};
    flags_["config"] = {file("c.json", R"({"pvcsize": 1})")};
    flags_["storage-secret-file"] = {file("secret", "hunter2 without a key\n")};
    const auto problems = read().problems;
    for (const char* word :
         {"'esx1'", "netapp", "10G", "--lun", "--source-vmdk", "--owner-uid", "pvcsize", "secret line 1"})
        EXPECT_THAT(problems, Contains(HasSubstr(word)));
    EXPECT_THAT(problems, Not(Contains(HasSubstr("hunter2"))));
}

TEST_F(ConfigFrom, AnAgentsFileMayNameTheHostsUuid)
{
    flags_.erase("agent");
    flags_["agents"] = {file("agents.json", R"([{"name": "esx1", "address": "2001:db8::5", "port": 99, "uuid": "u"},
                                                {"address": "10.0.0.2"}])")};
    const auto [config, problems] = read();
    EXPECT_THAT(problems, IsEmpty());
    ASSERT_EQ(config.agents.size(), 2U);
    EXPECT_EQ(config.agents[0].uuid, "u");
    EXPECT_EQ(config.agents[0].port, 99);
    EXPECT_EQ(config.agents[0].address, "2001:db8::5");
    EXPECT_EQ(config.agents[1].name, "10.0.0.2");
}

struct SshConfig : ConfigFrom {
    // -----BEGIN RSA PRIVATE KEY-----, x, -----END RSA PRIVATE KEY-----
    const std::string key = "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQp4Ci0tLS0tRU5EIFJTQSBQUklWQVRFIEtFWS0tLS0tCg==";

    void without_agents()
    {
        for (const char* flag : {"agent", "agent-ca-file", "agent-cert-file", "agent-key-file"})
            flags_.erase(flag);
    }
};

TEST_F(SshConfig, AHostIsANameAnAddressAndWhatDiffersFromTheDefaults)
{
    without_agents();
    environment_["SSH_PRIVATE_KEY"] = key;
    flags_["ssh-user"] = {"vpxuser"};
    flags_["ssh-port"] = {"2222"};
    flags_["ssh-host"] = {"esx1=10.0.0.11", "esx2=root@[2001:db8::5]:22", "esx3.example.com", "esx4=2001:db8::6"};
    const auto [config, problems] = read();
    EXPECT_THAT(problems, IsEmpty());
    ASSERT_EQ(config.ssh.hosts.size(), 4U);
    const auto told = [&](std::size_t i) {
        const auto& host = config.ssh.hosts[i];
        return fmt::format("{} {} {} {}", host.name, host.user, host.address, host.port);
    };
    EXPECT_EQ(told(0), "esx1 vpxuser 10.0.0.11 2222");
    EXPECT_EQ(told(1), "esx2 root 2001:db8::5 22");
    EXPECT_EQ(told(2), "esx3.example.com vpxuser esx3.example.com 2222");
    EXPECT_EQ(told(3), "esx4 vpxuser 2001:db8::6 2222");
    EXPECT_FALSE(uses_agents(config)) << "there is no certificate for them";
}

TEST_F(SshConfig, WhatIsWrongIsSaidAndTheKeyIsNot)
{
    flags_["ssh-host"] = {"esx1=10.0.0.11"};
    EXPECT_THAT(read().problems, Contains(HasSubstr("no SSH key is given")));
    environment_["SSH_PRIVATE_KEY"] = "hunter2";
    auto problems = read().problems;
    EXPECT_THAT(problems, Contains(HasSubstr("SSH_PRIVATE_KEY")));
    EXPECT_THAT(problems, Not(Contains(HasSubstr("hunter2"))));
    environment_["SSH_PRIVATE_KEY"] = key;
    EXPECT_THAT(read().problems, IsEmpty());
    flags_["host-transport"] = {"fax"};
    EXPECT_THAT(read().problems, Contains(HasSubstr("none of auto, agent and ssh")));
    flags_["host-transport"] = {"ssh"};
    flags_["ssh-host"] = {"esx1=10.0.0.11", "esx1=10.0.0.12"};
    EXPECT_THAT(read().problems, Contains(HasSubstr("two SSH hosts are called 'esx1'")));
    flags_["ssh-host"] = {"=10.0.0.11"};
    EXPECT_THAT(read().problems, Contains(HasSubstr("the name is empty")));
    flags_.erase("ssh-host");
    environment_["XCOPY_SSH_KNOWN_HOSTS"] = "@revoked esx1 ssh-rsa AAAA";
    EXPECT_THAT(read().problems, Contains(HasSubstr("@revoked")));
}

TEST_F(SshConfig, AgentsNeedTheirCertificatesUnlessSshAloneIsAskedFor)
{
    environment_["SSH_PRIVATE_KEY"] = key;
    flags_.erase("agent-ca-file");
    EXPECT_THAT(read().problems, Contains(HasSubstr("--agent-ca-file")));
    flags_.erase("agent-cert-file");
    flags_.erase("agent-key-file");
    EXPECT_THAT(read().problems, Contains(HasSubstr("--agent-ca-file"))) << "agents are named";
    flags_["host-transport"] = {"ssh"};
    EXPECT_THAT(read().problems, IsEmpty());
}

TEST_F(SshConfig, SecretsLeaveTheEnvironmentOnceTheyAreRead)
{
    ::setenv("SSH_PRIVATE_KEY", "geheim", 1);
    Environment read{{"SSH_PRIVATE_KEY", "geheim"}, {"HOME", "/"}};
    forget_secrets(read);
    EXPECT_EQ(::getenv("SSH_PRIVATE_KEY"), nullptr);
    EXPECT_EQ(read, (Environment{{"HOME", "/"}}));
}

struct VsphereConfig : testing::Test {
    Environment environment{{"GOVMOMI_HOSTNAME", "vc.example.com"},
                            {"GOVMOMI_USERNAME", "u"},
                            {"GOVMOMI_PASSWORD", "geheim"},
                            {"GOVMOMI_INSECURE", "false"},
                            {"cacert", "-----BEGIN…"}};
    ReadConfig read(const Values& flags = {}) { return read_config(flags, environment, {.agents = true}); }
};

TEST_F(VsphereConfig, ComesFromForkliftsVariables)
{
    const auto [config, problems] = read();
    EXPECT_EQ(config.vsphere.hostname, "vc.example.com");
    EXPECT_EQ(config.vsphere.password.reveal(), "geheim");
    EXPECT_EQ(vsphere_tls(config.vsphere).ca_pem, "-----BEGIN…");
    EXPECT_FALSE(vsphere_tls(config.vsphere).skip_verification);
    for (const auto& problem : problems)
        EXPECT_THAT(problem, Not(HasSubstr("no agent is given"))) << "vCenter knows the hosts";
    EXPECT_EQ(vsphere_endpoint(config.vsphere)->url, "https://vc.example.com");
    environment["GOVMOMI_HOSTNAME"] = "https://vc.example.com:8443/sdk";
    EXPECT_EQ(vsphere_endpoint(read().config.vsphere)->url, "https://vc.example.com:8443");
}

TEST_F(VsphereConfig, TrustsTheStrictestThingItIsGiven)
{
    environment["GOVMOMI_INSECURE"] = "true";
    EXPECT_TRUE(vsphere_tls(read().config.vsphere).skip_verification);
    const std::string digits(64, 'A');
    const auto pinned = vsphere_tls(read({{"vsphere-thumbprint", {digits}}}).config.vsphere);
    EXPECT_EQ(pinned.thumbprint, std::string(64, 'a'));
    EXPECT_FALSE(pinned.skip_verification);
}

TEST_F(VsphereConfig, SaysEverythingThatIsMissing)
{
    environment.erase("GOVMOMI_USERNAME");
    environment.erase("GOVMOMI_PASSWORD");
    environment["GOVMOMI_HOSTNAME"] = "a b";
    environment["GOVMOMI_USERNAME"] = "";
    const auto problems = read({{"vsphere-ca-file", {"/nonexistent"}}}).problems;
    for (const char* part : {"account", "password", "/nonexistent", "'a b' is no host name"})
        EXPECT_THAT(problems, testing::Contains(HasSubstr(part)));
}

TEST_F(VsphereConfig, TellsOfALineEndInThePassword)
{
    environment["GOVMOMI_PASSWORD"] = "geheim\n";
    const auto problems = read().problems;
    EXPECT_THAT(problems, testing::Contains(HasSubstr("control character")));
    for (const auto& problem : problems)
        EXPECT_THAT(problem, Not(HasSubstr("geheim")));
}

TEST(Thumbprints, AreSha256InAnyUsualSpelling)
{
    std::string pairs;
    for (int i = 0; i < 32; ++i)
        pairs += i ? ":0F" : "0F";
    EXPECT_EQ(parse_thumbprint(pairs)->substr(0, 4), "0f0f");
    EXPECT_THAT(parse_thumbprint(pairs.substr(0, 59)).error().message, HasSubstr("SHA-1"));
    EXPECT_FALSE(parse_thumbprint(""));
    EXPECT_FALSE(parse_thumbprint(std::string(64, 'g')));
}

TEST(Settings, HaveNoFlagForASecret)
{
    for (const auto& setting : settings()) {
        EXPECT_THAT(setting.name, Not(HasSubstr("password")));
        EXPECT_THAT(setting.name, Not(HasSubstr("token")));
    }
}

} // namespace

} // namespace xcopy
