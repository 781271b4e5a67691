// FlashSystem's rows, names and errors: facts 4 to 8.
#include "vendors/flashsystem/flashsystem.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::flashsystem {
namespace {

using rest::Json;

constexpr const char* uid = "600507681088804CB800000000001074";

TEST(FlashSystemHandle, AllThreeFormsOfTheCsiDriver)
{
    const auto plain = parse_handle("SVC:5;600507681088804CB800000000001074");
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(plain->id, "5");
    EXPECT_EQ(plain->uid, uid);
    EXPECT_EQ(plain->system, "");
    const auto topology = parse_handle("SVC:0000020423a12f56:5;600507681088804cb800000000001074");
    ASSERT_TRUE(topology);
    EXPECT_EQ(topology->system, "0000020423a12f56");
    EXPECT_EQ(topology->id, "5");
    EXPECT_EQ(topology->uid, uid);
    const auto oldest = parse_handle("SVC:600507681088804CB800000000001074");
    ASSERT_TRUE(oldest);
    EXPECT_EQ(oldest->id, "");
    EXPECT_EQ(oldest->uid, uid);
}

TEST(FlashSystemHandle, OtherArraysOfTheDriverAndNonsenseAreRefused)
{
    EXPECT_EQ(parse_handle("DS8K:5;600507681088804CB800000000001074").error().code, Errc::unsupported);
    EXPECT_EQ(parse_handle("A9000:1;6001738CFC9035E8000000000091E219").error().code, Errc::unsupported);
    for (const char* bad : {"", ";", "SVC", "SVC:", "SVC:;600507681088804CB800000000001074",
                            "SVC:5;600507681088804CB8000000000010", "SVC:5;6000D31000000000000000000000AAAA", "SVC:5;",
                            "SVC:x;600507681088804CB800000000001074", "SVC:a:b:5;600507681088804CB800000000001074",
                            "SVC:zz:5;600507681088804CB800000000001074", "SVC:5;600507681088804CB800000000001074;1",
                            "SVC:1:600507681088804CB800000000001074", "5;600507681088804CB800000000001074"})
        EXPECT_EQ(parse_handle(bad).error().code, Errc::bad_request) << bad;
}

TEST(FlashSystemVolume, NaaSizeAndWhatCannotBeMapped)
{
    Json row = {{"id", "5"},
                {"name", "CSI_pvc-9a4d1c2e"},
                {"status", "online"},
                {"capacity", "21474836480"},
                {"vdisk_UID", "6005076810CA0166C00000000000019F"}};
    const auto volume = parse_volume(row);
    ASSERT_TRUE(volume) << volume.error().message;
    EXPECT_EQ(volume->naa, "naa.6005076810ca0166c00000000000019f");
    EXPECT_EQ(volume->size_bytes, 21474836480U);
    row["status"] = "degraded"; // one of its copies is away
    EXPECT_TRUE(parse_volume(row));
    row["status"] = "offline";
    EXPECT_EQ(parse_volume(row).error().code, Errc::unsupported);
    row["status"] = "online";
    row["protocol"] = "fcnvme";
    EXPECT_EQ(parse_volume(row).error().code, Errc::unsupported);
    row["protocol"] = "fcscsi";
    row["capacity"] = "20.00GB"; // rounded: no size to rely on
    EXPECT_EQ(parse_volume(row).error().code, Errc::failed);
}

TEST(FlashSystemHost, PortsAreNestedAndSpelledOneWay)
{
    const auto fc = Json::parse(R"({"id":"14","nodes":[{"WWPN":"21000024ff2f3266","state":"active"},
                                   {"WWPN":"21000024FF2F3267"}]})");
    EXPECT_EQ(ports_in(rest::records_at(fc, "nodes")),
              (std::vector<std::string>{"21000024FF2F3266", "21000024FF2F3267"}));
    const auto iscsi = Json::parse(R"({"nodes":[{"iscsi_name":"iqn.1998-01.com.vmware:ESX-1"}]})");
    EXPECT_EQ(ports_in(rest::records_at(iscsi, "nodes")), std::vector<std::string>{"iqn.1998-01.com.vmware:esx-1"});
    EXPECT_EQ((Initiator{.kind = Initiator::Kind::fc, .wwpn = "21000024ff2f3266"}.in_capitals()), "21000024FF2F3266");
}

