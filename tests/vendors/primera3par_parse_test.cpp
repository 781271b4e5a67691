#include "vendors/primera3par/parse.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::primera3par {
namespace {

using rest::Json;
using Phase = ArrayCopyState::Phase;

Json recorded_volume()
{
    return Json::parse(R"({"id":6189,"name":"pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3","wwn":"60002AC0000000000000182D00021F6B",
        "uuid":"0d5c6c1e-97c7-4f3b-8a49-6a6f0b1c2d3e","sizeMiB":20480,"copyType":1,"readOnly":false,"state":1})");
}

TEST(Primera3parVolume, NaaIsTheWwnInLowerCase)
{
    const auto volume = parse_volume(recorded_volume());
    ASSERT_TRUE(volume) << volume.error().message;
    EXPECT_EQ(volume->naa, "naa.60002ac0000000000000182d00021f6b");
    EXPECT_EQ(volume->size_bytes, 20480ULL << 20);
    auto old = recorded_volume();
    old["wwn"] = "50002AC000001C9F";
    EXPECT_EQ(parse_volume(old)->naa, "naa.50002ac000001c9f");
}

TEST(Primera3parVolume, WhatCannotBeTrustedOrWrittenIsRefused)
{
    const auto with = [](const char* change) {
        auto record = recorded_volume();
        record.merge_patch(Json::parse(change));
        return parse_volume(record).error().code;
    };
    EXPECT_EQ(with(R"({"wwn":"600A0980383139544924583130314C41"})"), Errc::failed);
    EXPECT_EQ(with(R"({"wwn":"60002AC0000000000000182D00021F6"})"), Errc::failed);
    EXPECT_EQ(with(R"({"wwn":"60002AC000001C9F"})"), Errc::failed);
    EXPECT_EQ(with(R"({"wwn":null})"), Errc::failed);
    EXPECT_EQ(with(R"({"sizeMiB":0})"), Errc::failed);
    EXPECT_EQ(with(R"({"sizeMiB":-1})"), Errc::failed);
    EXPECT_EQ(with(R"({"name":"../x"})"), Errc::failed);
    EXPECT_EQ(with(R"({"copyType":3})"), Errc::unsupported);
    EXPECT_EQ(with(R"({"state":3})"), Errc::unavailable);
}

TEST(Primera3parHost, PathsAreUpperCaseAndRepeatedForEachPort)
{
    const auto host = parse_host(Json::parse(R"({"id":12,"name":"esx-a","persona":8,"FCPaths":[
        {"wwn":"21000024FF2F3266","portPos":{"node":0,"slot":1,"cardPort":2}},
        {"wwn":"21000024FF2F3266","portPos":{"node":1,"slot":1,"cardPort":2}}],
        "iSCSIPaths":[{"name":"iqn.1998-01.com.VMware:ESX-A"}]})"));
    EXPECT_EQ(host.id, "host:esx-a");
    EXPECT_TRUE(share_an_initiator(host.initiator_ids, {capital_hex("21000024ff2f3266")}));
    EXPECT_TRUE(share_an_initiator(host.initiator_ids, {capital_hex("iqn.1998-01.com.vmware:esx-a")}));
    EXPECT_TRUE(parse_host(Json::parse(R"({"FCPaths":[{"wwn":"21000024FF41DCF7"}]})")).name.empty());
}

TEST(Primera3parHost, OnlyIdsOfOursBecomePartOfAnExport)
{
    EXPECT_EQ(hostname_of("host:esx-1"), "esx-1");
    EXPECT_EQ(hostname_of("set:cluster"), "set:cluster");
    for (const char* none :
         {"", "esx-1", "host:", "set:", "host:a/b", "host:..", "set:a,b", "port:0:1:2", "host:set:x", "x:esx-1"})
        EXPECT_EQ(hostname_of(none), "") << none;
}

Json row(const char* change)
{
    auto record = Json::parse(R"({"lun":4,"volumeName":"pvc-1","hostname":"worker-1","type":3,"active":false})");
    record.merge_patch(Json::parse(change));
    return record;
}

TEST(Primera3parExports, ActivePathsAreNoMappingsOfTheirOwn)
{
    const auto path = R"({"active":true,"remoteName":"100000109B3C0001","portPos":{"node":0,"slot":1,"cardPort":2}})";
    const auto mappings = mappings_in({row("{}"), row(path), row(R"({"lun":1,"hostname":"set:cluster","type":5})")});
    ASSERT_EQ(mappings.size(), 2U);
    EXPECT_EQ(mappings[0].host.id, "host:worker-1");
    EXPECT_EQ(mappings[0].host.initiator_ids, std::vector<std::string>{"100000109B3C0001"});
    EXPECT_EQ(mappings[0].lun, 4);
    EXPECT_EQ(mappings[1].host.id, "set:cluster");
}

TEST(Primera3parExports, APathOfAHostSetBelongsToTheSetWhateverNameItCarries)
{
    for (const char* name : {"esx-1", "set:cluster"}) {
        auto path = row(R"({"lun":1,"type":5,"active":true,"remoteName":"21000024FF2F3266"})");
        path["hostname"] = name;
        const auto mappings = mappings_in({path, row(R"({"lun":1,"hostname":"set:cluster","type":5})")});
        ASSERT_EQ(mappings.size(), 1U) << name;
        EXPECT_EQ(mappings[0].host.id, "set:cluster");
        EXPECT_EQ(mappings[0].host.initiator_ids.size(), 1U);
    }
}

