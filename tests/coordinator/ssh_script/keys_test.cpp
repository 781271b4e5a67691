// Every release's sshd and every type of key: it works, or what was refused is said.
#include "tests/coordinator/ssh_script/ssh_served.hpp"

#include <gmock/gmock.h>

namespace xcopy::ssh_script {
namespace {

using testing::HasSubstr;

struct Case {
    const char* release;
    const char* key;
    bool taken;
};

class UserKeys : public testing::TestWithParam<Case> {};

TEST_P(UserKeys, OpenTheScriptOrTheRefusalSaysWhich)
{
    const auto& [release, key, taken] = GetParam();
    SshServed served(release, key);
    const auto health = served.ssh.health(served.call, HealthAge::cached);
    ASSERT_EQ(health.has_value(), taken) << (health ? "" : health.error().message);
    if (taken) {
        EXPECT_EQ(health->host_uuid, served.host.lab.host_uuid("esx1"));
        return;
    }
    EXPECT_EQ(health.error().code, Errc::denied);
    EXPECT_EQ(health.error().reason, "login_refused");
    EXPECT_THAT(health.error().message, HasSubstr("the Ed25519 key was refused"));
    EXPECT_THAT(health.error().message, HasSubstr("RSA or ECDSA"));
}

// No release takes Ed25519 in FIPS mode, which is the default (facts/esxi.md 8).
INSTANTIATE_TEST_SUITE_P(
    Esxi, UserKeys,
    testing::Values(Case{"6.7.0", "rsa", true}, Case{"6.7.0", "ecdsa", true}, Case{"6.7.0", "ed25519", false},
                    Case{"7.0.3", "rsa", true}, Case{"7.0.3", "ecdsa", true}, Case{"7.0.3", "ed25519", false},
                    Case{"8.0.2", "rsa", true}, Case{"8.0.2", "ecdsa", true}, Case{"8.0.2", "ed25519", false}),
    [](const auto& one) { return std::string("esxi") + one.param.release[0] + "_" + one.param.key; });

class Ed25519WhereItIsTaken : public testing::TestWithParam<const char*> {};

TEST_P(Ed25519WhereItIsTaken, OpensTheScript)
{
    SshServed served(GetParam(), "ed25519");
    served.sshd_setting("PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-512");
    served.sshd("restart");
    const auto health = served.ssh.health(served.call, HealthAge::cached);
    EXPECT_TRUE(health) << health.error().message;
}

INSTANTIATE_TEST_SUITE_P(Esxi, Ed25519WhereItIsTaken, testing::Values("6.7.0", "7.0.3", "8.0.2"));

struct Mismatch {
    const char* what;
    const char* setting; // of the host: nothing that we have
    const char* offered;
    const char* ours;
};

class NoCommonAlgorithm : public testing::TestWithParam<Mismatch> {};

TEST_P(NoCommonAlgorithm, IsSaidWithBothLists)
{
    SshServed served;
    served.sshd_setting(GetParam().setting);
    served.sshd("restart");
    const auto refused = served.ssh.health(served.call, HealthAge::cached);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "no_common_algorithm") << refused.error().message;
    EXPECT_THAT(refused.error().message, HasSubstr("esx1"));
    EXPECT_THAT(refused.error().message, HasSubstr(GetParam().offered));
    EXPECT_THAT(refused.error().message, HasSubstr(GetParam().ours));
}

INSTANTIATE_TEST_SUITE_P(Esxi, NoCommonAlgorithm,
                         testing::Values(Mismatch{"kex", "KexAlgorithms sntrup761x25519-sha512@openssh.com",
                                                  "sntrup761x25519-sha512@openssh.com", "ecdh-sha2-nistp256"},
                                         Mismatch{"ciphers", "Ciphers 3des-cbc", "3des-cbc", "aes256-ctr"},
                                         Mismatch{"macs", "Ciphers aes256-ctr\nMACs umac-64@openssh.com",
                                                  "umac-64@openssh.com", "hmac-sha2-256"},
                                         Mismatch{"host_key", "HostKeyAlgorithms ssh-rsa", "ssh-rsa", "rsa-sha2-256"}),
                         [](const auto& one) { return one.param.what; });

} // namespace
} // namespace xcopy::ssh_script
