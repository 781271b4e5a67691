#include "vendors/ontap/ontap.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::ontap {
namespace {

using rest::Json;

Json recorded_lun()
{
    return Json::parse(R"({"uuid":"2a7f6b10-5e0c-4c3a-9a44-6c0a4b0d9a11","svm":{"name":"svm1","uuid":"8f1c"},
        "name":"/vol/trident_pvc_5c9d270a/lun0","serial_number":"819TI$X101LA",
        "serial_number_hex":"383139544924583130314c41","class":"regular","os_type":"linux","enabled":true,
        "space":{"size":21474836480},"status":{"state":"online","mapped":true}})");
}

TEST(OntapNaa, IsTheOuiAndTheSerialsBytes)
{
    const auto naa_of = [](const char* serial) {
        auto record = recorded_lun();
        record["serial_number"] = serial;
        const auto lun = parse_lun(record);
        return lun ? lun->naa : lun.error().message;
    };
    EXPECT_EQ(naa_of("819TI$X101LA"), "naa.600a0980383139544924583130314c41");
    EXPECT_EQ(naa_of("819TI$X102P-"), "naa.600a098038313954492458313032502d");
    EXPECT_EQ(naa_of("ZlAFA?QMnBdX"), "naa.600a09805a6c4146413f514d6e426458");
    EXPECT_NE(naa_of("819ti$x101la"), naa_of("819TI$X101LA")) << "two LUNs may differ only by case";
    EXPECT_NE(naa_of("819TI$X101L").find("is not 12 characters long"), std::string::npos);
    EXPECT_NE(naa_of("").find("no serial number"), std::string::npos);
}

TEST(OntapLun, ARecordBecomesAVolume)
{
    const auto lun = parse_lun(recorded_lun());
    ASSERT_TRUE(lun);
    EXPECT_EQ(lun->id, "2a7f6b10-5e0c-4c3a-9a44-6c0a4b0d9a11");
    EXPECT_EQ(lun->name, "/vol/trident_pvc_5c9d270a/lun0");
    EXPECT_EQ(lun->naa, "naa.600a0980383139544924583130314c41");
    EXPECT_EQ(lun->size_bytes, 21474836480U);
}

TEST(OntapLun, WhatCannotBeTrustedOrMappedIsRefused)
{
    const auto with = [](const char* change) {
        auto record = recorded_lun();
        record.merge_patch(Json::parse(change));
        return parse_lun(record);
    };
    EXPECT_EQ(with(R"({"class":"vvol"})").error().code, Errc::unsupported);
    EXPECT_EQ(with(R"({"class":"protocol_endpoint"})").error().code, Errc::unsupported);
    EXPECT_EQ(with(R"({"status":{"state":"offline"}})").error().code, Errc::unavailable);
    EXPECT_EQ(with(R"({"serial_number":null})").error().reason, "no_serial");
    EXPECT_EQ(with(R"({"space":null})").error().code, Errc::failed);
    EXPECT_EQ(with(R"({"space":{"size":-1}})").error().code, Errc::failed);
    EXPECT_EQ(with(R"({"uuid":null})").error().code, Errc::failed);
}

TEST(OntapPlace, EveryFormTridentWritesIsUnderstood)
{
    const auto place = [](const char* id) { return place_of({"pvc-1", {{"internalID", id}}}); };
    const auto economy = place("/svm/svm1/flexvol/pool_A/lun/pvc_5c9d");
    ASSERT_TRUE(economy);
    EXPECT_EQ(economy->svm, "svm1");
    EXPECT_EQ(economy->name, "/vol/pool_A/pvc_5c9d");
    const auto asa_r2 = place("/svm/svm1/lun/pvc_5c9d");
    ASSERT_TRUE(asa_r2);
    EXPECT_EQ(asa_r2->name, "pvc_5c9d");
    const auto named = place_of({"pvc-1", {{"internalName", "trident_pvc_1"}}});
    ASSERT_TRUE(named);
    EXPECT_EQ(named->name, "/vol/trident_pvc_1/lun0");
    EXPECT_EQ(named->folder, "/vol/trident_pvc_1/");
    for (const char* other : {"", "/svm/svm1", "/svm//lun/x", "/svm/s/flexvol/v/lun/", "/svm/s/flexvol/v/qtree/q",
                              "/svm/s/flexvol/v/namespace/n", "pvc_5c9d"})
        EXPECT_FALSE(place(other)) << other;
}

