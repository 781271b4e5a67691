// CurlTransport against a real TLS server on the loopback address.
#include "tests/vendors/fakes/tls_server.hpp"
#include "vendors/rest/transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <latch>
#include <sstream>
#include <thread>
#include <vector>

namespace xcopy::rest {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct CurlTest : testing::Test {
    TestCa ca{"Test CA"};
    KeyPair by_address = ca.issue("array", "IP:127.0.0.1");
    std::unique_ptr<Transport> transport = curl_transport();
    Tls tls{.ca_file = ca.file()};
    Call call{.deadline = std::chrono::steady_clock::now() + 30s};

    static bool echo(SSL* ssl, const std::string& request) { return reply_ok(ssl, request); }

    Result<Reply> get(const TlsServer& server, const Tls& with, const std::string& host = "127.0.0.1")
    {
        return transport->send(call, {.url = server.url(host) + "/api/x?q=1"}, with);
    }
    Result<Reply> send(const TlsServer& server, Method method, std::string body = "")
    {
        return transport->send(call, {.method = method, .url = server.url() + "/api/x", .body = std::move(body)}, tls);
    }
};

TEST_F(CurlTest, SendsMethodHeadersAndBodyAndReadsTheReply)
{
    TlsServer server({by_address}, echo);
    const auto reply = transport->send(call,
                                       {.method = Method::post,
                                        .url = server.url() + "/api/x?q=1",
                                        .headers = {{"X-Dot-Client-App", "xcopy"}, {"X-Empty", ""}},
                                        .body = R"({"a":1})"},
                                       tls);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->header("x-test"), "yes");
    for (std::string_view part :
         {"POST /api/x?q=1 HTTP/1.1\r\n", "X-Dot-Client-App: xcopy\r\n", "X-Empty:", R"({"a":1})"})
        EXPECT_THAT(reply->body, HasSubstr(part));
    EXPECT_EQ(reply->body.find("Expect"), std::string::npos);
}

TEST_F(CurlTest, EveryMethodGoesOutUnderItsName)
{
    TlsServer server({by_address}, echo);
    for (Method method : {Method::get, Method::post, Method::put, Method::patch, Method::remove}) {
        const auto reply = send(server, method);
        ASSERT_TRUE(reply) << name(method) << ": " << reply.error().message;
        EXPECT_TRUE(reply->body.starts_with(name(method))) << reply->body;
    }
}

TEST_F(CurlTest, KeepsConnectionsForRequestsWithTheSameDemandsOnly)
{
    const auto host = ca.issue("esx", "IP:127.0.0.1,URI:xcopy://host/1");
    TlsServer server({host}, echo);
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(get(server, tls));
    EXPECT_EQ(server.connections(), 1);
    const Tls other_host{.ca_file = ca.file(), .expected_uri_san = "xcopy://host/2"};
    EXPECT_EQ(get(server, other_host).error().reason, "wrong_host") << "a kept connection must not lend its trust";
    EXPECT_EQ(server.requests(), 3);
}

TEST_F(CurlTest, AnUntrustedCertificateIsNamedWithIssuerAndReason)
{
    const TestCa other("Other CA");
    TlsServer server({other.issue("impostor", "IP:127.0.0.1")}, echo);
    const auto reply = get(server, tls);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::denied);
    EXPECT_EQ(reply.error().reason, "untrusted_certificate");
    for (std::string_view part : {"CN = impostor", "CN = Other CA", "issuer"})
        EXPECT_THAT(reply.error().message, HasSubstr(part));
    EXPECT_THAT(reply.error().remedy, HasSubstr(ca.file()));
    EXPECT_EQ(get(server, {}).error().reason, "untrusted_certificate") << "nor does the system know it";
    EXPECT_TRUE(get(server, {.skip_verification = true}));
    EXPECT_EQ(server.requests(), 1);
}

