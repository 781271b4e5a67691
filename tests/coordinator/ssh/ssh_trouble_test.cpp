// Everything that goes wrong on the way to a host, with a real sshd.
#include "coordinator/ssh/ssh_session.hpp"
#include "tests/coordinator/ssh/sshd.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace xcopy {

namespace {

using namespace std::chrono_literals;
using test::eventually;
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

// A caller in a thread of its own, and what it got.
struct Caller {
    std::stop_source stop{};
    std::optional<Result<SshOutput>> result{};
    std::jthread thread{};

    Caller(SshSession& session, std::string line, std::chrono::milliseconds limit = 60s)
        : thread([this, &session, line = std::move(line), limit] {
              result = session.exec(Call{.stop = stop.get_token()}.within(limit), {.line = line});
          })
    {}
    Error error()
    {
        if (thread.joinable())
            thread.join();
        return result->error();
    }
};

bool is_there(const std::filesystem::path& path)
{
    return std::filesystem::exists(path);
}

std::string mark_and_sleep(const Sshd& sshd)
{
    return "touch " + (sshd.folder() / "running").string() + "; exec sleep 100";
}

} // namespace

TEST(SshTrouble, AConnectionCutMidCommandIsIndeterminateAndTheNextCallConnectsAgain)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    Caller caller(session, mark_and_sleep(sshd));
    ASSERT_TRUE(eventually([&] { return is_there(sshd.folder() / "running"); }));
    sshd.cut_sessions();
    EXPECT_EQ(caller.error().code, Errc::indeterminate);
    EXPECT_EQ(caller.error().reason, "connection_lost");
    EXPECT_TRUE(session.exec(soon(), {.line = "true"})->ok());
    EXPECT_EQ(session.connections(), 2);
}

TEST(SshTrouble, AConnectionCutWhileIdleIsNotNoticedByTheNextCaller)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    ASSERT_TRUE(session.exec(soon(), {.line = "true"}));
    sshd.cut_sessions();
    for (int i = 0; i < 5; ++i) {
        const auto output = session.exec(soon(), {.line = "true"});
        ASSERT_TRUE(output) << output.error().message;
    }
    EXPECT_EQ(session.connections(), 2);
}

TEST(SshTrouble, SshdStoppedMidCommandThenStartedAgain)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    Caller caller(session, mark_and_sleep(sshd));
    ASSERT_TRUE(eventually([&] { return is_there(sshd.folder() / "running"); }));
    sshd.cut_sessions();
    sshd.stop();
    EXPECT_EQ(caller.error().code, Errc::indeterminate);
    const auto refused = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_EQ(refused.error().reason, "connect_refused");
    sshd.start();
    EXPECT_TRUE(session.exec(soon(), {.line = "true"})->ok());
}

TEST(SshTrouble, StopEndsAReadAtOnceAndTheCommandLosesItsReader)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto pid_file = sshd.folder() / "pid";
    Caller caller(session, "echo $$ > " + pid_file.string() + "; while echo x; do sleep 0.05; done");
    ASSERT_TRUE(eventually([&] { return !test::contents_of(pid_file).empty(); }));
    caller.stop.request_stop();
    EXPECT_EQ(caller.error().code, Errc::cancelled);
    const int pid = std::stoi(test::contents_of(pid_file));
    EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; }));
    EXPECT_TRUE(session.exec(soon(), {.line = "true"})->ok()); // the connection was not harmed
    EXPECT_EQ(session.connections(), 1);
}

TEST(SshTrouble, TheDeadlineEndsSlowOutput)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    Caller caller(session, "while :; do echo x; sleep 0.05; done", 500ms);
    EXPECT_EQ(caller.error().code, Errc::timed_out);
}

TEST(SshTrouble, StopEndsTheWaitForAHostThatSaysNothing)
{
    Sshd sshd;
    sshd.signal_sessions(SIGSTOP);
    // A listener that never speaks: connected, and then nothing.
    const auto port = test::free_port();
    e2e::Process silent({"/usr/bin/python3", "-c",
                         "import socket,sys,time\ns=socket.create_server(('127.0.0.1'," + std::to_string(port) +
                             "))\nopen(sys.argv[1],'w').close()\nc=s.accept()\ntime.sleep(100)",
                         sshd.folder() / "listening"},
                        {}, sshd.folder());
    silent.go();
    ASSERT_TRUE(eventually([&] { return is_there(sshd.folder() / "listening"); }));
    HostKeys keys;
    auto address = address_of(sshd);
    address.port = port;
    {
        SshSession session(address, key_of(sshd), keys);
        Caller caller(session, "true");
        caller.stop.request_stop();
        EXPECT_EQ(caller.error().code, Errc::cancelled);
    }
    SshSession limited(address, key_of(sshd), keys, {.connect = 300ms});
    const auto output = limited.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, Errc::unavailable);
    EXPECT_EQ(output.error().reason, "connect_timed_out");
}

