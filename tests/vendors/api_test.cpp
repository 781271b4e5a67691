#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/rest/pages.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <latch>
#include <thread>

namespace xcopy::rest {
namespace {

using namespace std::chrono_literals;

struct ApiTest : testing::Test {
    ScriptedTransport wire;
    FakeClock clock;
    Call call;

    ApiRules rules()
    {
        return {.array = "Array at a",
                .base_url = "https://a",
                .headers = {{"Accept", "application/json"}},
                .decode_error = [](const Reply&, const Json* json) -> std::optional<Error> {
                    if (json == nullptr || text_at(*json, "err").empty())
                        return std::nullopt;
                    return Error{Errc::conflict, text_at(*json, "err"), "mend it", "vendor_7"};
                }};
    }
    Api api() { return {wire, rules(), basic("admin", Secret("geheim")), clock}; }
};

Session primera_like()
{
    return {.open =
                one_step({.method = Method::post, .url = "/login", .body = R"({"user":"admin","password":"geheim"})"},
                         [](const Reply& reply) { return from_reply_field(reply, "key", "X-Key"); }),
            .lapsed =
                [](const Reply& reply) {
                    const auto json = parse_json(reply.body);
                    return reply.status == 403 && json && text_at(*json, "code") == "6";
                },
            .renewed = {},
            .logout = [](const std::vector<Header>& pass) -> std::optional<Request> {
                return Request{.method = Method::remove, .url = "/login/" + pass.at(0).value, .hide_path = true};
            },
            .secrets = {Secret("geheim")}};
}

TEST_F(ApiTest, SendsHeadersSignInAndBody)
{
    wire.then(201, R"({"id":1})");
    auto api = this->api();
    const auto reply = api.post(call, "/things", {{"name", "x"}}, {{"q", "1"}});
    ASSERT_TRUE(reply);
    EXPECT_EQ(number_at(*reply, "id"), 1);
    const Request& request = wire.requests.at(0);
    EXPECT_EQ(request.url, "https://a/things?q=1");
    EXPECT_EQ(request.body, R"({"name":"x"})");
    const Reply headers{.headers = request.headers};
    EXPECT_EQ(headers.header("authorization"), "Basic YWRtaW46Z2VoZWlt");
    EXPECT_EQ(headers.header("accept"), "application/json");
    EXPECT_EQ(headers.header("content-type"), "application/json");
}

TEST_F(ApiTest, WaitsAsLongAsTheArrayAsksAndTriesAgainEvenAPost)
{
    wire.then(429, "", {{"Retry-After", "3"}}).then(503, "").then(200, "{}");
    auto api = this->api();
    EXPECT_TRUE(api.post(call, "/x", Json::object()));
    EXPECT_EQ(clock.waits, (std::vector<std::chrono::milliseconds>{3s, 1s}));
}

TEST_F(ApiTest, RepeatsAGetAfterALostReplyButNotAPost)
{
    wire.then_error(Errc::unavailable, "connection_lost").then_error(Errc::timed_out).then(200, "{}");
    auto api = this->api();
    EXPECT_TRUE(api.get(call, "/x"));
    EXPECT_EQ(wire.requests.size(), 3U);

    wire.then_error(Errc::indeterminate, "connection_lost");
    EXPECT_EQ(api.post(call, "/x", Json::object()).error().code, Errc::indeterminate);
    wire.then_error(Errc::timed_out);
    EXPECT_EQ(api.post(call, "/x", Json::object()).error().code, Errc::indeterminate);
    EXPECT_EQ(wire.requests.size(), 5U);
}

TEST_F(ApiTest, GivesUpAfterItsAttemptsWithTheArraysOwnWords)
{
    for (int i = 0; i < 5; ++i)
        wire.then(503, R"({"err":"starting"})");
    auto api = this->api();
    const auto reply = api.get(call, "/x");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().message, "Array at a: GET /x: starting");
    EXPECT_EQ(reply.error().remedy, "mend it");
    EXPECT_EQ(reply.error().reason, "vendor_7");
}

TEST_F(ApiTest, AnErrorInsideA200IsAnError)
{
    wire.then(200, R"({"err":"volume is busy"})");
    EXPECT_EQ(api().get(call, "/x").error().code, Errc::conflict);
}

TEST_F(ApiTest, GarbageIsAnErrorAndAfterAPostAnOpenQuestion)
{
    wire.then(200, "<html>").then(201, "<html>").then(500, "<html>\nOops");
    auto api = this->api();
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::failed);
    EXPECT_EQ(api.post(call, "/x", Json::object()).error().code, Errc::indeterminate);
    EXPECT_EQ(api.get(call, "/x").error().message, "Array at a: GET /x: HTTP 500: <html> Oops");
}