std::string text_of(const std::string& file)
{
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(CurlTest, TakesCertificatesAndKeyAsTextsWhichGoBeforeFiles)
{
    const auto me = ca.issue("me", "URI:xcopy://role/operator");
    TlsServer server({.identity = by_address, .client_ca = ca.file()}, echo);
    const Tls texts{.ca_file = "/none.pem",
                    .ca_pem = text_of(ca.file()),
                    .client_cert_file = "/none.pem",
                    .client_key_file = "/none.key",
                    .client_cert_pem = text_of(me.cert_file),
                    .client_key_pem = Secret(text_of(me.key_file))};
    const auto reply = get(server, texts);
    EXPECT_TRUE(reply) << reply.error().message;
    EXPECT_FALSE(get(server, {.ca_pem = text_of(ca.file())})) << "a kept connection lends its identity to nobody";
}

TEST_F(CurlTest, ATextThatIsNoCertificateIsSaidAndNotShown)
{
    TlsServer server({by_address}, echo);
    const auto reply =
        get(server, {.ca_file = ca.file(), .client_cert_pem = "hunter2", .client_key_pem = Secret("hunter3")});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().reason, "bad_tls_file");
    EXPECT_THAT(reply.error().message, HasSubstr("(given as text)"));
    EXPECT_THAT(reply.error().message + reply.error().remedy, testing::Not(HasSubstr("hunter")));
    const TestCa other("Other CA");
    EXPECT_EQ(get(server, {.ca_pem = text_of(other.file())}).error().reason, "untrusted_certificate");
}

TEST_F(CurlTest, AnUntrustedChainIsNamedByItsLeafAndByWhereItBreaks)
{
    const TestCa other("Other CA");
    const auto leaf = other.issue("impostor", "IP:127.0.0.1");
    std::ofstream(leaf.cert_file, std::ios::app) << std::ifstream(other.file()).rdbuf(); // the server sends its CA too
    TlsServer server({leaf}, echo);
    const auto reply = get(server, tls);
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("certificate 'CN = impostor' issued by 'CN = Other CA'"));
    EXPECT_THAT(reply.error().message, HasSubstr("(at 'CN = Other CA')"));
}

TEST_F(CurlTest, AnExpiredCertificateIsUntrusted)
{
    TlsServer server({ca.issue("old", "IP:127.0.0.1", -60)}, echo);
    const auto reply = get(server, tls);
    EXPECT_EQ(reply.error().reason, "untrusted_certificate");
    EXPECT_THAT(reply.error().message, HasSubstr("expired"));
}

TEST_F(CurlTest, ACertificateForAnotherNameIsRefused)
{
    TlsServer server({ca.issue("other", "DNS:other.example.com")}, echo);
    const auto reply = get(server, tls);
    EXPECT_EQ(reply.error().code, Errc::denied);
    EXPECT_EQ(reply.error().reason, "wrong_host");
    EXPECT_EQ(server.requests(), 0);
}

TEST_F(CurlTest, WithAnExpectedUriTheAddressDoesNotMatterButTheChainDoes)
{
    const Tls expected{.ca_file = ca.file(), .expected_uri_san = "xcopy://host/1"};
    TlsServer right({ca.issue("esx", "DNS:elsewhere,URI:xcopy://host/1")}, echo);
    EXPECT_TRUE(get(right, expected));
    TlsServer wrong({ca.issue("esx", "IP:127.0.0.1,URI:xcopy://host/12")}, echo);
    const auto reply = get(wrong, expected);
    EXPECT_EQ(reply.error().code, Errc::denied);
    EXPECT_EQ(reply.error().reason, "wrong_host");
    EXPECT_THAT(reply.error().message, HasSubstr("xcopy://host/1"));
    const TestCa other("Other CA");
    TlsServer untrusted({other.issue("esx", "URI:xcopy://host/1")}, echo);
    EXPECT_EQ(get(untrusted, expected).error().reason, "untrusted_certificate");
    EXPECT_EQ(wrong.requests() + untrusted.requests(), 0);
}

// By the openssl program: another reading of the certificate than the one under test.
std::string thumbprint_by_openssl(const std::string& file)
{
    const std::unique_ptr<FILE, int (*)(FILE*)> out(
        ::popen(("openssl x509 -noout -fingerprint -sha256 -in '" + file + "'").c_str(), "re"), ::pclose);
    std::array<char, 256> line{};
    std::string digits;
    if (!out || std::fgets(line.data(), line.size(), out.get()) == nullptr)
        return digits;
    for (char c : std::string_view(line.data()).substr(std::string_view(line.data()).find('=') + 1))
        if (std::isxdigit(static_cast<unsigned char>(c)) != 0)
            digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return digits;
}

TEST_F(CurlTest, APinnedCertificateIsTrustedByItsThumbprintAloneWhateverItsNameAndIssuer)
{
    const TestCa other("Other CA");
    const auto self_made = other.issue("vcenter", "DNS:vcenter.example.com", -60); // expired as well
    TlsServer server({self_made}, echo);
    const auto right = thumbprint_by_openssl(self_made.cert_file);
    ASSERT_EQ(right.size(), 64U);
    EXPECT_TRUE(get(server, {.thumbprint = right}));
    EXPECT_FALSE(get(server, {})) << "nothing is left of that trust for a request without it";
}

