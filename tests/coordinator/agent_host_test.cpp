#include "coordinator/host/agent_host.hpp"
#include "coordinator/patience.hpp"
#include "protocol/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace xcopy {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ScriptedTransport final : public rest::Transport {
public:
    std::deque<Result<rest::Reply>> replies;
    std::vector<rest::Request> requests;
    rest::Tls tls;

    Result<rest::Reply> send(const Call&, const rest::Request& request, const rest::Tls& used) override
    {
        requests.push_back(request);
        tls = used;
        auto reply = replies.front();
        replies.pop_front();
        return reply;
    }

    void answer(int status, std::string body)
    {
        replies.emplace_back(rest::Reply{.status = status, .body = std::move(body)});
    }
};

struct Agent {
    ScriptedTransport transport;
    AgentHost host{{.name = "esx1", .address = "10.0.0.11", .uuid = "1234"},
                   {.ca_file = "ca.pem", .cert_file = "me.pem", .key_file = "me.key"},
                   transport};
};

TEST(AgentHost, SpeaksTls13WithACertificateAndInsistsOnThatHost)
{
    Agent agent;
    agent.transport.answer(200, encode(AdapterList{}));
    ASSERT_TRUE(agent.host.adapters({}));
    EXPECT_TRUE(agent.transport.tls.tls13_only);
    EXPECT_FALSE(agent.transport.tls.skip_verification);
    EXPECT_EQ(agent.transport.tls.client_cert_file, "me.pem");
    EXPECT_EQ(agent.transport.tls.client_key_file, "me.key");
    EXPECT_EQ(agent.transport.tls.ca_file, "ca.pem");
    EXPECT_EQ(agent.transport.tls.expected_uri_san, "xcopy://host/1234");
}

TEST(AgentHost, AsksWhatTheProtocolSays)
{
    Agent agent;
    CloneStatus status;
    status.id = "pvc-1";
    for (int i = 0; i < 3; ++i)
        agent.transport.answer(200, encode(status));
    agent.transport.answer(200, encode(Device{}));
    agent.transport.answer(200, "{}");
    agent.transport.answer(200, "");
    agent.transport.answer(200, encode(RescanReply{}));
    EXPECT_TRUE(agent.host.start_clone({}, "pvc-1", {.source = "s", .target_naa = "naa.1", .target_size = 512}));
    EXPECT_TRUE(agent.host.watch_clone({}, "pvc-1", 7, std::chrono::seconds(25)));
    EXPECT_TRUE(agent.host.cancel_clone({}, "pvc-1"));
    EXPECT_TRUE(agent.host.attach({}, "naa.1", {.job = "pvc-1", .expected_size = 512}));
    EXPECT_TRUE(agent.host.detach({}, "naa.1", "pvc-1"));
    EXPECT_TRUE(agent.host.forget_clone({}, "pvc-1"));
    EXPECT_TRUE(agent.host.rescan({}, {.kind = RescanKind::remove}));

    std::vector<std::string> asked;
    for (const auto& request : agent.transport.requests) {
        asked.push_back(fmt::format("{} {}", rest::name(request.method), request.url));
        EXPECT_EQ(request.headers.at(0).name, "X-Xcopy-Clock");
    }
    EXPECT_THAT(asked, ::testing::ElementsAre("PUT https://10.0.0.11:18443/v1/clones/pvc-1",
                                              "GET https://10.0.0.11:18443/v1/clones/pvc-1?after=7&wait=25",
                                              "POST https://10.0.0.11:18443/v1/clones/pvc-1/cancel",
                                              "POST https://10.0.0.11:18443/v1/devices/naa.1/attach",
                                              "POST https://10.0.0.11:18443/v1/devices/naa.1/detach",
                                              "DELETE https://10.0.0.11:18443/v1/clones/pvc-1",
                                              "POST https://10.0.0.11:18443/v1/rescan"));
    EXPECT_THAT(agent.transport.requests[6].body, HasSubstr("delete"));
    EXPECT_EQ(decode<CloneRequest>(agent.transport.requests[0].body)->source, "s");
}

