#include "coordinator/kube/claim.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace xcopy::kube {
namespace {

// Recorded from kube-apiserver 1.33, without managedFields.
constexpr const char* claim_text = R"({"kind":"PersistentVolumeClaim","apiVersion":"v1","metadata":{"name":"vm-disk-1",
 "namespace":"vms","uid":"0b0f3f1c-55c2-4e0e-9d8b-1a6e6f6c1a11","resourceVersion":"215"},"spec":{"accessModes":
 ["ReadWriteMany"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"san","volumeMode":"Block",
 "dataSourceRef":{"apiGroup":"forklift.konveyor.io","kind":"VSphereXcopyVolumePopulator","name":"vm-disk-1"}},
 "status":{"phase":"Pending"}})";

constexpr const char* volume_text =
    R"({"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"pvc-7","uid":"a"},
 "spec":{"capacity":{"storage":"10Gi"},"csi":{"driver":"csi.trident.netapp.io","volumeHandle":"pvc-7",
 "volumeAttributes":{"internalName":"trident_pvc_7","protocol":"block"}},"claimRef":{"kind":"PersistentVolumeClaim",
 "namespace":"vms","name":"vm-disk-1","uid":"0b0f3f1c-55c2-4e0e-9d8b-1a6e6f6c1a11"},"volumeMode":"Block"},
 "status":{"phase":"Bound"}})";

Claim claim()
{
    return *parse_claim(nlohmann::json::parse(claim_text));
}

PersistentVolume volume()
{
    return *parse_volume(nlohmann::json::parse(volume_text));
}

TEST(Claim, IsReadAsTheServerWritesIt)
{
    const auto read = claim();
    EXPECT_EQ(read.uid, "0b0f3f1c-55c2-4e0e-9d8b-1a6e6f6c1a11");
    EXPECT_EQ(read.size_bytes, std::uint64_t{10} << 30);
    EXPECT_EQ(read.volume_mode, "Block");
    EXPECT_TRUE(read.volume.empty());
    EXPECT_FALSE(parse_claim(nlohmann::json::parse(R"({"kind":"List"})")));
}

TEST(Volume, IsReadWithHandleAndAttributes)
{
    const auto read = volume();
    EXPECT_EQ(read.driver, "csi.trident.netapp.io");
    EXPECT_EQ(read.handle.handle, "pvc-7");
    EXPECT_EQ(read.handle.attribute("internalName"), "trident_pvc_7");
    EXPECT_TRUE(check_volume(read, claim()));
}

TEST(Claim, IsRefusedWhenItIsNotTheOneThatWasMeant)
{
    auto read = claim();
    EXPECT_TRUE(check_claim(read, read.uid));
    EXPECT_EQ(check_claim(read, "other").error().reason, "claim_replaced");
    read.is_being_deleted = true;
    EXPECT_EQ(check_claim(read, "").error().reason, "claim_going");
    read = claim();
    read.volume_mode = "Filesystem";
    EXPECT_EQ(check_claim(read, "").error().reason, "claim_not_block");
}

TEST(Volume, IsRefusedWhenSomebodyElseMayHaveDataOnIt)
{
    auto read = volume();
    read.claim_uid = "other";
    EXPECT_EQ(check_volume(read, claim()).error().reason, "volume_of_other_claim");
    read = volume();
    read.populated_from = "vms/vm-disk-1";
    EXPECT_EQ(check_volume(read, claim()).error().reason, "volume_populated");
    read = volume();
    read.phase = "Released";
    EXPECT_EQ(check_volume(read, claim()).error().reason, "volume_going");
    read = volume();
    read.is_being_deleted = true;
    EXPECT_EQ(check_volume(read, claim()).error().reason, "volume_going");
    read = volume();
    read.driver.clear();
    EXPECT_EQ(check_volume(read, claim()).error().reason, "volume_not_csi");
}

TEST(Volume, ShowsThatAPopulatorHandedItOver)
{
    auto json = nlohmann::json::parse(volume_text);
    json["metadata"]["annotations"] = {{"forklift.konveyor.io/populated-from", "vms/vm-disk-1"}};
    EXPECT_EQ(parse_volume(json)->populated_from, "vms/vm-disk-1");
}

} // namespace
} // namespace xcopy::kube
