// The conversation itself: sign-in, sign-out, sessions that end, trouble that passes, trust.
#include "coordinator/vsphere/datastore_files.hpp"
#include "coordinator/vsphere/options.hpp"
#include "tests/vsphere/site.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

namespace xcopy::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using vsphere::Ref;

struct SessionTest : VcenterTest {
    Ref web{"VirtualMachine", vcenter().id("vm web")};

    Result<std::string> name_of_web(vsphere::Session& session, const Call& with)
    {
        auto vm = vsphere::look_at_vm(session, with, web);
        if (!vm)
            return vm.error();
        return vm->name;
    }
    Result<std::string> name_of_web(vsphere::Session& session) { return name_of_web(session, call); }
    static std::ptrdiff_t count(const std::vector<std::string>& list, const std::string& what)
    {
        return std::ranges::count(list, what);
    }
};

TEST_F(SessionTest, SignsInOnceForManyQuestionsAndOutAtTheEnd)
{
    {
        const auto session = sign_in();
        EXPECT_EQ(vcenter().sessions(), 0) << "not before it is needed";
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(name_of_web(*session).value(), "web");
        EXPECT_EQ(vcenter().sessions(), 1);
        EXPECT_EQ(session->requests(), 5);
    }
    EXPECT_EQ(vcenter().sessions(), 0);
    EXPECT_THAT(vcenter().requests(), ElementsAre("RetrieveServiceContent", "Login", "RetrievePropertiesEx",
                                                  "RetrievePropertiesEx", "RetrievePropertiesEx", "Logout"));
}

TEST_F(SessionTest, ThatEndedMeanwhileIsOpenedAgainAndTheQuestionRepeated)
{
    const auto session = sign_in();
    ASSERT_TRUE(name_of_web(*session));
    vcenter().order({{"do", "expire"}});
    EXPECT_EQ(name_of_web(*session).value(), "web") << "reported inside a good answer";
    vcenter().order({{"do", "expire"}});
    EXPECT_TRUE(session->keep_alive(call)) << "reported as a fault";
    vcenter().order({{"do", "expire"}});
    EXPECT_TRUE(session->put(call, vsphere::folder_url("Europe/DC 0", "ds 1", "f"), "x")) << "reported as 401";
    EXPECT_EQ(count(vcenter().requests(), "Login"), 4);
    EXPECT_EQ(vcenter().sessions(), 1);
}

TEST_F(SessionTest, ThatStaysUnknownAfterAGoodSignInIsNoLoopOfSignIns)
{
    const auto session = sign_in();
    for (const char* where : {"fault", "missing"}) {
        vcenter().trouble({{"method", "RetrievePropertiesEx"}, {"fault", "NotAuthenticated"}, {"where", where}});
        const auto refused = name_of_web(*session, call.within(3s));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().reason, "vsphere_not_authenticated") << refused.error().message;
        vcenter().order({{"do", "calm"}});
        EXPECT_LE(count(vcenter().requests(), "Login"), 2) << where;
    }
}

TEST_F(SessionTest, AWrongPasswordIsTriedOnceBecauseAccountsLock)
{
    auto wrong = endpoint();
    wrong.password = Secret("guessed-wrong");
    const auto session = sign_in(wrong);
    const auto refused = name_of_web(*session);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_EQ(refused.error().reason, "vsphere_invalid_login");
    EXPECT_THAT(refused.error().remedy, HasSubstr("GOVMOMI_PASSWORD"));
    EXPECT_EQ(count(vcenter().requests(), "Login"), 1);
}

TEST_F(SessionTest, TroubleThatPassesIsWaitedFor)
{
    const auto session = sign_in();
    for (const nlohmann::json& trouble : std::vector<nlohmann::json>{{{"fault", "HostCommunication"}},
                                                                     {{"fault", "SystemError"}},
                                                                     {{"fault", ""}},
                                                                     {{"status", 503}},
                                                                     {{"status", 502}},
                                                                     {{"status", -1}}}) {
        auto twice = trouble;
        twice["count"] = 2;
        vcenter().trouble(twice); // at the first questions it also meets the sign-in
        const auto name = name_of_web(*session);
        EXPECT_TRUE(name) << trouble;
    }
    EXPECT_THAT(log.text, HasSubstr("asked again"));
}

TEST_F(SessionTest, TroubleThatStaysEndsWithTheDeadlineAndItsOwnWords)
{
    const auto session = sign_in();
    vcenter().trouble({{"fault", "HostCommunication"}});
    const auto given_up = name_of_web(*session, call.within(2s));
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().code, Errc::unavailable);
    EXPECT_THAT(given_up.error().message, HasSubstr("HostCommunication"));
}

