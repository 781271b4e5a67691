// xcopy-agent enroll as an administrator uses it, with the openssl program as the authority.
#include "agent/esxi/child.hpp"
#include "protocol/json.hpp"
#include "tests/agent/fake_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace xcopy::test {

namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* uuid = "5f3a0000-1111-2222-3333-444455556666";

Finished must_run(const std::vector<std::string>& argv)
{
    auto done = run(argv, {});
    if (!done)
        throw std::runtime_error(done.error().message);
    return std::move(*done);
}

// Signs with openssl; clients of FakeHost are known by the CA of FakeHost, so that is installed as the CA beside it.
class Enroll : public testing::Test {
protected:
    Enroll()
    {
        for (const char* file : {"agent.crt", "agent.key", "agent.key.next", "ca.crt"}) {
            host.write(std::string("pki/") + file, "");
            ::chmod((host.folder / "pki" / file).c_str(), 0600);
        }
        std::filesystem::create_directories(host.folder / "ca");
        config = host.write_config();
        must_run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-keyout", ca("ca.key"), "-out", ca("ca.crt"), "-days", "30", "-subj", "/CN=an administrator's CA"});
        for (const char* client : {"operator", "observer"}) { // the clients of this CA
            const std::string name = client;
            must_run({"/usr/bin/openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", host.folder / ("pki/" + name + ".key"), "-out", ca(name + ".csr"), "-subj",
                      "/CN=" + name, "-addext", "subjectAltName=URI:xcopy://role/" + name, "-addext",
                      "extendedKeyUsage=clientAuth"});
            sign(name + ".csr", host.folder / ("pki/" + name + ".crt"), "30");
        }
    }

    std::string ca(const std::string& file) const { return host.folder / "ca" / file; }

    void sign(const std::string& request, const std::string& to, const std::string& days) const
    {
        const auto done =
            must_run({"/usr/bin/openssl", "x509", "-req", "-in", ca(request), "-CA", ca("ca.crt"), "-CAkey",
                      ca("ca.key"), "-CAcreateserial", "-copy_extensions", "copyall", "-days", days, "-out", to});
        ASSERT_EQ(done.exit_status, 0) << done.err;
    }

    Finished enroll(std::vector<std::string> words) const
    {
        words.insert(words.begin(), {"enroll", "--config", config});
        return must_run(agent_command(words, host.folder / "launcher-record"));
    }

    // The request goes to the authority, the answer comes back.
    std::string asked(const std::vector<std::string>& words = {}, const std::string& days = "30") const
    {
        const auto done = enroll(words);
        EXPECT_EQ(done.exit_status, 0) << done.err;
        host.write("ca/host.csr", done.out);
        sign("host.csr", ca("host.crt"), days);
        return done.out;
    }

    Finished install() const { return enroll({"--install", "--certificate", ca("host.crt"), "--ca", ca("ca.crt")}); }

    Answer health(const std::string& client = "operator") const
    {
        return host.call("GET", "/v1/health", "", client,
                         {"--cacert", ca("ca.crt"), "--resolve", "esx1.lab:" + host.port + ":127.0.0.1", "--connect-to",
                          "127.0.0.1:" + host.port + ":127.0.0.1:" + host.port});
    }

    FakeHost host;
    std::string config;
};

} // namespace

TEST_F(Enroll, TheRequestNamesTheHostAndItsKeyStaysHome)
{
    const auto done = enroll({"--address", "127.0.0.1", "--name", "esx1.other"});
    EXPECT_EQ(done.exit_status, 0) << done.err;
    EXPECT_THAT(done.out, Not(HasSubstr("PRIVATE")));
    host.write("ca/host.csr", done.out);
    const auto text = must_run({"/usr/bin/openssl", "req", "-in", ca("host.csr"), "-noout", "-verify", "-text"});
    EXPECT_THAT(text.out + text.err, HasSubstr("verify OK"));
    EXPECT_THAT(text.out, HasSubstr("DNS:esx1.lab, DNS:esx1, DNS:esx1.other, IP Address:127.0.0.1, "
                                    "IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, URI:xcopy://host/" +
                                    std::string(uuid)));
    EXPECT_THAT(host.read("pki/agent.key"), HasSubstr("PRIVATE KEY"));
    EXPECT_EQ(host.count("calls", "auto-backup"), 1) << "a key that the next boot loses is no key";
    EXPECT_EQ(enroll({"--address", "127.0.0.1", "--name", "esx1.other"}).exit_status, 0);
    EXPECT_EQ(host.count("calls", "auto-backup"), 1);
}

