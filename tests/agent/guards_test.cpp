#include "agent/guards.hpp"

#include <gtest/gtest.h>

namespace xcopy {

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

struct Facts {
    CloneRequest order{.source = "[ds1] a.vmdk", .target_naa = "naa.1", .target_size = 64 * mib};
    SourceFacts source{.path = "/vmfs/volumes/u/a.vmdk",
                       .volumes_root = "/vmfs/volumes",
                       .create_type = "vmfs",
                       .size = 64 * mib,
                       .devices = {"naa.9"},
                       .leftover_pointer = {}};
    TargetFacts target;

    Facts()
    {
        target.attached_for = "job";
        target.attached_size = 64 * mib;
        target.node_exists = true;
        target.device.emplace();
        target.device->name = "naa.1";
        target.device->size_bytes = 64 * mib;
        target.device->status = "on";
    }
};

struct Case {
    const char* reason; // "" : allowed
    void (*change)(Facts&);
};

const Case cases[] = {
    {"", [](Facts&) {}},
    {"", [](Facts& f) { f.target.device->status = "degraded"; }},
    {"", [](Facts& f) { f.source.devices.clear(); }},
    {"source_outside_volumes", [](Facts& f) { f.source.path = "/etc/passwd"; }},
    {"source_outside_volumes", [](Facts& f) { f.source.path = "/vmfs/volumes2/a.vmdk"; }},
    {"datastore_not_vmfs", [](Facts& f) { f.source.datastore_type = "NFS"; }},
    {"datastore_not_vmfs", [](Facts& f) { f.source.datastore_type = "vsan"; }},
    {"", [](Facts& f) { f.source.datastore_type = "OTHER"; }},
    {"vmdk_kind_unsupported", [](Facts& f) { f.source.create_type = "streamOptimized"; }},
    {"vmdk_kind_unsupported", [](Facts& f) { f.source.create_type = ""; }},
    {"already_exists", [](Facts& f) { f.source.leftover_pointer = "/vmfs/volumes/u/a-xcopy-job.vmdk"; }},
    {"not_attached", [](Facts& f) { f.target.attached_for.reset(); }},
    {"attached_for_other_job", [](Facts& f) { f.target.attached_for = "other"; }},
    {"size_mismatch", [](Facts& f) { f.target.attached_size = 65 * mib; }},
    {"size_mismatch", [](Facts& f) { f.target.device->size_bytes = 65 * mib; }},
    {"target_busy", [](Facts& f) { f.target.busy_with = "other"; }},
    {"target_busy", [](Facts& f) { f.target.foreign_writer = "vmkfstools -i a.vmdk -d rdm:/dev/disks/naa.1 b.vmdk"; }},
    {"target_missing", [](Facts& f) { f.target.device.reset(); }},
    {"target_missing", [](Facts& f) { f.target.node_exists = false; }},
    {"target_is_boot", [](Facts& f) { f.target.device->is_boot = true; }},
    {"target_is_local", [](Facts& f) { f.target.device->is_local = true; }},
    {"target_backs_datastore", [](Facts& f) { f.target.device->used_by = {"precious"}; }},
    {"target_is_source_device",
     [](Facts& f) {
         f.source.devices = {"naa.8", "naa.1"};
     }},
    {"target_not_on", [](Facts& f) { f.target.device->status = "off"; }},
    {"target_not_on", [](Facts& f) { f.target.device->status = "dead timeout"; }},
    {"target_not_on", [](Facts& f) { f.target.device->status = ""; }},
    {"target_not_on", [](Facts& f) { f.target.device->is_detached = true; }},
    {"target_smaller_than_source", [](Facts& f) { f.source.size = 64 * mib + 512; }},
};

} // namespace

TEST(Guards, GiveEachRefusalItsName)
{
    for (const auto& one : cases) {
        Facts facts;
        one.change(facts);
        const auto outcome = check_clone("job", facts.order, facts.source, facts.target);
        EXPECT_EQ(outcome ? "" : outcome.error().reason, one.reason) << (outcome ? "" : outcome.error().message);
        if (!outcome) {
            EXPECT_FALSE(outcome.error().remedy.empty()) << one.reason;
        }
    }
}

TEST(Guards, CompareSizesAsFarAsEsxcliTellsThem)
{
    EXPECT_TRUE(same_size(64 * mib + 512, 64 * mib));
    EXPECT_FALSE(same_size(65 * mib, 64 * mib));
    EXPECT_FALSE(same_size(64 * mib, 64 * mib + 512));
    EXPECT_FALSE(same_size(63 * mib, 64 * mib));
}

} // namespace xcopy
