#include "coordinator/kube/status.hpp"
#include "coordinator/kube/values.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::kube {
namespace {

TEST(Quantity, ReadsEverySpellingOfASize)
{
    const std::uint64_t gib = std::uint64_t{1} << 30;
    EXPECT_EQ(parse_quantity("10737418240"), 10 * gib);
    EXPECT_EQ(parse_quantity("10Gi"), 10 * gib);
    EXPECT_EQ(parse_quantity("1.5Ti"), 1536 * gib);
    EXPECT_EQ(parse_quantity("10G"), 10'000'000'000U);
    EXPECT_EQ(parse_quantity("2e9"), 2'000'000'000U);
    EXPECT_EQ(parse_quantity("2E+9"), 2'000'000'000U);
    EXPECT_EQ(parse_quantity("1E"), 1'000'000'000'000'000'000U);
    EXPECT_EQ(parse_quantity("1500m"), 2U) << "a part of a byte counts as one";
    EXPECT_EQ(parse_quantity("0"), 0U);
    EXPECT_EQ(parse_quantity("62914561Ki"), 62914561ULL * 1024);
}

TEST(Quantity, RefusesWhatIsNone)
{
    for (const char* bad : {"", "Gi", "-1Gi", "1GB", "1 Gi", "1.2.3", ".", "1e99", "1ei", "99999Ei", "0x10", "1e"})
        EXPECT_EQ(parse_quantity(bad), std::nullopt) << bad;
}

TEST(MicroTime, HasExactlySixDecimals)
{
    const auto time = parse_time("2026-01-02T03:04:05.000006Z");
    ASSERT_TRUE(time);
    EXPECT_EQ(to_micro_time(*time), "2026-01-02T03:04:05.000006Z");
    EXPECT_EQ(to_micro_time(*parse_time("2026-01-02T03:04:05Z")), "2026-01-02T03:04:05.000000Z");
    EXPECT_EQ(to_micro_time(*parse_time("2026-01-02T03:04:05.123456789Z")), "2026-01-02T03:04:05.123456Z");
    EXPECT_EQ(*parse_time("2026-01-02T03:04:05.5Z") - *parse_time("2026-01-02T03:04:05Z"),
              std::chrono::milliseconds(500));
    EXPECT_EQ(*parse_time(to_micro_time(now())) - now() > std::chrono::seconds(-5), true);
}

TEST(MicroTime, RefusesWhatIsNoTime)
{
    for (const char* bad : {"", "2026-01-02", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:04:05Z",
                            "2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.x6Z"})
        EXPECT_EQ(parse_time(bad), std::nullopt) << bad;
}

std::optional<Error> decoded(int status, const std::string& body)
{
    const auto json = rest::parse_json(body);
    return decode_status({.status = status, .body = body}, json ? &*json : nullptr);
}

// Recorded from kube-apiserver 1.33.
TEST(Status, TellsTheTwoConflictsApartByTheirReason)
{
    const auto exists =
        decoded(409, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":)"
                     R"("leases.coordination.k8s.io \"a\" already exists","reason":"AlreadyExists",)"
                     R"("details":{"name":"a","group":"coordination.k8s.io","kind":"leases"},"code":409})");
    const auto stale =
        decoded(409, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":)"
                     R"("Operation cannot be fulfilled on leases.coordination.k8s.io \"a\": the object has been )"
                     R"(modified; please apply your changes to the latest version and try again",)"
                     R"("reason":"Conflict","details":{"name":"a"},"code":409})");
    ASSERT_TRUE(exists && stale);
    EXPECT_EQ(exists->reason, already_exists);
    EXPECT_EQ(stale->reason, changed_meanwhile);
    EXPECT_EQ(exists->code, Errc::conflict);
    EXPECT_EQ(stale->code, Errc::conflict);
    EXPECT_NE(stale->message.find("has been modified"), std::string::npos);
}

TEST(Status, NamesTheMissingRight)
{
    const auto error =
        decoded(403, R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":)"
                     R"("persistentvolumes is forbidden: User \"system:serviceaccount:a:populator\" cannot )"
                     R"(list resource \"persistentvolumes\" in API group \"\" at the cluster scope",)"
                     R"("reason":"Forbidden","details":{"kind":"persistentvolumes"},"code":403})");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Errc::denied);
    EXPECT_EQ(error->reason, forbidden);
    EXPECT_NE(error->message.find("cannot list resource"), std::string::npos);
    EXPECT_NE(error->remedy.find("docs/kubernetes.md"), std::string::npos);
}

TEST(Status, LeavesObjectsAndForeignBodiesAlone)
{
    EXPECT_FALSE(decoded(200, R"({"kind":"Lease","metadata":{"name":"a"}})"));
    EXPECT_FALSE(decoded(502, "<html>bad gateway</html>"));
    EXPECT_FALSE(decoded(200, R"({"kind":"Status","status":"Success"})"));
    EXPECT_EQ(
        decoded(418, R"({"kind":"Status","status":"Failure","message":"tea","reason":"Teapot","code":418})")->code,
        errc_from_http_status(418));
}

TEST(Status, AServerThatSaysWhenIsAskedAgain)
{
    EXPECT_TRUE(asks_for_patience({.status = 500, .headers = {{"Retry-After", "1"}}}));
    EXPECT_FALSE(asks_for_patience({.status = 500}));
    EXPECT_FALSE(asks_for_patience({.status = 404, .headers = {{"Retry-After", "1"}}}));
}

} // namespace
} // namespace xcopy::kube