TEST(OntapLiteral, OnlyPatternsAreQuoted)
{
    EXPECT_EQ(literal("/vol/trident_pvc_1/lun0"), "/vol/trident_pvc_1/lun0");
    EXPECT_EQ(literal("a*b"), "\"a*b\"");
    EXPECT_EQ(literal("a..b"), "\"a..b\"");
    EXPECT_EQ(literal("a\"|b"), "{a\"|b}");
}

TEST(OntapIgroup, OnePerHostNamedAfterItsUuidAndItsKindOfAdapters)
{
    const Initiator fc{.kind = Initiator::Kind::fc, .wwpn = "21000024ff1a2b3c"};
    const Initiator iscsi{.kind = Initiator::Kind::iscsi, .name = "iqn.1998-01.com.vmware:esx1"};
    const std::string uuid = "4c4c4544-0042-4a10-8035-b4c04f4b3333";
    EXPECT_EQ(igroup_for({uuid, "esx1", {fc}})->name, "xcopy-" + uuid + "-fcp");
    EXPECT_EQ(igroup_for({uuid, "esx1", {iscsi}})->name, "xcopy-" + uuid + "-iscsi");
    const auto mixed = igroup_for({uuid, "esx1", {fc, iscsi}});
    EXPECT_EQ(mixed->name, "xcopy-" + uuid + "-mixed");
    EXPECT_EQ(mixed->protocol, "mixed");
    EXPECT_EQ(igroup_for({uuid, "esx1", {}}).error().code, Errc::unsupported);
    EXPECT_EQ(igroup_for({"", "esx1", {fc}}).error().code, Errc::bad_request);
    EXPECT_EQ(igroup_for({"a b", "esx1", {fc}}).error().code, Errc::bad_request);
    EXPECT_EQ(igroup_for({std::string(90, 'a'), "esx1", {fc}}).error().code, Errc::bad_request);
}

TEST(OntapMap, InitiatorsAreReadInBothFormsAndForeignRecordsIgnored)
{
    auto record = Json::parse(R"({"svm":{"uuid":"8f1c"},"lun":{"uuid":"2a7f"},
        "igroup":{"uuid":"77aa","name":"g","initiators":["IQN.a",{"name":"21:00:00:24:FF:1A:2B:3C"}]},
        "logical_unit_number":7})");
    const auto mapping = parse_map(record, "2a7f", "8f1c");
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->lun, 7);
    EXPECT_EQ(mapping->host.initiator_ids, (std::vector<std::string>{"iqn.a", "21:00:00:24:ff:1a:2b:3c"}));
    EXPECT_FALSE(parse_map(record, "2a80", "8f1c"));
    record["svm"]["uuid"] = "other";
    EXPECT_FALSE(parse_map(record, "2a7f", "8f1c"));
}

TEST(OntapErrors, EveryCodeSaysWhatItMeansAndKeepsTheArraysWords)
{
    const auto decoded = [](int status, std::string_view code, std::string_view message) {
        const Json json{{"error", {{"code", code}, {"message", message}}}};
        return decode_error(rest::Reply{.status = status}, &json);
    };
    const auto mapped = decoded(409, "1254207", "LUN already mapped to this group.");
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->code, Errc::conflict);
    EXPECT_EQ(mapped->reason, "ontap_1254207");
    EXPECT_NE(mapped->message.find("\"LUN already mapped to this group.\" (HTTP 409, code 1254207)"),
              std::string::npos);

    EXPECT_EQ(decoded(400, "5374329", "x")->code, Errc::unsupported);
    EXPECT_EQ(decoded(404, "1254201", "x")->code, Errc::not_found);
    EXPECT_EQ(decoded(403, "6", "x")->code, Errc::denied);
    EXPECT_NE(decoded(403, "6", "x")->remedy.find("role"), std::string::npos);
    EXPECT_NE(decoded(401, "6691623", "x")->remedy.find("STORAGE_USERNAME"), std::string::npos);
    EXPECT_EQ(decoded(409, "123", "something else")->code, Errc::conflict);
    EXPECT_EQ(decoded(400, "123", "something else")->code, Errc::bad_request);
}

TEST(OntapErrors, ASuccessfulReplyIsNone)
{
    const auto json = Json::parse(R"({"records":[]})");
    EXPECT_FALSE(decode_error(rest::Reply{.status = 200}, &json));
    EXPECT_FALSE(decode_error(rest::Reply{.status = 200}, nullptr));
    EXPECT_EQ(decode_error(rest::Reply{.status = 401}, nullptr)->code, Errc::denied);
}

} // namespace
} // namespace xcopy::ontap