TEST(SshTrouble, AHostThatFallsSilentMidCommandIsGivenUp)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys, {.keep_alive = 2s, .silent_keep_alives = 1});
    Caller caller(session, mark_and_sleep(sshd));
    ASSERT_TRUE(eventually([&] { return is_there(sshd.folder() / "running"); }));
    sshd.signal_sessions(SIGSTOP);
    EXPECT_EQ(caller.error().code, Errc::indeterminate);
    sshd.signal_sessions(SIGCONT);
}

TEST(SshTrouble, AQuietCommandIsNoSilentHost)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys, {.keep_alive = 2s, .silent_keep_alives = 1});
    EXPECT_TRUE(session.exec(soon(), {.line = "sleep 5"})->ok());
}

TEST(SshTrouble, DestroyingTheSessionReleasesItsCallers)
{
    Sshd sshd;
    HostKeys keys;
    auto session = std::make_unique<SshSession>(address_of(sshd), key_of(sshd), keys);
    Caller caller(*session, mark_and_sleep(sshd));
    ASSERT_TRUE(eventually([&] { return is_there(sshd.folder() / "running"); }));
    std::thread leaver([&] { session.reset(); });
    EXPECT_EQ(caller.error().code, Errc::cancelled);
    leaver.join();
}

TEST(SshTrouble, AWrongKeyIsRefusedWithWhatTheHostTakes)
{
    Sshd sshd;
    Sshd other;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(other), keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, Errc::denied);
    EXPECT_EQ(output.error().reason, "login_refused");
    EXPECT_NE(output.error().message.find("the key was refused"), std::string::npos) << output.error().message;
    EXPECT_NE(output.error().message.find("publickey"), std::string::npos);
    EXPECT_NE(output.error().remedy.find("authorized_keys"), std::string::npos);
}

TEST(SshTrouble, ABrokenKeyIsToldFromARefusedOne)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), {.private_key = Secret("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n")}, keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, "bad_ssh_key") << output.error().message;
}

TEST(SshTrouble, AWrongPasswordIsRefused)
{
    Sshd sshd({.lines = {"PasswordAuthentication yes"}});
    HostKeys keys;
    SshSession session(address_of(sshd), {.password = Secret("certainly-wrong")}, keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, "login_refused");
    EXPECT_NE(output.error().message.find("the password was refused"), std::string::npos);
    EXPECT_EQ(output.error().message.find("certainly-wrong"), std::string::npos);
}

TEST(SshTrouble, AKnownHostIsHeldToItsKnownTypeOfKey)
{
    Sshd sshd;
    HostKeys keys(HostKeys::Unknown::refuse);
    std::string only_rsa = sshd.known_hosts();
    only_rsa.erase(only_rsa.find('\n') + 1); // rsa is first, ecdsa would be preferred
    ASSERT_TRUE(keys.add_known(only_rsa));
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(session.host_key()->type, "ssh-rsa");
    EXPECT_FALSE(session.host_key()->is_new);
}

TEST(SshTrouble, AChangedHostKeyIsRefusedBeforeAnythingIsSent)
{
    Sshd sshd;
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    ASSERT_TRUE(session.exec(soon(), {.line = "true"}));
    const auto before = sshd.fingerprint("ecdsa");
    sshd.cut_sessions();
    sshd.stop();
    sshd.new_host_keys();
    sshd.start();
    const auto output = session.exec(soon(), {.line = "touch " + (sshd.folder() / "reached").string()});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, "host_key_changed");
    EXPECT_NE(output.error().message.find(before), std::string::npos);
    EXPECT_NE(output.error().message.find(sshd.fingerprint("ecdsa")), std::string::npos);
    EXPECT_FALSE(is_there(sshd.folder() / "reached"));
}

TEST(SshTrouble, WithoutACommonAlgorithmBothListsAreNamed)
{
    Sshd sshd({.lines = {"MACs umac-64@openssh.com", "Ciphers aes128-ctr"}});
    HostKeys keys;
    SshSession session(address_of(sshd), key_of(sshd), keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, "no_common_algorithm") << output.error().message;
    EXPECT_NE(output.error().message.find("the host offers umac-64@openssh.com"), std::string::npos)
        << output.error().message;
    EXPECT_NE(output.error().message.find("hmac-sha2-256"), std::string::npos);
}

TEST(SshTrouble, AnUnknownNameSaysSo)
{
    HostKeys keys;
    SshSession session({.name = "esx1", .address = "no-such-host.invalid"}, {}, keys);
    const auto output = session.exec(soon(), {.line = "true"});
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().reason, "unknown_name");
}

} // namespace xcopy