TEST_F(CurlTest, AnotherCertificateThanThePinnedOneIsRefusedAndItsThumbprintNamedBeforeAnythingIsSent)
{
    TlsServer server({by_address}, echo);
    const std::string wrong(64, 'a');
    const auto reply = get(server, {.ca_file = ca.file(), .thumbprint = wrong});
    ASSERT_FALSE(reply) << "a CA that vouches for it is not asked";
    EXPECT_EQ(reply.error().code, Errc::denied);
    EXPECT_EQ(reply.error().reason, "wrong_thumbprint");
    EXPECT_THAT(reply.error().message, HasSubstr(thumbprint_by_openssl(by_address.cert_file)));
    EXPECT_EQ(server.requests(), 0);
}

TEST_F(CurlTest, ACaMayComeAsTextAndThenNoOtherCounts)
{
    std::stringstream pem;
    pem << std::ifstream(ca.file()).rdbuf();
    TlsServer server({by_address}, echo);
    EXPECT_TRUE(get(server, {.ca_pem = pem.str()}));
    const TestCa other("Other CA");
    TlsServer foreign({other.issue("array", "IP:127.0.0.1")}, echo);
    EXPECT_EQ(get(foreign, {.ca_file = other.file(), .ca_pem = pem.str()}).error().reason, "untrusted_certificate");
    EXPECT_EQ(get(server, {.ca_pem = "no certificate"}).error().reason, "bad_tls_file");
}

TEST_F(CurlTest, AMissingOrForeignClientCertificateIsSaidSoWithEitherTlsVersion)
{
    const TestCa other("Other CA");
    const auto ours = ca.issue("coordinator", "URI:xcopy://role/operator");
    const auto foreign = other.issue("coordinator", "URI:xcopy://role/operator");
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsServer server({.identity = by_address, .client_ca = ca.file(), .max_tls_version = version}, echo);
        const auto with = [&](const KeyPair& pair) {
            return Tls{.ca_file = ca.file(), .client_cert_file = pair.cert_file, .client_key_file = pair.key_file};
        };
        const auto refused = get(server, with(foreign));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::denied) << refused.error().message;
        EXPECT_EQ(refused.error().reason, "client_certificate_refused");
        EXPECT_THAT(refused.error().message, HasSubstr(foreign.cert_file));
        EXPECT_TRUE(get(server, with(ours)));
        if (version == TLS1_3_VERSION) { // 1.2 has no alert of its own for "none at all"
            EXPECT_EQ(get(server, tls).error().reason, "client_certificate_refused");
        }
        EXPECT_EQ(server.requests(), 1);
    }
}

TEST_F(CurlTest, AnOldServerIsRefusedWhereOnlyTls13IsAllowed)
{
    TlsServer server({.identity = by_address, .max_tls_version = TLS1_2_VERSION}, echo);
    const auto reply = get(server, {.ca_file = ca.file(), .tls13_only = true});
    EXPECT_EQ(reply.error().code, Errc::unsupported) << reply.error().message;
    EXPECT_EQ(reply.error().reason, "tls_version");
    EXPECT_TRUE(get(server, tls));
}

TEST_F(CurlTest, UnreadableFilesAreOurOwnMistake)
{
    TlsServer server({by_address}, echo);
    EXPECT_EQ(get(server, {.ca_file = "/nonexistent.pem"}).error().reason, "bad_tls_file");
    const Tls no_key{.ca_file = ca.file(), .client_cert_file = by_address.cert_file, .client_key_file = "/none.key"};
    EXPECT_EQ(get(server, no_key).error().reason, "bad_tls_file");
    EXPECT_EQ(transport->send(call, {.url = "http://127.0.0.1/"}, tls).error().reason, "bad_url");
    const Request forged{.url = server.url(), .headers = {{"X-A", "b\r\nX-C: d"}}};
    EXPECT_EQ(transport->send(call, forged, tls).error().code, Errc::bad_request);
}

TEST_F(CurlTest, NobodyListeningIsAConnectRefusalAndAnUnknownNameUnresolved)
{
    std::string url;
    {
        TlsServer gone({by_address}, echo);
        url = gone.url();
    }
    const auto refused = transport->send(call, {.method = Method::post, .url = url}, tls);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_EQ(refused.error().reason, "connect_refused");
    const auto unknown = transport->send(call, {.url = "https://no-such-host.invalid/"}, tls);
    EXPECT_EQ(unknown.error().code, Errc::unavailable);
    EXPECT_EQ(unknown.error().reason, "unresolved");
}