TEST_F(SessionTest, AMissingPrivilegeIsNamedAndNotRepeated)
{
    const auto session = sign_in();
    ASSERT_TRUE(name_of_web(*session));
    vcenter().requests();
    vcenter().trouble({{"fault", "NoPermission"}});
    const auto refused = name_of_web(*session);
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_THAT(refused.error().message, HasSubstr("'Datastore.FileManagement' on 'group-d1'"));
    EXPECT_EQ(vcenter().requests().size(), 1U);
}

TEST_F(SessionTest, AStopEndsTheWaiting)
{
    const auto session = sign_in();
    vcenter().trouble({{"status", 503}});
    std::stop_source stop;
    std::jthread stopper([&] {
        while (vcenter().requests().empty())
            std::this_thread::yield();
        stop.request_stop();
    });
    auto stopped_call = call;
    stopped_call.stop = stop.get_token();
    EXPECT_FALSE(name_of_web(*session, stopped_call));
    EXPECT_LT(std::chrono::steady_clock::now(), call.deadline - 20s);
}

TEST_F(SessionTest, SpeaksOnlyToTheVcenterThatTheCaOrTheThumbprintVouchesFor)
{
    struct Case {
        rest::Tls tls;
        const char* reason;
    };
    const TestCa other("Other CA");
    for (const auto& [tls, reason] :
         {Case{{.ca_file = other.file()}, "untrusted_certificate"}, Case{{}, "untrusted_certificate"},
          Case{{.thumbprint = std::string(64, '0')}, "wrong_thumbprint"}}) {
        auto suspicious = endpoint();
        suspicious.tls = tls;
        const auto session = sign_in(suspicious);
        const auto refused = name_of_web(*session);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().reason, reason) << refused.error().message;
        EXPECT_EQ(refused.error().code, Errc::denied);
    }
    EXPECT_TRUE(vcenter().requests().empty()) << "nothing was sent, least of all the password";
}

TEST_F(SessionTest, WithoutVerificationItSaysSoLoudly)
{
    auto insecure = endpoint();
    insecure.tls = vsphere_tls({.insecure = true});
    const auto session = sign_in(insecure);
    EXPECT_TRUE(name_of_web(*session));
    EXPECT_THAT(log.text, HasSubstr("INSECURE what=\"certificate of https://127.0.0.1:"));
    EXPECT_THAT(log.text, HasSubstr("GOVMOMI_INSECURE is true"));
}

TEST_F(SessionTest, NoPasswordAndNoCookieReachesTheLogWhateverGoesWrong)
{
    for (const nlohmann::json& trouble : std::vector<nlohmann::json>{{{"method", "Logout"}, {"status", 418}},
                                                                     {{"fault", "NoPermission"}},
                                                                     {{"count", 1}, {"status", -1}},
                                                                     {{"status", 404}}}) {
        const auto session = sign_in();
        (void)name_of_web(*session);
        vcenter().trouble(trouble);
        if (const auto refused = name_of_web(*session); !refused)
            log.error("refused", {{"why", refused.error().message}, {"remedy", refused.error().remedy}});
        (void)session->put(call.within(1s), vsphere::folder_url("no such", "ds 1", "f"), "x");
        session->sign_out(call);
        vcenter().order({{"do", "calm"}});
    }
    EXPECT_THAT(log.text, Not(HasSubstr(vcenter().password())));
    EXPECT_THAT(log.text, Not(HasSubstr("wörd")));
    EXPECT_THAT(log.text, Not(HasSubstr("vmware_soap_session")));
    EXPECT_THAT(log.text, HasSubstr("POST https://127.0.0.1:")) << "but the requests are there";
}

TEST_F(SessionTest, NobodyListeningIsSaidSoWhenPatienceEnds)
{
    std::string gone;
    {
        const Vcsim short_lived(nlohmann::json{{"datacenter", "DC"}, {"hosts", nlohmann::json::array()}});
        gone = short_lived.url();
    }
    auto nobody = endpoint();
    nobody.url = gone;
    const auto session = sign_in(nobody);
    const auto refused = name_of_web(*session, call.within(1s));
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_EQ(refused.error().reason, "connect_refused");
    EXPECT_THAT(refused.error().message, HasSubstr("vCenter " + gone));
}

TEST_F(SessionTest, WhatIsNoVcenterIsSaidSoAtOnce)
{
    const TestCa ca("CA");
    TlsServer website({.identity = ca.issue("www", "IP:127.0.0.1")},
                      [](SSL* ssl, const std::string&) { return reply_ok(ssl, "<html>hello</html>"); });
    auto elsewhere = endpoint();
    elsewhere.url = website.url();
    elsewhere.tls.ca_file = ca.file();
    const auto session = sign_in(elsewhere);
    EXPECT_EQ(name_of_web(*session).error().reason, "vsphere_bad_reply");
    EXPECT_EQ(website.requests(), 1);
}

} // namespace
} // namespace xcopy::test
