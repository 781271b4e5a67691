#include "coordinator/ssh/ssh_session.hpp"
#include "tests/coordinator/ssh/sshd.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace xcopy {

namespace {

using namespace std::chrono_literals;
using test::Sshd;

SshAddress address_of(const Sshd& sshd)
{
    return {.name = "esx1", .address = "127.0.0.1", .port = sshd.port(), .user = sshd.user()};
}

SshLogin key_of(const Sshd& sshd)
{
    return {.private_key = Secret(sshd.private_key())};
}

Call soon()
{
    return Call{}.within(20s);
}

struct Release {
    const char* name;
    std::vector<std::string> (*lines)();
    const char* user_key;
};

class EveryRelease : public testing::TestWithParam<Release> {};

} // namespace

TEST_P(EveryRelease, ACommandRuns)
{
    Sshd sshd({.lines = GetParam().lines(), .user_key = GetParam().user_key});
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "echo out; echo err >&2; exit 3"});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->status, 3);
    EXPECT_EQ(output->out, "out\n");
    EXPECT_EQ(output->errors, "err\n");
    EXPECT_TRUE(session.host_key()->is_new);
    EXPECT_EQ(session.host_key()->fingerprint, sshd.fingerprint("ecdsa"));
}

INSTANTIATE_TEST_SUITE_P(SshSession, EveryRelease,
                         testing::Values(Release{"esxi67_rsa_pem", test::esxi67_sshd, "rsa-pem"},
                                         Release{"esxi67_ed25519", test::esxi67_sshd, "ed25519"},
                                         Release{"esxi8_rsa", test::esxi8_sshd, "rsa"},
                                         Release{"esxi8_rsa_pem", test::esxi8_sshd, "rsa-pem"},
                                         Release{"esxi8_ecdsa", test::esxi8_sshd, "ecdsa"},
                                         Release{"esxi8_ecdsa_pem", test::esxi8_sshd, "ecdsa-pem"}),
                         [](const auto& one) { return one.param.name; });

TEST(SshSession, WordsArriveAsTheyAre)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const std::vector<std::string> words{"printf", "%s|", "a b", "it's", "$(id)",     "`id`",
                                         "x;y",    "&",   "",    "ü",    "line\nend", "\\"};
    const auto output = session.run(soon(), words);
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->out, "a b|it's|$(id)|`id`|x;y|&||ü|line\nend|\\|");
}

TEST(SshSession, AForcedCommandSeesTheLine)
{
    Sshd sshd({.forced_command = "echo got:$SSH_ORIGINAL_COMMAND"});
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    EXPECT_EQ(session.exec(soon(), {.line = "DS=ds1;CMD=--version"})->out, "got:DS=ds1;CMD=--version\n");
}

TEST(SshSession, TwentyCallersShareOneConnection)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    std::vector<std::jthread> callers;
    std::atomic<int> good{0};
    for (int i = 0; i < 20; ++i)
        callers.emplace_back([&, i] {
            const auto output = session.exec(soon(), {.line = "cat; echo -n " + std::to_string(i),
                                                      .input = std::string(100'000, static_cast<char>('a' + i))});
            if (output && output->ok() &&
                output->out == std::string(100'000, static_cast<char>('a' + i)) + std::to_string(i))
                ++good;
        });
    callers.clear();
    EXPECT_EQ(good, 20);
    EXPECT_EQ(session.connections(), 1);
    EXPECT_EQ(sshd.sessions().size(), 1U);
}

TEST(SshSession, MuchOutputIsBoundedAndTheCommandStillEnds)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "head -c 20000000 /dev/zero; exit 4", .max_output = 1000});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->out.size(), 1000U);
    EXPECT_TRUE(output->truncated);
    EXPECT_EQ(output->status, 4);
}

TEST(SshSession, InputAndOutputOfMegabytesDoNotBlockEachOther)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    std::string input(8'000'000, 'x');
    const auto output = session.exec(soon(), {.line = "cat", .input = input, .max_output = 10'000'000});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_TRUE(output->out == input);
}

TEST(SshSession, ACommandThatDoesNotReadItsInputStillEnds)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "exit 5", .input = std::string(4'000'000, 'x')});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->status, 5);
}

TEST(SshSession, ASignalIsNoExitStatus)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "kill -9 $$"});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_FALSE(output->ok());
    EXPECT_EQ(output->signal, "KILL");
}

TEST(SshSession, AnUploadArrivesAndOnlyItsOwnerReadsIt)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    std::string bytes(3'000'001, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 31);
    const auto file = sshd.folder() / "it's a file";
    const auto done = session.upload(soon(), bytes, file);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(test::contents_of(file) == bytes);
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
    const auto refused = session.upload(soon(), bytes, sshd.folder() / "no" / "folder");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::failed);
}

TEST(SshSession, AFullFileSystemFailsTheUpload)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto refused = session.upload(soon(), std::string(100'000, 'x'), "/dev/full");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("No space left"), std::string::npos) << refused.error().message;
}

} // namespace xcopy