TEST_F(ApiTest, AnEmptySuccessReadsAsNull)
{
    wire.then(204, "");
    const auto reply = api().remove(call, "/x");
    ASSERT_TRUE(reply);
    EXPECT_TRUE(reply->is_null());
}

TEST_F(ApiTest, NoMessageContainsASecret)
{
    wire.then(400, "password geheim, header YWRtaW46Z2VoZWlt").then(400, R"({"err":"geheim"})");
    auto api = this->api();
    for (int i = 0; i < 2; ++i) {
        const auto text = api.get(call, "/x/geheim", {{"token", "other"}}).error().message;
        for (std::string_view secret : {"geheim", "YWRtaW46Z2VoZWlt", "other"})
            EXPECT_EQ(text.find(secret), std::string::npos) << text;
    }
}

TEST_F(ApiTest, StoppingEndsAnyWaitAtOnce)
{
    std::stop_source stop;
    call.stop = stop.get_token();
    wire.then(503);
    clock.on_wait = [&](std::size_t) { stop.request_stop(); };
    auto api = this->api();
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::cancelled);
    EXPECT_EQ(wire.requests.size(), 1U);
}

TEST_F(ApiTest, DoesNotWaitForWhatTheDeadlineForbids)
{
    call.deadline = clock.now() + 1s;
    wire.then(503, R"({"err":"starting"})", {{"Retry-After", "30"}});
    auto api = this->api();
    EXPECT_EQ(api.get(call, "/x").error().message, "Array at a: GET /x: starting");
}

TEST(RealClock, LeavesAWaitWhenStoppedAndRefusesOnePastTheDeadline)
{
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_EQ(real_clock().wait(Call{.stop = stop.get_token()}, 1h).error().code, Errc::cancelled);
    EXPECT_EQ(real_clock().wait(Call{}.within(1min), 1h).error().code, Errc::timed_out);
}

TEST(Throttle, LetsNoMoreInThanItsLimitAndObeysStop)
{
    Throttle throttle(1);
    auto first = throttle.enter({});
    ASSERT_TRUE(first);
    EXPECT_EQ(throttle.enter(Call{}.within(0ms)).error().code, Errc::timed_out);

    std::stop_source stop;
    std::latch waiting(1);
    Result<void> outcome;
    std::jthread second([&] {
        waiting.count_down();
        if (auto permit = throttle.enter(Call{.stop = stop.get_token()}); !permit)
            outcome = permit.error();
    });
    waiting.wait();
    stop.request_stop();
    second.join();
    EXPECT_EQ(outcome.error().code, Errc::cancelled);

    first->reset();
    EXPECT_TRUE(throttle.enter(Call{}.within(0ms)));
}

TEST_F(ApiTest, APostThatOnlyReadsIsRepeatedLikeAGet)
{
    wire.then_error(Errc::indeterminate, "connection_lost").then_error(Errc::timed_out).then(200, R"({"id":"5"})");
    auto api = this->api();
    EXPECT_TRUE(api.read_by_post(call, "/lsthing", {{"name", "x"}}));
    ASSERT_EQ(wire.requests.size(), 3U);
    EXPECT_EQ(wire.requests[2].method, Method::post);
    EXPECT_EQ(wire.requests[2].body, R"({"name":"x"})");

    for (int i = 0; i < 5; ++i)
        wire.then_error(Errc::indeterminate, "connection_lost");
    EXPECT_EQ(api.read_by_post(call, "/lsthing", Json::object()).error().code, Errc::unavailable)
        << "nothing can have taken effect";
    wire.then(200, "<html>");
    EXPECT_EQ(api.read_by_post(call, "/lsthing", Json::object()).error().code, Errc::failed);
}

TEST_F(ApiTest, AReplyThatIsNoneIsAskedForAgainButOnlyByReads)
{
    auto rules = this->rules();
    rules.retry.no_answer = [](const Reply& reply) { return reply.body.empty(); };
    Api api(wire, rules, basic("admin", Secret("geheim")), clock);
    wire.then(409, "").then(502, "").then(200, "{}");
    EXPECT_TRUE(api.read_by_post(call, "/lsthing", Json::object()));
    wire.then(502, "").then(200, "{}");
    EXPECT_TRUE(api.get(call, "/thing"));

    wire.then(409, "");
    EXPECT_EQ(api.post(call, "/mkthing", Json::object()).error().code, Errc::conflict);
    EXPECT_TRUE(wire.replies.empty());
    for (int i = 0; i < 5; ++i)
        wire.then(409, "");
    EXPECT_EQ(api.read_by_post(call, "/lsthing", Json::object()).error().code, Errc::conflict) << "not for ever";

    Api with_session(wire, rules, session(primera_like()), clock);
    wire.then(409, "").then(201, R"({"key":"k-1"})").then(200, "{}");
    EXPECT_TRUE(with_session.post(call, "/mkthing", Json::object())) << "signing in is repeated too";
    wire.then(200);
}