rest::Reply reply(int status, std::string body)
{
    return {.status = status, .body = std::move(body)};
}

std::optional<Error> decoded(int status, const std::string& body)
{
    const auto json = rest::parse_json(body);
    return decode_error(reply(status, body), json ? &*json : nullptr);
}

TEST(FlashSystemError, TheCodeCountsWhateverTheStatus)
{
    for (const auto& error : {decoded(500, R"("Command error occurred; error code 1: CMMVC5879E taken.")"),
                              decoded(409, R"("error code: 1, error text: CMMVC5879E taken.")"),
                              decoded(400, "CMMVC5879E taken.\n"), decoded(200, R"("CMMVC5879E taken.")")}) {
        ASSERT_TRUE(error);
        EXPECT_EQ(error->code, Errc::busy);
        EXPECT_EQ(error->reason, "flashsystem_CMMVC5879E");
    }
    EXPECT_EQ(decoded(500, "xCMMVC12 CMMVC6071E.")->reason, "flashsystem_CMMVC6071E");
    for (const char* no_code : {"CMMVC6071", "CMMVC6071X"})
        EXPECT_FALSE(decoded(500, no_code)) << no_code;
}

TEST(FlashSystemError, ANameLikeACodeInARowIsNoError)
{
    EXPECT_FALSE(decoded(200, R"([{"name":"CMMVC6071E"}])"));
    EXPECT_FALSE(decoded(200, R"({"id":"0","message":"created CMMVC6372W"})"));
    EXPECT_FALSE(decoded(200, ""));
}

TEST(FlashSystemError, AWarningIsLookedAt)
{
    const auto warned = decoded(409, R"("CMMVC6372W done, but")");
    ASSERT_TRUE(warned);
    EXPECT_EQ(warned->code, Errc::indeterminate);
}

TEST(FlashSystemError, ProtectionIsKnownByItsWordsForItsNumberIsUnknown)
{
    for (const char* words : {"CMMVC8999E it was active within the volume protection period",
                              "CMMVC1111E refused: recent I/O", "CMMVC2222E the volume was recently active"}) {
        const auto error = decoded(409, Json(words).dump());
        ASSERT_TRUE(error);
        EXPECT_EQ(error->reason, "flashsystem_protected") << words;
        EXPECT_EQ(afterwards(*error), Afterwards::wait_first);
        EXPECT_NE(error->remedy.find("chmdiskgrp"), std::string::npos);
    }
}

TEST(FlashSystemError, HalfAnAnswerIsNone)
{
    EXPECT_TRUE(is_no_answer(reply(409, "")));
    EXPECT_TRUE(is_no_answer(reply(502, "<html>")));
    EXPECT_TRUE(is_no_answer(reply(500, "")));
    EXPECT_TRUE(is_no_answer(reply(200, R"([{"id":"5")")));
    EXPECT_FALSE(is_no_answer(reply(200, "")));
    EXPECT_FALSE(is_no_answer(reply(200, "[]")));
    EXPECT_FALSE(is_no_answer(reply(500, R"("CMMVC6071E")")));
    EXPECT_FALSE(is_no_answer(reply(403, "")));
}

TEST(FlashSystemCopy, DoneIsIdleAtHundredPercentAndNothingElse)
{
    using Phase = ArrayCopyState::Phase;
    const auto phase = [](const char* status, const char* progress) {
        return parse_copy({{"name", "m"}, {"status", status}, {"progress", progress}}).state.phase;
    };
    EXPECT_EQ(phase("idle_or_copied", "100"), Phase::done);
    EXPECT_EQ(phase("idle_or_copied", "0"), Phase::absent);
    EXPECT_EQ(phase("idle_or_copied", ""), Phase::absent);
    EXPECT_EQ(phase("copying", "100"), Phase::running);
    for (const char* status : {"preparing", "prepared", "stopping"})
        EXPECT_EQ(phase(status, "0"), Phase::running);
    for (const char* status : {"stopped", "suspended", "", "anything"})
        EXPECT_EQ(phase(status, "100"), Phase::failed) << status;
}

} // namespace
} // namespace xcopy::flashsystem