TEST(AgentHost, PassesOnWhatTheAgentRefusesWithTheHostsName)
{
    Agent agent;
    agent.transport.answer(
        409, encode(ErrorReply{Errc::conflict, "it backs datastore ds1", "choose another", "target_backs_datastore"}));
    const auto answer = agent.host.attach({}, "naa.1", {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::conflict);
    EXPECT_EQ(answer.error().reason, "target_backs_datastore");
    EXPECT_EQ(answer.error().remedy, "choose another");
    EXPECT_THAT(answer.error().message, HasSubstr("esx1"));
}

TEST(AgentHost, MakesAnErrorOfAnAnswerThatIsNotTheAgents)
{
    for (const auto& [status, body] : {std::pair(200, "<html>"), std::pair(502, "<html>"), std::pair(200, "{}")}) {
        Agent agent;
        agent.transport.answer(status, body);
        const auto answer = agent.host.watch_clone({}, "pvc-1", 0, std::chrono::seconds(1));
        ASSERT_FALSE(answer);
        EXPECT_FALSE(answer.error().message.empty());
    }
}

TEST(AgentHost, SaysWhatToLookAtWhenNobodyAnswers)
{
    Agent agent;
    agent.transport.replies.emplace_back(Error{Errc::unavailable, "refused", "", "connect_refused"});
    const auto answer = agent.host.clones({});
    ASSERT_FALSE(answer);
    EXPECT_TRUE(is_contact_lost(answer.error()));
    EXPECT_THAT(answer.error().remedy, HasSubstr("xcopy-agent"));
    EXPECT_THAT(answer.error().remedy, HasSubstr("18443"));
}

TEST(AgentHost, KeepsWhichCertificateWasNotTrusted)
{
    Agent agent;
    for (const auto& [status, body] :
         {std::pair{200, encode(Health{})},
          {403, encode(ErrorReply{Errc::denied, "", "", "no_role"})},
          {503, encode(ErrorReply{Errc::unavailable, "a key of another", "", "certificate_unusable"})},
          {503, std::string("<html>")}}) {
        agent.transport.replies.emplace_back(
            Error{Errc::denied, "certificate 'CN=esx9'", "fix", "untrusted_certificate"});
        agent.transport.answer(status, body);
        const auto answer = agent.host.health({}, HealthAge::cached);
        ASSERT_FALSE(answer) << "an answer nobody vouches for";
        EXPECT_THAT(answer.error().message, HasSubstr("CN=esx9"));
        EXPECT_FALSE(is_contact_lost(answer.error()));
    }
}

TEST(AgentHost, KnowsAnAgentThatIsNotEnrolledAndShowsItNothing)
{
    Agent agent;
    agent.transport.replies.emplace_back(Error{Errc::denied, "self-signed", "fix", "untrusted_certificate"});
    agent.transport.answer(503, encode(ErrorReply{Errc::unavailable, "lies", "run this", "not_enrolled"}));
    const auto answer = agent.host.start_clone({}, "pvc-1", {.source = "s", .target_naa = "naa.1", .target_size = 512});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, "not_enrolled");
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_THAT(answer.error().message + answer.error().remedy, Not(HasSubstr("lies")));
    EXPECT_THAT(answer.error().remedy, Not(HasSubstr("run this")));
    ASSERT_EQ(agent.transport.requests.size(), 2u);
    EXPECT_EQ(agent.transport.requests[1].method, rest::Method::get);
    EXPECT_TRUE(agent.transport.requests[1].body.empty()) << "the order is not repeated";
    EXPECT_TRUE(agent.transport.tls.client_cert_file.empty());
}

TEST(AgentHost, TellsALateDeviceFromASilentHost)
{
    Agent agent;
    agent.transport.answer(504, encode(ErrorReply{Errc::timed_out, "the device did not appear", "", "no_device"}));
    EXPECT_FALSE(is_contact_lost(agent.host.attach({}, "naa.1", {}).error()));
    agent.transport.replies.emplace_back(Error{Errc::timed_out, "deadline"});
    EXPECT_TRUE(is_contact_lost(agent.host.attach({}, "naa.1", {}).error()));
}