TEST_F(CurlTest, ARedirectIsAReplyAndNotFollowed)
{
    TlsServer server({by_address}, [](SSL* ssl, const std::string&) {
        write_all(ssl, "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        return true;
    });
    EXPECT_EQ(get(server, tls)->status, 302);
}

TEST_F(CurlTest, AReplyBeyondItsCapIsCutOffWhileItArrives)
{
    TlsServer server({by_address}, [](SSL* ssl, const std::string&) {
        write_all(ssl, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (SSL_write(ssl, "400\r\n", 5) > 0) { // without end
            write_all(ssl, std::string(1024, 'x') + "\r\n");
        }
        return false;
    });
    Request request{.url = server.url(), .max_reply_bytes = 100000};
    EXPECT_EQ(transport->send(call, request, tls).error().code, Errc::failed);
    request.method = Method::post;
    const auto after_change = transport->send(call, request, tls);
    EXPECT_EQ(after_change.error().code, Errc::indeterminate);
    EXPECT_EQ(after_change.error().reason, "reply_too_large");
}

TEST_F(CurlTest, EndlessHeadersAreCutOff)
{
    TlsServer server({by_address}, [](SSL* ssl, const std::string&) {
        write_all(ssl, "HTTP/1.1 200 OK\r\n");
        while (SSL_write(ssl, "X-A: b\r\n", 8) > 0) {}
        return false;
    });
    EXPECT_EQ(get(server, tls).error().reason, "reply_too_large");
}

TEST_F(CurlTest, AConnectionCutMidBodyIsLostForAGetAndAnOpenQuestionForAChange)
{
    TlsServer server({by_address}, [](SSL* ssl, const std::string&) {
        write_all(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        return false;
    });
    EXPECT_EQ(get(server, tls).error().code, Errc::unavailable);
    EXPECT_EQ(get(server, tls).error().reason, "connection_lost");
    for (Method method : {Method::post, Method::put, Method::remove}) {
        const auto reply = send(server, method);
        EXPECT_EQ(reply.error().code, Errc::indeterminate) << name(method);
        EXPECT_EQ(reply.error().reason, "connection_lost");
    }
}

TEST_F(CurlTest, APostIsNeverSentTwiceThoughAKeptConnectionDied)
{
    TlsServer server({by_address}, [&](SSL* ssl, const std::string& request) {
        return request.starts_with("GET") ? reply_ok(ssl, "{}") : false;
    });
    ASSERT_TRUE(get(server, tls)); // leaves a connection that could be used again
    EXPECT_EQ(send(server, Method::post, "{}").error().code, Errc::indeterminate);
    EXPECT_EQ(server.requests(), 2);
}

TEST_F(CurlTest, StopAndDeadlineEndAWaitForAReplyAtOnce)
{
    std::latch asked(1);
    std::latch release(1);
    TlsServer server({by_address}, [&](SSL*, const std::string&) {
        asked.count_down();
        release.wait();
        return false;
    });
    std::stop_source stop;
    std::jthread stopper([&] {
        asked.wait();
        stop.request_stop();
    });
    call = {.stop = stop.get_token()}; // no deadline: only the stop can end this
    EXPECT_EQ(get(server, tls).error().code, Errc::cancelled);
    EXPECT_EQ(get(server, tls).error().code, Errc::cancelled) << "and nothing starts after it";
    release.count_down();
}

TEST_F(CurlTest, TheDeadlineEndsAWaitForAReply)
{
    std::latch release(1);
    TlsServer server({by_address}, [&](SSL*, const std::string&) {
        release.wait();
        return false;
    });
    call = Call{}.within(100ms);
    EXPECT_EQ(get(server, tls).error().code, Errc::timed_out);
    EXPECT_EQ(get(server, tls).error().code, Errc::timed_out) << "and nothing starts after it";
    release.count_down();
}

TEST_F(CurlTest, ManyThreadsShareOneTransport)
{
    TlsServer server({by_address}, echo);
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int n = 0; n < 5; ++n)
                    good += get(server, tls).has_value() ? 1 : 0;
            });
    }
    EXPECT_EQ(good, 40);
    EXPECT_LE(server.connections(), 8);
}

TEST_F(CurlTest, WhatDoesNotSpeakHttpIsNotMistakenForAReply)
{
    TlsServer server({by_address}, [](SSL* ssl, const std::string&) {
        write_all(ssl, "220 mail.example.com ESMTP\r\n");
        return false;
    });
    EXPECT_EQ(get(server, tls).error().reason, "bad_reply");
    EXPECT_EQ(send(server, Method::post).error().code, Errc::indeterminate);
}

} // namespace
} // namespace xcopy::rest