TEST_F(Enroll, FromNothingToServingWithoutARestart)
{
    host.start();
    EXPECT_EQ(enroll({"--status"}).exit_status, 1);
    const auto refusal = host.call("GET", "/v1/health", "", "operator", {"-k"});
    EXPECT_EQ(refusal.status, 503);
    EXPECT_THAT(refusal.body, HasSubstr("\"not_enrolled\""));
    EXPECT_THAT(refusal.body, HasSubstr("xcopy-agent enroll"));
    EXPECT_EQ(host.call("PUT", "/v1/clones/a", "{}", "", {"-k"}).status, 503) << "whoever asks, whatever they ask";
    asked({"--address", "127.0.0.1"});
    EXPECT_EQ(install().exit_status, 0);
    EXPECT_TRUE(eventually([&] { return host.count("log", "agent is enrolled now") > 0; }));
    EXPECT_EQ(health().status, 200);
    EXPECT_EQ(health("").curl_exit == 0, false) << "and nobody without a certificate";
    EXPECT_THAT(host.read("saved/agent.crt"), HasSubstr("BEGIN CERTIFICATE"));
    const auto status = enroll({"--status", "--output", "json"});
    EXPECT_EQ(status.exit_status, 0);
    EXPECT_THAT(status.out, HasSubstr(R"("state": "enrolled")"));
    EXPECT_THAT(status.out, HasSubstr("an administrator's CA"));
}