TEST(AgentHost, RefusesAnAgentOutsideOurProtocolRange)
{
    Agent agent;
    Health health;
    health.protocol = {.min = 7, .max = 9};
    agent.transport.answer(200, encode(health));
    const auto answer = agent.host.health({}, HealthAge::cached);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, "protocol_mismatch");
    EXPECT_THAT(answer.error().message, HasSubstr("esx1"));
}

TEST(AgentHost, AsksForASourceWithEveryCharacterEscaped)
{
    Agent agent;
    agent.transport.answer(200, encode(Source{.path = "/p", .size_bytes = 512}));
    EXPECT_TRUE(agent.host.source({}, "/vmfs/volumes/u/it's ü+%&.vmdk"));
    EXPECT_EQ(agent.transport.requests[0].url, "https://10.0.0.11:18443/v1/sources?path="
                                               "%2Fvmfs%2Fvolumes%2Fu%2Fit%27s%20%C3%BC%2B%25%26.vmdk");
}

TEST(AgentHost, TellsAnAgentThatDoesNotKnowSourcesFromAMissingSource)
{
    for (const auto& body : {std::string("<html>"), encode(ErrorReply{Errc::not_found, "no such call", "", ""}),
                             encode(ErrorReply{Errc::not_found, "no such call", "", "no_such_route"})}) {
        Agent old;
        old.transport.answer(404, body);
        EXPECT_EQ(old.host.source({}, "/p").error().reason, unknown_call_reason) << body;
    }
    Agent agent;
    agent.transport.answer(404, encode(ErrorReply{Errc::not_found, "no file", "", "source_missing"}));
    EXPECT_EQ(agent.host.source({}, "/p").error().reason, "source_missing");
}

TEST(AgentHost, AsksForFreshHealthOnlyWhenToldTo)
{
    Agent agent;
    Health health;
    health.protocol = protocol_versions;
    agent.transport.answer(200, encode(health));
    agent.transport.answer(200, encode(health));
    EXPECT_TRUE(agent.host.health({}, HealthAge::cached));
    EXPECT_TRUE(agent.host.health({}, HealthAge::fresh));
    EXPECT_TRUE(agent.transport.requests[0].url.ends_with("/v1/health"));
    EXPECT_TRUE(agent.transport.requests[1].url.ends_with("/v1/health?fresh=1"));
}

TEST(AgentHost, ForgettingTheUnknownSucceeds)
{
    Agent agent;
    agent.transport.answer(404, encode(ErrorReply{Errc::not_found, "no such clone", "", ""}));
    EXPECT_TRUE(agent.host.forget_clone({}, "pvc-1"));
}

TEST(ParseAgent, UnderstandsNamesAddressesAndPorts)
{
    struct Case {
        const char* text;
        const char* name;
        const char* address;
        int port;
    };
    for (const auto& c :
         {Case{"esx1=10.0.0.11", "esx1", "10.0.0.11", 18443}, Case{"esx1=h:99", "esx1", "h", 99},
          Case{"h.example.com", "h.example.com", "h.example.com", 18443},
          Case{"e=[2001:db8::5]:99", "e", "2001:db8::5", 99}, Case{"e=2001:db8::5", "e", "2001:db8::5", 18443}}) {
        const auto agent = parse_agent(c.text);
        ASSERT_TRUE(agent) << c.text;
        EXPECT_EQ(agent->name, c.name);
        EXPECT_EQ(agent->address, c.address);
        EXPECT_EQ(agent->port, c.port);
    }
    for (const char* text :
         {"", "=h", "e=", "e=h:", "e=h:0", "e=h:70000", "e=h:x", "e=[::1", "e=[::1]9", "e=h/x", "e=user@h"})
        EXPECT_FALSE(parse_agent(text)) << text;
}

} // namespace

} // namespace xcopy