TEST(Primera3parExports, APathWithoutTemplateCountsAsItsHosts)
{
    const auto mappings = mappings_in({row(R"({"active":true,"remoteName":"21000024FF2F3266"})")});
    ASSERT_EQ(mappings.size(), 1U);
    EXPECT_EQ(mappings[0].host.id, "host:worker-1");
}

TEST(Primera3parExports, ATemplateIsAddressedWithItsPortWhenItIsAMatchedSet)
{
    const char* at = R"({"portPos":{"node":0,"slot":1,"cardPort":2},"type":4})";
    EXPECT_EQ(template_in(row("{}")), "pvc-1,4,worker-1");
    EXPECT_EQ(template_in(row(at)), "pvc-1,4,worker-1,0:1:2");
    EXPECT_EQ(template_in(row(R"({"hostname":"set:cluster","type":5})")), "pvc-1,4,set:cluster");
    EXPECT_EQ(template_in(row(R"({"active":true})")), "");
}

Json task(const char* change)
{
    auto record = Json::parse(R"({"id":4711,"type":1,"name":"vv1->pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3","status":2,
        "completedPhases":0,"totalPhases":1,"completedSteps":38,"totalSteps":160,"finishTime":"-"})");
    record.merge_patch(Json::parse(change));
    return record;
}

ArrayCopyState state_of(const Json& record)
{
    return parse_task(record).state;
}

TEST(Primera3parTask, DoneIsStatusOneAndNothingElse)
{
    EXPECT_EQ(state_of(task("{}")).phase, Phase::running);
    EXPECT_EQ(state_of(task("{}")).percent, 23);
    EXPECT_EQ(state_of(task(R"({"completedSteps":160})")).phase, Phase::running);
    EXPECT_EQ(state_of(task(R"({"completedSteps":160})")).percent, 99);
    EXPECT_EQ(state_of(task(R"({"status":1})")).phase, Phase::done);
    for (const char* other : {R"({"status":3})", R"({"status":4})", R"({"status":null})", R"({"status":9})"})
        EXPECT_EQ(state_of(task(other)).phase, Phase::failed) << other;
    EXPECT_EQ(state_of(task(R"({"totalPhases":2,"completedPhases":1,"completedSteps":80})")).percent, 75);
    EXPECT_EQ(state_of(task(R"({"totalPhases":0,"totalSteps":0})")).phase, Phase::running);
}

TEST(Primera3parTask, IsRecognisedByItsNameEvenIfThatIsCut)
{
    const ArrayCopy copy{"job", {"vv1", "vv1", "", "", 1}, {"pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3", "", "", "", 1}};
    EXPECT_TRUE(is_copy(task("{}"), copy));
    EXPECT_TRUE(is_copy(task(R"({"name":"vv1->pvc-5f0c2d3e"})"), copy));
    EXPECT_FALSE(is_copy(task(R"({"name":"vv1->pvc-"})"), copy)) << "that may be anybody's";
    EXPECT_FALSE(is_copy(task(R"({"name":"vv1->pvc-5f0c2d3f"})"), copy));
    EXPECT_FALSE(is_copy(task(R"({"name":"vv2->pvc-5f0c2d3e"})"), copy));
    EXPECT_FALSE(is_copy(task(R"({"name":""})"), copy));
    EXPECT_FALSE(is_copy(task(R"({"type":4})"), copy)) << "a promote";
    EXPECT_FALSE(is_copy(task(R"({"id":null})"), copy));
}

TEST(Primera3parErrors, TheNumberDecides)
{
    const auto reply = [](int status, const char* body) { return rest::Reply{.status = status, .body = body}; };
    EXPECT_TRUE(has_lapsed(reply(403, R"({"code":6,"desc":"x"})")));
    EXPECT_TRUE(has_lapsed(reply(401, "")));
    EXPECT_FALSE(has_lapsed(reply(403, R"({"code":13})")));
    EXPECT_FALSE(has_lapsed(reply(403, R"({"code":5})")));
    EXPECT_FALSE(has_lapsed(reply(403, "<html>")));
    EXPECT_TRUE(key_in_use(reply(409, R"({"code":6})")));
    EXPECT_TRUE(key_in_use(reply(409, "")));
    EXPECT_FALSE(key_in_use(reply(409, R"({"code":73})")));
    EXPECT_FALSE(key_in_use(reply(403, R"({"code":6})")));

    const auto decoded = [&](int status, const char* body) {
        const auto json = Json::parse(body);
        return decode_error(reply(status, body), &json);
    };
    EXPECT_EQ(decoded(404, R"({"code":23,"desc":"volume does not exist"})")->code, Errc::not_found);
    EXPECT_EQ(decoded(409, R"({"code":18,"desc":"x"})")->code, Errc::busy);
    EXPECT_EQ(decoded(403, R"({"code":13,"desc":"x"})")->code, Errc::denied);
    EXPECT_EQ(decoded(200, R"({"total":1,"members":[],"success":false,"message":{"code":101,"desc":"x"}})")->code,
              Errc::failed);
    EXPECT_FALSE(decoded(200, R"({"total":0,"members":[]})"));
    EXPECT_FALSE(decoded(200, R"({"code":7})"));
}

} // namespace
} // namespace xcopy::primera3par
