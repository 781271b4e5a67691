// The disks that migrations meet, each through the whole way from a plan to a filled volume. The VMs of the first suite migrate at
// once; each test looks at what became of one.
#include "tests/dropin/rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace dropin {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Two datastores on the array, one on another, one that is a share, one of the hosts' own disks.
Json datastores()
{
    return {{"datastores",
             {{{"name", "datastore1"}, {"array", "ontap-a"}},
              {{"name", "data store 2"}, {"array", "ontap-a"}},
              {{"name", "nfs1"}, {"type", "NFS"}},
              {{"name", "vsan1"}, {"type", "vsan"}},
              {{"name", "other-array"}, {"array", "pure-b"}, {"naa", "naa.624a9370000000000000000000011b01"}}}}};
}

const std::vector<VmSpec>& vms()
{
    static const std::vector<VmSpec> all{
        {"thin", {{"thin/thin.vmdk"}}},
        {"thick", {{.file = "thick/thick.vmdk", .kind = "thick"}}},
        {"snapped", {{.file = "snapped/snapped.vmdk", .size = 64 * mib, .snapshots = 2, .xcopy = "0"}}},
        {"huge", {{.file = "huge/huge.vmdk", .size = 2 * tib}}},
        {"without-xcopy", {{.file = "far/far.vmdk", .datastore = "other-array", .xcopy = "0"}}},
        {"on-a-share", {{.file = "nfs/nfs.vmdk", .datastore = "nfs1"}}},
        {"on-vsan", {{.file = "5b0c/own.vmdk", .datastore = "vsan1"}}},
        {"two-disks", {{"two/two.vmdk"}, {"two/two_1.vmdk"}}},
        {"elsewhere", {{"store/of others/dépôt/data [1].vmdk"}}},
        {"two-datastores", {{"split/split.vmdk"}, {.file = "split/split_1.vmdk", .datastore = "data store 2"}}},
        {"one-capable", {{"half/half.vmdk"}, {.file = "half/half_1.vmdk", .datastore = "other-array", .xcopy = "0"}}},
        {"independent",
         {{.file = "free/free.vmdk", .independent = true},
          {.file = "free/free_1.vmdk", .kind = "thick", .independent = true}}},
        {"Wéb Server_01 (prod)!", {{"Wéb Server_01 (prod)!/Wéb Server_01 (prod)!.vmdk"}}},
    };
    return all;
}

class OnePlan : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        rig_ = std::make_unique<Rig>(RigOptions{.vms = vms(), .lab = datastores()});
        rig_->run();
    }
    static void TearDownTestSuite() { rig_.reset(); }

    // Every disk of the VM; returns its pods' logs.
    static std::string expect_vm_copied(const std::string& vm, std::size_t disks = 1)
    {
        std::string log;
        std::size_t found = 0;
        for (const auto& one : rig_->copies()) {
            if (one.vm != vm)
                continue;
            ++found;
            expect_copied(*rig_, one);
            log += rig_->log_of(one);
        }
        EXPECT_EQ(found, disks);
        return log;
    }

    inline static std::unique_ptr<Rig> rig_;
};

TEST_F(OnePlan, Thin)
{
    expect_vm_copied("thin");
}

TEST_F(OnePlan, ThickLazilyZeroed)
{
    expect_vm_copied("thick");
}

TEST_F(OnePlan, ThinWithTwoSnapshotsReadsAsItsTop)
{
    EXPECT_THAT(expect_vm_copied("snapped"), HasSubstr("snapped-000002.vmdk"));
}

TEST_F(OnePlan, TwoTerabytesSparse)
{
    expect_vm_copied("huge");
}

TEST_F(OnePlan, ADatastoreThatTheArrayCannotReadIsCopiedByTheHost)
{
    EXPECT_THAT(expect_vm_copied("without-xcopy"), HasSubstr("xcopy=none"));
}

TEST_F(OnePlan, ADiskOnADatastoreThatHoldsNoRawDeviceMappingIsRefused)
{
    for (const auto& [vm, why] :
         {std::pair("on-a-share", "'nfs1' is of type NFS"), {"on-vsan", "'vsan1' is of type vsan"}}) {
        const auto& one = *std::ranges::find(rig_->copies(), vm, &Copy::vm);
        expect_refused(*rig_, one, why);
        EXPECT_FALSE(one.state->is_done);
        EXPECT_EQ(rig_->cluster->status(*one.state).value("result", ""), "failure");
    }
}

TEST_F(OnePlan, TwoDisks)
{
    expect_vm_copied("two-disks", 2);
}

