#include "vendors/powerstore/powerstore.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::powerstore {
namespace {

using rest::Json;

const std::string uuid = "9f840c56-96e6-4de9-b5a3-27e7c20eaa77";

Json recorded_volume()
{
    return Json::parse(R"({"id":"9f840c56-96e6-4de9-b5a3-27e7c20eaa77","name":"csivol-1a2b3c4d5e","size":21474836480,
        "wwn":"naa.68CCF098003ceb5e4577a20be6d11bf9","type":"Primary","state":"Ready","is_replication_destination":false})");
}

TEST(PowerStoreHandle, EveryFormIsUnderstood)
{
    EXPECT_EQ(place_of({uuid + "/PSabcdef0123/scsi", {}})->array, "PSabcdef0123");
    EXPECT_EQ(place_of({uuid + "/PSabcdef0123/scsi:" + uuid + "/PS0123abcdef", {}})->volume, uuid);
    EXPECT_EQ(place_of({uuid, {}})->array, "");
    EXPECT_EQ(place_of({uuid + "/10.0.0.5/scsi", {}})->array, "");
    EXPECT_EQ(place_of({uuid + "/PSabcdef0123/nfs", {}}).error().code, Errc::unsupported);
    EXPECT_EQ(place_of({uuid, {{"Protocol", "nfs"}}}).error().code, Errc::unsupported);
    EXPECT_EQ(place_of({"csivol-1", {}}).error().code, Errc::bad_request);
}

TEST(PowerStoreVolume, WwnIsTheNaaInLowerCase)
{
    const auto volume = parse_volume(recorded_volume());
    ASSERT_TRUE(volume) << volume.error().message;
    EXPECT_EQ(volume->naa, "naa.68ccf098003ceb5e4577a20be6d11bf9");
}

TEST(PowerStoreVolume, WhatCannotBeWrittenOrTrustedIsRefused)
{
    const auto with = [](const char* change) {
        auto record = recorded_volume();
        record.merge_patch(Json::parse(change));
        return parse_volume(record).error();
    };
    EXPECT_EQ(with(R"({"type":"Snapshot"})").code, Errc::unsupported);
    EXPECT_EQ(with(R"({"is_replication_destination":true})").code, Errc::unsupported);
    EXPECT_EQ(with(R"({"state":"Offline"})").code, Errc::unavailable);
    EXPECT_EQ(with(R"({"wwn":"naa.600a0980003ceb5e4577a20be6d11bf9"})").code, Errc::failed);
    EXPECT_EQ(with(R"({"size":null})").code, Errc::failed);
}

} // namespace
} // namespace xcopy::powerstore