// --- sessions: the shapes the other arrays use

TEST_F(ApiTest, SignsInOnceUsesTheKeyAndSignsOut)
{
    {
        Api api(wire, rules(), session(primera_like()), clock);
        wire.then(201, R"({"key":"k-1234"})").then(200).then(200).then(200);
        EXPECT_TRUE(api.get(call, "/x"));
        EXPECT_TRUE(api.get(call, "/x"));
    }
    ASSERT_EQ(wire.requests.size(), 4U);
    EXPECT_EQ((Reply{.headers = wire.requests[2].headers}.header("X-Key")), "k-1234");
    EXPECT_EQ(wire.requests[3].url, "https://a/login/k-1234");
}

TEST_F(ApiTest, ALapsedKeyLeadsToOneNewSignInAndARealRefusalToNone)
{
    Api api(wire, rules(), session(primera_like()), clock);
    wire.then(201, R"({"key":"k-1"})").then(403, R"({"code":6})").then(201, R"({"key":"k-2"})").then(201, "{}");
    EXPECT_TRUE(api.post(call, "/x", {{"a", 1}}));
    EXPECT_EQ(wire.requests[3].body, wire.requests[1].body);

    wire.then(403, R"({"code":13})");
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::denied);

    wire.then(403, R"({"code":6})").then(201, R"({"key":"k-3"})").then(403, R"({"code":6})");
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::denied) << "no endless signing in";
}

TEST_F(ApiTest, WhoIsKnockedOutBySomebodyElsesSignInComesBackWithGrowingPausesButNotForEver)
{
    auto session_rules = primera_like();
    session_rules.renewals = {100ms, 1000ms, 2000ms};
    Api api(wire, rules(), session(session_rules), clock);
    const auto knocked_out = [&](int times) {
        for (int i = 0; i < times; ++i)
            wire.then(403, R"({"code":6})").then(201, R"({"key":"k-2"})");
    };
    wire.then(201, R"({"key":"k-1"})");
    knocked_out(3);
    wire.then(201, "{}");
    EXPECT_TRUE(api.post(call, "/x", {{"a", 1}}));
    ASSERT_EQ(clock.waits.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_GE(clock.waits[i], session_rules.renewals[i] / 2);
        EXPECT_LE(clock.waits[i], session_rules.renewals[i] * 3 / 2);
    }

    knocked_out(3);
    wire.then(403, R"({"code":6})");
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::denied);
    EXPECT_TRUE(wire.replies.empty());

    std::stop_source stop;
    call.stop = stop.get_token();
    clock.on_wait = [&](std::size_t) { stop.request_stop(); };
    wire.then(201, R"({"key":"k-3"})").then(403, R"({"code":6})");
    EXPECT_EQ(api.get(call, "/x").error().code, Errc::cancelled);
}

TEST_F(ApiTest, ASignInThatIsOneTooManyWaitsAsLongAsTheArrayAsks)
{
    Api api(wire, rules(), session(primera_like()), clock);
    wire.then(429, "Too Many Requests", {{"Retry-After", "7"}})
        .then(429, "Too Many Requests")
        .then(201, R"({"key":"k1"})");
    wire.then(200, "{}").then(200, ""); // the last: signing out
    EXPECT_TRUE(api.post(call, "/x", Json::object())) << "nothing was done, so even a POST goes on";
    EXPECT_EQ(clock.waits, (std::vector<std::chrono::milliseconds>{7s, 1s})) << "as asked; then our own pause";
    EXPECT_EQ(wire.requests.size(), 4U);
}

TEST_F(ApiTest, TooManyRequestsToTheEndAreNotBusyWhichMeansATakenLunNumber)
{
    Api api(wire, rules(), basic("u", Secret("p")), clock);
    for (int attempt = 0; attempt < Retry{}.attempts; ++attempt)
        wire.then(429, "Too Many Requests");
    const auto error = api.get(call, "/x").error();
    EXPECT_EQ(error.code, Errc::unavailable);
    EXPECT_NE(error.message.find("HTTP 429: Too Many Requests"), std::string::npos) << error.message;
}

TEST_F(ApiTest, NoArrayMakesUsWaitForEver)
{
    Api api(wire, rules(), session(primera_like()), clock);
    wire.then(429, "", {{"Retry-After", "86400"}}).then(201, R"({"key":"k1"})").then(200, "{}").then(200, "");
    EXPECT_TRUE(api.get(call, "/x"));
    EXPECT_EQ(clock.waits, std::vector<std::chrono::milliseconds>{rules().retry.longest_retry_after});
}

