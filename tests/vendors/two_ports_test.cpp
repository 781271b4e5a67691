#include "vendors/rest/two_ports.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace xcopy::rest {
namespace {

// Answers by the address that was asked.
class Addresses : public Transport {
public:
    Result<Reply> send(const Call&, const Request& request, const Tls&) override
    {
        asked.push_back(request.url);
        return answer(request.url);
    }
    std::function<Result<Reply>(const std::string& url)> answer;
    std::vector<std::string> asked;
};

const Error refused{Errc::unavailable, "nothing listens", "", "connect_refused"};

struct TwoPortsTest : testing::Test {
    Result<Reply> post(const std::string& path = "/login")
    {
        return ports->send(call, {.method = Method::post, .url = "https://a" + path, .body = "{}"}, {});
    }
    Addresses wire;
    Call call;
    std::unique_ptr<Transport> ports = two_ports(wire, "https://a", "https://a:8080");
};

TEST_F(TwoPortsTest, TheFirstIsUsedWhereItAnswers)
{
    wire.answer = [](const std::string&) { return Reply{.status = 201}; };
    EXPECT_TRUE(post());
    wire.answer = [](const std::string&) { return refused; };
    EXPECT_FALSE(post()) << "the array restarts; it does not move";
    EXPECT_EQ(wire.asked, (std::vector<std::string>{"https://a/login", "https://a/login"}));
}

TEST_F(TwoPortsTest, TheSecondIsUsedAndRememberedWhereNothingListensAtTheFirst)
{
    wire.answer = [](const std::string& url) {
        return url.starts_with("https://a:8080/") ? Result<Reply>(Reply{.status = 201}) : refused;
    };
    EXPECT_TRUE(post());
    EXPECT_TRUE(post("/x?query=1"));
    EXPECT_EQ(wire.asked,
              (std::vector<std::string>{"https://a/login", "https://a:8080/login", "https://a:8080/x?query=1"}));
}

TEST_F(TwoPortsTest, WhereNeitherAnswersBothAreNamedAndNothingIsRemembered)
{
    wire.answer = [](const std::string& url) {
        return Error{Errc::unavailable, url + " refused", "", "connect_refused"};
    };
    const auto reply = post();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().message, "https://a/login refused; and https://a:8080/login refused");
    wire.answer = [](const std::string&) { return Reply{.status = 201}; };
    EXPECT_TRUE(post());
    EXPECT_EQ(wire.asked.back(), "https://a/login");
}

TEST_F(TwoPortsTest, ARequestThatMayHaveGoneOutIsNotSentElsewhere)
{
    for (const Error& error :
         {Error{Errc::indeterminate, "lost", "", "connection_lost"},
          Error{Errc::denied, "no trust", "", "untrusted_certificate"}, Error{Errc::timed_out, "late"}}) {
        wire.asked.clear();
        wire.answer = [&](const std::string&) { return error; };
        EXPECT_EQ(post().error().code, error.code);
        EXPECT_EQ(wire.asked.size(), 1U);
    }
}

} // namespace
} // namespace xcopy::rest
