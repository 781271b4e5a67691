#include "agent/http/message.hpp"
#include "agent/http/tls.hpp"

#include <gtest/gtest.h>

namespace xcopy::http {

TEST(Target, IsSplitAndDecoded)
{
    Request request;
    request.target = "/v1/clones/a%2Db?after=12&wait=%35&flag";
    ASSERT_TRUE(split_target(request));
    EXPECT_EQ(request.segments, (std::vector<std::string>{"v1", "clones", "a-b"}));
    EXPECT_EQ(request.query["after"], "12");
    EXPECT_EQ(request.query["wait"], "5");
    EXPECT_EQ(request.query["flag"], "");
}

TEST(Target, WithABrokenEscapeIsRefused)
{
    for (const char* bad : {"", "v1", "*", "/v1/%", "/v1/%4", "/v1/%zz", "/v1?a=%g1", "https://host/v1"}) {
        Request request;
        request.target = bad;
        EXPECT_FALSE(split_target(request)) << bad;
    }
}

TEST(Pattern, FitsWholePathsOnly)
{
    EXPECT_EQ(match("/v1/clones/{id}", {"v1", "clones", "x"}), "x");
    EXPECT_EQ(match("/v1/clones/{id}/cancel", {"v1", "clones", "x", "cancel"}), "x");
    EXPECT_EQ(match("/v1/clones", {"v1", "clones"}), "");
    EXPECT_FALSE(match("/v1/clones/{id}", {"v1", "clones"}));
    EXPECT_FALSE(match("/v1/clones", {"v1", "clones", "x"}));
    EXPECT_FALSE(match("/v1/clones/{id}/cancel", {"v1", "clones", "x"}));
    EXPECT_FALSE(match("/v1/clones", {}));
}

TEST(Role, IsAnExactUri)
{
    EXPECT_EQ(role_among({"xcopy://role/operator"}), Role::operator_);
    EXPECT_EQ(role_among({"spiffe://x", "xcopy://role/observer"}), Role::observer);
    EXPECT_EQ(role_among({"xcopy://role/observer", "xcopy://role/operator"}), Role::operator_);
    EXPECT_FALSE(role_among({"xcopy://role/operator/", "xcopy://role/operators", "XCOPY://role/operator"}));
    EXPECT_FALSE(role_among({std::string("xcopy://role/operator\0.evil", 27)}));
}

} // namespace xcopy::http
