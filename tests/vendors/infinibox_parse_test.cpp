#include "vendors/infinibox/infinibox.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::infinibox {
namespace {

using rest::Json;

Json recorded_volume()
{
    return Json::parse(
        R"({"id":6507,"name":"csi-8c41e2a901","serial":"742b0f000000bbd000000000000196b","size":17179869184,
        "pool_id":1001,"provtype":"THIN","type":"MASTER","mapped":true,"write_protected":false})");
}

TEST(InfiniBoxVolume, SerialBecomesTheNaa)
{
    const auto volume = parse_volume(recorded_volume());
    ASSERT_TRUE(volume) << volume.error().message;
    EXPECT_EQ(volume->naa, "naa.6742b0f000000bbd000000000000196b");
    EXPECT_EQ(volume->id, "6507");
    EXPECT_EQ(volume->size_bytes, 17179869184U);
}

TEST(InfiniBoxVolume, WhatCannotBeWrittenOrTrustedIsRefused)
{
    const auto with = [](const char* change) {
        auto row = recorded_volume();
        row.merge_patch(Json::parse(change));
        return parse_volume(row).error();
    };
    EXPECT_EQ(with(R"({"type":"SNAPSHOT"})").code, Errc::unsupported);
    EXPECT_EQ(with(R"({"write_protected":true})").code, Errc::unsupported);
    EXPECT_EQ(with(R"({"serial":"742b0f"})").code, Errc::failed);
    EXPECT_EQ(with(R"({"serial":"600a098000000bbd000000000000196"})").code, Errc::failed);
    EXPECT_EQ(with(R"({"size":0})").code, Errc::failed);
}

TEST(InfiniBoxHandle, OnlyScsiProtocolsAreTaken)
{
    EXPECT_EQ(*volume_id_of({"6507$$fc", {}}), "6507");
    EXPECT_EQ(*volume_id_of({"6507$$iscsi", {}}), "6507");
    for (const char* file : {"6507$$nfs", "6507$$nfs_treeq", "6507$$nvme"})
        EXPECT_EQ(volume_id_of({file, {}}).error().code, Errc::unsupported) << file;
    for (const char* bad : {"", "$$fc", "x$$fc", "1/2$$fc"})
        EXPECT_EQ(volume_id_of({bad, {}}).error().code, Errc::bad_request) << bad;
}

TEST(InfiniBoxErrors, AreFoundInA200AndKeepTheArraysWords)
{
    const auto json =
        Json::parse(R"({"result":null,"error":{"code":"LUN_NOT_FOUND","message":"gone"},"metadata":{"ready":true}})");
    const auto error = decode_error(rest::Reply{.status = 200}, &json);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Errc::not_found);
    EXPECT_NE(error->message.find("\"gone\" (HTTP 200, code LUN_NOT_FOUND)"), std::string::npos) << error->message;
    const auto fine = Json::parse(R"({"result":[],"error":null})");
    EXPECT_FALSE(decode_error(rest::Reply{.status = 200}, &fine));
}

} // namespace
} // namespace xcopy::infinibox
