// The pure parts of vendors/rest: URLs, redaction, headers, retry rules, JSON.
#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/rest/json.hpp"
#include "vendors/rest/observed.hpp"
#include "vendors/rest/retry.hpp"
#include "vendors/rest/url.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>

namespace xcopy::rest {
namespace {

using namespace std::chrono_literals;

TEST(Url, QueryValuesAreEncoded)
{
    EXPECT_EQ(with_query("/api", {{"name", "/vol/a b/*"}, {"x", "a&b=\"c\""}}),
              "/api?name=%2Fvol%2Fa%20b%2F%2A&x=a%26b%3D%22c%22");
    EXPECT_EQ(with_query("/api?page=2", {{"a", "b"}}), "/api?page=2&a=b");
}

TEST(Url, WhatIsShownHasNoQuery)
{
    EXPECT_EQ(origin_of("https://[::1]:8443/a/b?token=x"), "https://[::1]:8443");
    EXPECT_EQ(path_of("https://[::1]:8443/a/b?token=x"), "/a/b");
    EXPECT_EQ(path_of("/a/b?token=x"), "/a/b");
}

TEST(Url, Base64IsThatOfTheRfc)
{
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("\xff\xfe:"), "//46");
}

TEST(Redact, RemovesEveryOccurrenceAndLeavesTinySecretsAlone)
{
    const std::array secrets{Secret("geheim"), Secret("ab")};
    EXPECT_EQ(redact("geheim, geheimgeheim, ab", secrets), "***, ******, ab");
}

TEST(OneLine, ArrayWordsCannotForgeALogLine)
{
    EXPECT_EQ(one_line("a\r\nERROR forged\x1b[0m"), "a  ERROR forged [0m");
    EXPECT_EQ(one_line("aaaa", 2), "aa…");
}

TEST(RetryAfter, IsReadAsSecondsOrAsDateByTheServersOwnClock)
{
    const auto after = [](std::vector<Header> headers) { return Reply{503, std::move(headers), ""}.retry_after(); };
    EXPECT_EQ(after({{"retry-after", "7"}}), 7s);
    EXPECT_EQ(after({}), std::nullopt);
    EXPECT_EQ(after({{"Retry-After", "soon"}}), std::nullopt);
    EXPECT_EQ(after({{"Retry-After", "99999999999999999999999"}}), 24h);
    EXPECT_EQ(after({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:50:00 GMT"}}),
              23s);
    EXPECT_EQ(after({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT"}}), 0s);
}

TEST(NextDelay, GrowsToItsLimitAndEndsWithTheAttempts)
{
    const Retry rules{.attempts = 5, .first = 100ms, .longest = 500ms, .growth = 2};
    const Reply busy{.status = 503};
    EXPECT_EQ(next_delay(rules, 1, busy), 100ms);
    EXPECT_EQ(next_delay(rules, 2, busy), 200ms);
    EXPECT_EQ(next_delay(rules, 4, busy), 500ms);
    EXPECT_EQ(next_delay(rules, 5, busy), std::nullopt);
    EXPECT_EQ(next_delay(rules, 1, Reply{.status = 200}), std::nullopt);
    EXPECT_EQ(next_delay(rules, 1, Reply{.status = 500}), std::nullopt);
}

TEST(NextDelay, AnArrayMaySayNotNowInItsOwnWay)
{
    const Retry rules{.also = [](const Reply& reply) { return reply.body == "not now"; }, .first = 100ms};
    EXPECT_EQ(next_delay(rules, 1, Reply{.status = 409, .body = "not now"}), 100ms);
    EXPECT_EQ(next_delay(rules, 1, Reply{.status = 409, .body = "never"}), std::nullopt);
}

TEST(NextDelay, DoesWhatRetryAfterSaysWithinReason)
{
    const Retry rules{.longest = 500ms, .longest_retry_after = 60s};
    EXPECT_EQ(next_delay(rules, 1, Reply{429, {{"Retry-After", "20"}}, ""}), 20s);
    EXPECT_EQ(next_delay(rules, 1, Reply{429, {{"Retry-After", "3600"}}, ""}), 60s);
}

TEST(NextDelay, NeverRepeatsAChangeThatMayHaveTakenEffect)
{
    const Retry rules;
    for (Errc code : {Errc::indeterminate, Errc::timed_out}) {
        EXPECT_EQ(next_delay(rules, 1, Method::post, Error{code, ""}), std::nullopt);
        EXPECT_EQ(next_delay(rules, 1, Method::patch, Error{code, ""}), std::nullopt);
        EXPECT_NE(next_delay(rules, 1, Method::get, Error{code, ""}), std::nullopt);
        EXPECT_NE(next_delay(rules, 1, Method::remove, Error{code, ""}), std::nullopt);
    }
    EXPECT_NE(next_delay(rules, 1, Method::post, Error{Errc::unavailable, ""}), std::nullopt);
    for (Errc code : {Errc::denied, Errc::cancelled, Errc::bad_request, Errc::unsupported, Errc::failed})
        EXPECT_EQ(next_delay(rules, 1, Method::get, Error{code, ""}), std::nullopt);
}

TEST(Json, HostileTextIsAnErrorNotAnException)
{
    for (const std::string& text : {std::string("<html>"), std::string("{\"a\":"), std::string("\"\xff\""),
                                    std::string(100000, '['), std::string("{} trailing")})
        EXPECT_FALSE(parse_json(text)) << text.substr(0, 20);
    EXPECT_TRUE(parse_json(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"["})"));
}

TEST(Json, MissingAndMistypedValuesReadAsEmpty)
{
    const auto json = parse_json(R"({"a":{"b":"text","n":7,"digits":"42","list":[1]},"huge":99999999999999999999})");
    ASSERT_TRUE(json);
    EXPECT_EQ(text_at(*json, "a.b"), "text");
    EXPECT_EQ(text_at(*json, "a.n"), "7");
    EXPECT_EQ(text_at(*json, "a.list"), "");
    EXPECT_EQ(text_at(*json, "a.b.c"), "");
    EXPECT_EQ(number_at(*json, "a.digits"), 42);
    EXPECT_EQ(number_at(*json, "a.b"), std::nullopt);
    EXPECT_EQ(number_at(*json, "huge"), std::nullopt);
    EXPECT_EQ(list_at(*json, "a.list").size(), 1U);
    EXPECT_TRUE(list_at(*json, "nothing").empty());
    EXPECT_EQ(to_text(Json("\xff")), "\"\xef\xbf\xbd\"");
}

TEST(Observed, ShowsNeitherQueryNorASecretPathAndWarnsOncePerEndpoint)
{
    ScriptedTransport inner;
    inner.then(200, "{}").then(204, "").then_error(Errc::unavailable);
    std::vector<std::string> lines;
    std::vector<std::string> warnings;
    const auto transport =
        observed(inner, {.exchange = [&](const Exchange& exchange) { lines.push_back(one_line(exchange)); },
                         .warning = [&](std::string_view text) { warnings.emplace_back(text); }});
    const Tls tls{.skip_verification = true};
    (void)transport->send({}, {.url = "https://array/api?token=geheim"}, tls);
    (void)transport->send({}, {.method = Method::remove, .url = "https://array/key/geheim", .hide_path = true}, tls);
    (void)transport->send({}, {.url = "https://array/api"}, tls);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_TRUE(lines[0].starts_with("GET https://array/api 200 ")) << lines[0];
    EXPECT_TRUE(lines[1].starts_with("DELETE https://array/*** 204 ")) << lines[1];
    EXPECT_TRUE(lines[2].starts_with("GET https://array/api unavailable ")) << lines[2];
    EXPECT_EQ(warnings, std::vector<std::string>{
                            "certificate of https://array is not verified: STORAGE_SKIP_SSL_VERIFICATION is true"});
    inner.then(200, "{}");
    (void)transport->send({}, {.url = "https://vc/"}, {.skip_verification = true, .skip_setting = "GOVMOMI_INSECURE"});
    EXPECT_EQ(warnings.back(), "certificate of https://vc is not verified: GOVMOMI_INSECURE is true");
}

TEST(Base64, IsReadBackWithLineBreaksAndRefusedWhenItIsNone)
{
    for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\xfe"})
        EXPECT_EQ(from_base64(base64(text)), text);
    EXPECT_EQ(from_base64("YWJj\nZGVm\r\n"), "abcdef");
    for (const char* bad : {"YQ", "YQ=", "Y===", "YQ==YQ==", "Y*==", "====", "YWJjZ"})
        EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
}

} // namespace
} // namespace xcopy::rest