TEST_F(ApiTest, RefusedSignInIsDeniedAndItsWordsAreRedacted)
{
    Api api(wire, rules(), session(primera_like()), clock);
    wire.then(403, R"(bad geheim)");
    const auto reply = api.get(call, "/x");
    EXPECT_EQ(reply.error().code, Errc::denied);
    EXPECT_EQ(reply.error().message, "Array at a: GET /x: sign in: HTTP 403: bad ***");
    EXPECT_NE(reply.error().remedy.find("STORAGE_USERNAME"), std::string::npos);
}

TEST_F(ApiTest, CookiesAndARotatingTokenAreFollowed)
{
    Api api(wire, rules(),
            session({.open = one_step({.url = "/login_session", .headers = {basic_header("admin", Secret("geheim"))}},
                                      [](const Reply& reply) -> Result<std::vector<Header>> {
                                          auto headers = from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
                                          if (auto cookie = cookies_of(reply); headers && cookie)
                                              headers->push_back(*cookie);
                                          return headers;
                                      }),
                     .lapsed = {},
                     .renewed =
                         [](const Reply& reply) {
                             const auto newer = from_reply_header(reply, "DELL-EMC-TOKEN", "DELL-EMC-TOKEN");
                             return newer ? *newer : std::vector<Header>{};
                         },
                     .logout = {},
                     .secrets = {Secret("geheim")}}),
            clock);
    wire.then(200, "[]", {{"DELL-EMC-TOKEN", "t1"}, {"Set-Cookie", "auth_cookie=c1; Path=/"}, {"set-cookie", "b=2"}})
        .then(200, "[]", {{"DELL-EMC-TOKEN", "t2"}})
        .then(200, "[]");
    EXPECT_TRUE(api.get(call, "/x"));
    EXPECT_TRUE(api.get(call, "/x"));
    const Reply first{.headers = wire.requests[1].headers};
    EXPECT_EQ(first.header("Cookie"), "auth_cookie=c1; b=2");
    EXPECT_EQ(first.header("DELL-EMC-TOKEN"), "t1");
    EXPECT_EQ((Reply{.headers = wire.requests[2].headers}.header("DELL-EMC-TOKEN")), "t2");
}

// --- pages and jobs

Page split(const Answer& answer)
{
    Page page{.records = {}, .next = text_at(answer.body, "next")};
    for (const Json& record : list_at(answer.body, "records"))
        page.records.push_back(record);
    return page;
}

TEST_F(ApiTest, PagesAreFollowedToTheLastEvenThroughAnEmptyOne)
{
    wire.then(200, R"({"records":[1],"next":"/l?p=2"})")
        .then(200, R"({"next":"/l?p=3"})")
        .then(200, R"({"records":[2]})");
    auto api = this->api();
    const auto records = all_records(api, call, "/l", split);
    ASSERT_TRUE(records);
    EXPECT_EQ(records->size(), 2U);
    EXPECT_EQ(wire.requests[2].url, "https://a/l?p=3");
}

TEST_F(ApiTest, ANextPageElsewhereIsNotFollowedForItWouldTakeThePasswordAlong)
{
    auto api = this->api();
    for (const auto* next : {R"({"next":"https://evil/l"})", R"({"next":"@evil/l"})", R"({"next":".evil/l"})"}) {
        wire.requests.clear();
        wire.then(200, next);
        EXPECT_FALSE(all_records(api, call, "/l", split));
        EXPECT_EQ(wire.requests.size(), 1U);
    }
}

TEST_F(ApiTest, PollingPausesLongerAndLongerUntilTheJobIsDone)
{
    int looks = 0;
    const auto done =
        poll(call, clock, {.first = 100ms, .longest = 300ms, .growth = 2}, [&]() -> Result<std::optional<Json>> {
            if (++looks < 5)
                return std::optional<Json>();
            return std::optional<Json>(Json{{"state", "success"}});
        });
    ASSERT_TRUE(done);
    EXPECT_EQ(text_at(*done, "state"), "success");
    EXPECT_EQ(clock.waits, (std::vector<std::chrono::milliseconds>{100ms, 200ms, 300ms, 300ms}));
}

TEST_F(ApiTest, PollingEndsWithStopDeadlineAndFailure)
{
    const auto never = []() -> Result<std::optional<Json>> { return std::optional<Json>(); };
    EXPECT_EQ(poll({.deadline = clock.now() + 2s}, clock, {}, never).error().code, Errc::timed_out);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(poll({.stop = stop.get_token()}, clock, {}, never).error().code, Errc::cancelled);
    EXPECT_EQ(poll(call, clock, {},
                   []() -> Result<std::optional<Json>> {
                       return Error{Errc::failed, "job"};
                   })
                  .error()
                  .code,
              Errc::failed);
}

} // namespace
} // namespace xcopy::rest