TEST_F(Enroll, TakesChainAndCaFromStandardInput)
{
    asked({"--address", "127.0.0.1"});
    host.write("answer", host.read("ca/host.crt") + host.read("ca/ca.crt"));
    const pid_t child = ::fork();
    if (child == 0) {
        const int in = ::open((host.folder / "answer").c_str(), O_RDONLY);
        const int nothing = ::open("/dev/null", O_WRONLY);
        ::dup2(in, 0);
        ::dup2(nothing, 1);
        exec_agent({"enroll", "--config", config, "--install"}, host.folder / "launcher-record");
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(enroll({"--status"}).exit_status, 0);
}

TEST_F(Enroll, TellsWhenTheAnswerWasNotSavedAndFinishesWhenAskedAgain)
{
    asked({"--address", "127.0.0.1"});
    host.write("backup-fails", "");
    const auto done = install();
    EXPECT_EQ(done.exit_status, 1);
    EXPECT_THAT(done.err, HasSubstr("not saved for the next boot"));
    EXPECT_THAT(done.err, HasSubstr("no space left"));
    EXPECT_THAT(done.err, HasSubstr("xcopy-agent enroll --save"));
    const auto status = enroll({"--status", "--output", "json"});
    EXPECT_EQ(status.exit_status, 0) << "it serves until the restart";
    EXPECT_THAT(status.out, HasSubstr(R"("saved": false)"));
    host.start();
    EXPECT_THAT(health().body, HasSubstr("enrolment_not_saved"));
    EXPECT_EQ(enroll({"--save"}).exit_status, 1) << "fails again, and is not forgotten";
    EXPECT_THAT(enroll({"--status"}).out, HasSubstr("a restart of the host may undo it"));

    std::filesystem::remove(host.folder / "backup-fails");
    EXPECT_EQ(enroll({"--save"}).exit_status, 0);
    EXPECT_THAT(host.read("saved/agent.crt"), HasSubstr("BEGIN CERTIFICATE"));
    EXPECT_THAT(enroll({"--status", "--output", "json"}).out, HasSubstr(R"("saved": true)"));
    EXPECT_THAT(health().body, Not(HasSubstr("enrolment_not_saved")));
    EXPECT_EQ(enroll({"--save"}).exit_status, 0) << "twice is no harm";
    EXPECT_EQ(install().exit_status, 0);
}

TEST_F(Enroll, ADeathWhileSavingLosesNothing)
{
    asked({"--address", "127.0.0.1"});
    host.write("backup-kills", "");
    EXPECT_NE(install().exit_status, 0) << "killed";
    EXPECT_EQ(host.count("calls", "auto-backup"), 2) << "the key's, and the one it died in";
    EXPECT_THAT(enroll({"--status", "--output", "json"}).out, HasSubstr(R"("saved": false)"));
    std::filesystem::remove(host.folder / "backup-kills");
    EXPECT_EQ(install().exit_status, 0);
    host.start();
    EXPECT_EQ(health().status, 200);
}

TEST_F(Enroll, ANewKeyIsInServiceOnlyWithItsCertificate)
{
    asked({"--address", "127.0.0.1"});
    ASSERT_EQ(install().exit_status, 0);
    host.start();
    const auto old_key = host.read("pki/agent.key");
    const auto first = asked({"--new-key", "--address", "127.0.0.1"});
    EXPECT_EQ(host.read("pki/agent.key"), old_key);
    EXPECT_EQ(health().status, 200);
    EXPECT_THAT(enroll({"--status"}).out, HasSubstr("a new one waits"));
    ASSERT_EQ(install().exit_status, 0);
    EXPECT_NE(host.read("pki/agent.key"), old_key);
    EXPECT_EQ(host.read("pki/agent.key.next"), "");
    EXPECT_TRUE(eventually([&] { return host.count("log", "certificates reloaded") > 0; }));
    EXPECT_EQ(health().status, 200);
}

TEST_F(Enroll, AnOpenConnectionSurvivesTheRotation)
{
    asked({"--address", "127.0.0.1"});
    ASSERT_EQ(install().exit_status, 0);
    host.start();
    int in[2];
    ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
    const std::string at = "127.0.0.1:" + host.port;
    const pid_t client = ::fork();
    if (client == 0) {
        const int out = ::open((host.folder / "talk").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(in[0], 0);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execl("/usr/bin/openssl", "openssl", "s_client", "-quiet", "-connect", at.c_str(), "-CAfile",
                ca("ca.crt").c_str(), "-cert", (host.folder / "pki/operator.crt").c_str(), "-key",
                (host.folder / "pki/operator.key").c_str(), nullptr);
        ::_exit(127);
    }
    ::close(in[0]);
    const auto ask = [&] {
        const std::string request = "GET /v1/clones HTTP/1.1\r\nHost: esx1\r\n\r\n";
        return ::write(in[1], request.data(), request.size()) == static_cast<ssize_t>(request.size());
    };
    ASSERT_TRUE(ask());
    EXPECT_TRUE(eventually([&] { return host.count("talk", "HTTP/1.1 200 OK") == 1; })) << host.read("talk");
    asked({"--new-key", "--address", "127.0.0.1"});
    ASSERT_EQ(install().exit_status, 0);
    EXPECT_TRUE(eventually([&] { return host.count("log", "certificates reloaded") > 0; }));
    ASSERT_TRUE(ask());
    EXPECT_TRUE(eventually([&] { return host.count("talk", "HTTP/1.1 200 OK") == 2; })) << host.read("talk");
    const auto now = must_run({"/usr/bin/openssl", "x509", "-in", ca("host.crt"), "-noout", "-serial"});
    const auto shown = must_run({"/usr/bin/openssl", "s_client", "-connect", at, "-CAfile", ca("ca.crt")});
    EXPECT_THAT(shown.out, HasSubstr("BEGIN CERTIFICATE"));
    host.write("shown", shown.out);
    EXPECT_EQ(must_run({"/usr/bin/openssl", "x509", "-in", host.folder / "shown", "-noout", "-serial"}).out, now.out);
    ::close(in[1]);
    ::kill(client, SIGTERM);
    ::waitpid(client, nullptr, 0);
}

TEST_F(Enroll, RefusesACertificateForAnotherKeyAndChangesNothing)
{
    asked({"--address", "127.0.0.1"});
    ASSERT_EQ(install().exit_status, 0);
    const auto before = host.read("pki/agent.crt");
    must_run({"/usr/bin/openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
              "-keyout", ca("other.key"), "-out", ca("host.csr"), "-subj", "/CN=esx1", "-addext",
              "subjectAltName=URI:xcopy://host/" + std::string(uuid)});
    sign("host.csr", ca("host.crt"), "30");
    const auto done = install();
    EXPECT_EQ(done.exit_status, 1);
    EXPECT_THAT(done.err, HasSubstr("a key that this host does not have"));
    EXPECT_EQ(host.read("pki/agent.crt"), before);
}

TEST_F(Enroll, SaysSoWhenTheHostCannotTellItsUuid)
{
    host.write("hostd-down", "");
    const auto done = enroll({});
    EXPECT_EQ(done.exit_status, 1);
    EXPECT_THAT(done.err, HasSubstr("this host's UUID"));
    EXPECT_EQ(host.read("pki/agent.key"), "") << "no key without knowing whose";
}

TEST_F(Enroll, HealthAndLogTellOfACertificateThatEndsSoonAndOfOneThatIsLost)
{
    asked({"--address", "127.0.0.1"}, "20");
    ASSERT_EQ(install().exit_status, 0);
    host.start();
    EXPECT_EQ(host.count("log", "certificate expires"), 1) << host.read("log");
    EXPECT_THAT(health().body, HasSubstr("certificate_expires"));
    EXPECT_THAT(enroll({"--status"}).out, testing::ContainsRegex("expires in (19|20) days"));
    host.write("pki/agent.crt", "");
    EXPECT_TRUE(eventually([&] { return host.count("log", "not in service, the old ones stay") > 0; }));
    const auto answer = health();
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, HasSubstr("certificate_lost"));
    host.stop_agent();
    host.start();
    EXPECT_EQ(host.call("GET", "/v1/health", "", "operator", {"-k"}).status, 503);
}

} // namespace xcopy::test