TEST_F(OnePlan, ADiskInAnotherFolderOfAnOddName)
{
    expect_vm_copied("elsewhere");
}

TEST_F(OnePlan, TwoDatastores)
{
    expect_vm_copied("two-datastores", 2);
}

TEST_F(OnePlan, OneDatastoreCapableAndOneNot)
{
    expect_vm_copied("one-capable", 2);
}

TEST_F(OnePlan, IndependentDisks)
{
    expect_vm_copied("independent", 2);
}

TEST_F(OnePlan, AVmWhoseNameIsNotLegalInKubernetes)
{
    expect_vm_copied("Wéb Server_01 (prod)!");
}

TEST_F(OnePlan, NoSecretIsInAnyLog)
{
    for (const auto& one : rig_->copies())
        for (const auto& secret : rig_->secrets())
            EXPECT_EQ(rig_->log_of(one).find(secret), std::string::npos) << one.state->disk.name;
}

TEST_F(OnePlan, EveryDiskHadOneWriterAndEveryHostIsAsItWas)
{
    for (const auto& one : rig_->copies())
        EXPECT_EQ(rig_->starts_on(one), one.state->is_done ? 1 : 0) << one.state->disk.name;
    EXPECT_EQ(rig_->vcenter->sessions(), 0);
}

TEST(OneVm, WithTenDisksOfMixedKinds)
{
    Rig rig({.vms = {{"ten",
                      {{"ten/ten.vmdk"},
                       {.file = "ten/ten_1.vmdk", .kind = "thick"},
                       {.file = "ten/ten_2.vmdk", .size = 32 * mib, .snapshots = 1, .xcopy = "0"},
                       {.file = "ten/ten_3.vmdk", .independent = true},
                       {.file = "ten/ten_4.vmdk", .datastore = "data store 2"},
                       {.file = "ten/ten_5.vmdk", .datastore = "other-array", .xcopy = "0"},
                       {.file = "ten/ten_6.vmdk", .datastore = "other-array", .kind = "thick", .xcopy = "0"},
                       {.file = "ten/ten_7.vmdk", .size = 48 * mib},
                       {.file = "other/ten_8.vmdk", .kind = "thick", .independent = true},
                       {.file = "ten/ten_9.vmdk", .size = 512 * mib}}}},
             .lab = datastores()});
    rig.run();
    ASSERT_EQ(rig.copies().size(), 10U);
    expect_all_copied(rig);
}

TEST(OneVm, WithAnRdmOfVirtualModeOnPureIsCopiedInsideTheArray)
{
    Rig rig({.vms = {{"raw", {{.file = "raw/raw.vmdk", .kind = "rdm", .xcopy = "0"}, {"raw/system.vmdk"}}}},
             .lab = {{"datastores", {{{"name", "datastore1"}, {"array", "pure-a"}}}},
                     {"arrays", {{{"name", "pure-a"}, {"kind", "pureFlashArray"}}}}}});
    rig.run();
    expect_all_copied(rig);
    EXPECT_EQ(rig.starts_on(rig.copy(0)), 0) << "no host copied";
    EXPECT_EQ(rig.starts_on(rig.copy(1)), 1);
}

TEST(OneVm, OnAShareChangesNothingOnTheArrayWhicheverWayTheHostIsReached)
{
    for (const bool over_ssh : {false, true}) {
        Rig rig({.vms = {{"on-a-share", {{.file = "nfs/nfs.vmdk", .datastore = "nfs1"}}}},
                 .lab = datastores(),
                 .agent_keys = !over_ssh,
                 .over_ssh = over_ssh});
        rig.run();
        expect_refused(rig, rig.copy(), "'nfs1' is of type NFS");
        for (const char* change : {"POST", "PATCH", "PUT", "DELETE"})
            EXPECT_EQ(rig.site.requests(change), 0) << change;
    }
}

// The VM runs and writes into its snapshot; the copy is of what lies below it.
TEST(OneVm, WarmIsCopiedAtItsBase)
{
    Rig rig({.vms = {{"warm", {{.file = "warm/warm.vmdk", .size = 64 * mib, .snapshots = 1}}, "poweredOn", "esx2"}}});
    rig.migrate_all({.warm = true});
    EXPECT_EQ(rig.copy().state->disk.vmdk, "[datastore1] warm/warm.vmdk");
    rig.until_settled();
    expect_all_copied(rig);
    EXPECT_THAT(rig.log_of(rig.copy()), AllOf(HasSubstr("the VM runs there"), HasSubstr("esx2")));
}

} // namespace
} // namespace dropin
