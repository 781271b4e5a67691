// What only one array has, against its simulator, beside what the contract asks of all.
#include "tests/vendors/contract/rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace xcopy::contract {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Ready {
    Volume volume;
    ArrayHost host;
};

Ready ready(Rig& rig)
{
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto host = rig.ensure();
    EXPECT_TRUE(found) << found.error().message;
    EXPECT_TRUE(host) << host.error().message;
    return found && host ? Ready{*found, *host} : Ready{};
}

std::vector<std::string> ports(const Subject& subject)
{
    std::vector<std::string> names;
    for (const auto& one : subject.initiators)
        names.push_back(on_fabric(one));
    return names;
}

Error find_error(Rig& rig)
{
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    return found ? Error{Errc::failed, "it was found"} : found.error();
}

// --- host groups: a mapping of the group is everybody's

void a_mapping_of_the_group_is_used_and_left(const Subject& subject)
{
    Rig rig(subject);
    rig.control(
        {{"verb", "host.create"}, {"name", "customer-esx"}, {"group", "vsphere"}, {"initiators", ports(subject)}});
    rig.control({{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "vsphere"}, {"number", 40}});
    const auto before = rig.mappings(rig.volume["naa"]);
    const auto [volume, host] = ready(rig);
    const auto listed = rig.driver().mappings_of(rig.call, volume);
    ASSERT_TRUE(listed) << listed.error().message;
    EXPECT_TRUE(mapping_that_reaches(*listed, host)) << "so the coordinator knows that it was there before us";
    const auto mapped = rig.driver().map(rig.call, volume, host, 12);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(mapped->lun, 40);
    EXPECT_EQ(rig.mappings(rig.volume["naa"]), before);
}

TEST(InfiniBox, AMappingOfTheHostsClusterIsUsedAndLeft)
{
    a_mapping_of_the_group_is_used_and_left(infinibox_subject());
}

TEST(FlashArray, AConnectionOfTheHostsGroupIsUsedAndLeft)
{
    a_mapping_of_the_group_is_used_and_left(pure_subject());
}

TEST(PowerStore, AMappingOfTheHostsGroupIsUsedAndLeft)
{
    a_mapping_of_the_group_is_used_and_left(powerstore_subject());
}

TEST(PowerStore, AMemberOfAGroupIsReachedThroughTheGroupOnly)
{
    const auto subject = powerstore_subject();
    Rig rig(subject);
    rig.control(
        {{"verb", "host.create"}, {"name", "customer-esx"}, {"group", "vsphere"}, {"initiators", ports(subject)}});
    const auto run = rig.run_disk();
    EXPECT_FALSE(run.error) << run.error->message;
    EXPECT_TRUE(run.reached_host);
    EXPECT_EQ(rig.mappings(rig.volume["naa"]).size(), 1U) << "only the worker's is left";
}

TEST(PowerStore, AnAccountThatMustChangeItsPasswordIsToldSo)
{
    Rig rig(powerstore_subject(), {{"must_change_password", true}});
    const auto error = find_error(rig);
    EXPECT_EQ(error.code, Errc::denied);
    EXPECT_THAT(error.message, HasSubstr("change its password"));
    EXPECT_THAT(error.remedy, HasSubstr("PowerStore Manager"));
}

TEST(Volumes, ThatCannotBeWrittenAreRefusedWithTheReason)
{
    const struct {
        Subject subject;
        json values;
        Errc code;
        const char* word;
    } cases[] = {{infinibox_subject(), {{"type", "SNAPSHOT"}}, Errc::unsupported, "snapshot"},
                 {infinibox_subject(), {{"write_protected", true}}, Errc::unsupported, "write protected"},
                 {powerstore_subject(), {{"is_replication_destination", true}}, Errc::unsupported, "replication"},
                 {powerstore_subject(), {{"state", "Offline"}}, Errc::unavailable, "Offline"},
                 {pure_subject(), {{"destroyed", true}}, Errc::unsupported, "recycle bin"},
                 {powermax_subject(), {{"status", "Not Ready"}}, Errc::unavailable, "Not Ready"},
                 {vantara_subject(), {{"status", "BLK"}}, Errc::unavailable, "BLK"},
                 {vantara_subject(), {{"attributes", {"CMD"}}}, Errc::unsupported, "array itself"}};
    for (const auto& one : cases) {
        Rig rig(one.subject);
        rig.control({{"verb", "volume.set"}, {"volume", rig.volume["naa"]}, {"values", one.values}});
        const auto error = find_error(rig);
        EXPECT_EQ(error.code, one.code) << one.subject.vendor << ": " << error.message;
        EXPECT_THAT(error.message, HasSubstr(one.word)) << one.subject.vendor;
        EXPECT_FALSE(error.remedy.empty()) << one.subject.vendor;
    }
}

// --- FlashArray

TEST(FlashArray, AVolumeOfNvmeHostsIsRefusedWithTheReason)
{
    Rig rig(pure_subject());
    rig.control({{"verb", "host.set"}, {"host", "worker-1"}, {"values", {{"nvme", true}}}});
    const auto [volume, host] = ready(rig);
    const auto mapped = rig.driver().map(rig.call, volume, host, 9);
    ASSERT_FALSE(mapped);
    EXPECT_EQ(mapped.error().code, Errc::unsupported) << mapped.error().message;
    EXPECT_THAT(mapped.error().remedy, HasSubstr("FC or iSCSI"));
    EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
}

TEST(FlashArray, AHostOfAnotherArrayOfTheFleetIsNotUsed)
{
    const auto subject = pure_subject();
    Rig rig(subject);
    rig.control({{"verb", "host.create"}, {"name", "elsewhere:esx"}, {"initiators", json::array()}});
    rig.control({{"verb", "host.set"}, {"host", "elsewhere:esx"}, {"values", {{"is_local", false}}}});
    const auto ensured = rig.ensure();
    ASSERT_TRUE(ensured) << ensured.error().message;
    EXPECT_THAT(ensured->name, HasSubstr("xcopy-"));
}

TEST(FlashArray, AnOverwrittenVolumeIsGrownBackToWhatKubernetesWasPromised)
{
    Rig rig(pure_subject());
    const auto source = rig.make_volume("rdm", {{"kind", "rdm"}, {"size", std::uint64_t{1} << 30}});
    auto* copier = rig.driver().volume_copier();
    const auto found = copier->find_source(rig.call, {DiskBacking::Kind::rdm, source["naa"]});
    const auto target = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    ASSERT_TRUE(found && target);
    const auto state = copier->start(rig.call, {"job", *found, *target});
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ(state->phase, ArrayCopyState::Phase::done);
    const auto now = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    EXPECT_EQ(now->size_bytes, target->size_bytes);
}

// --- PowerMax

TEST(PowerMax, WhatADeadRunLeftHalfMadeIsCompletedAndTakenDown)
{
    for (int last = 1; last <= 12; ++last) {
        Rig rig(powermax_subject());
        const auto before = rig.control({{"verb", "state"}});
        const auto [volume, host] = ready(rig);
        rig.wire().forget();
        std::stop_source stop; // the process is gone at that request
        rig.call.stop = stop.get_token();
        rig.wire().before = [&](int number) {
            if (number > last)
                stop.request_stop();
        };
        (void)rig.driver().map(rig.call, volume, host, std::nullopt);
        rig.wire().before = nullptr;
        rig.call = {};
        rig.new_driver();
        const auto mapped = rig.driver().map(rig.call, volume, host, std::nullopt);
        ASSERT_TRUE(mapped) << last << ": " << mapped.error().message;
        EXPECT_TRUE(rig.reaches_host(rig.volume["naa"])) << last;
        ASSERT_TRUE(rig.driver().unmap(rig.call, volume, host)) << last;
        EXPECT_EQ(rig.control({{"verb", "state"}}), before) << last << ": a group or a view was left";
    }
}

TEST(PowerMax, AViewOfTheHostsHostGroupIsUsedAndLeft)
{
    auto subject = powermax_subject();
    subject.creates_hosts = true; // so that the rig makes none
    Rig rig(subject);
    rig.control({{"verb", "host.create"}, {"name", "esx-1"}, {"group", "vsphere"}, {"initiators", ports(subject)}});
    rig.control({{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "vsphere"}});
    const auto before = rig.control({{"verb", "state"}});
    const auto [volume, host] = ready(rig);
    const auto mapped = rig.driver().map(rig.call, volume, host, std::nullopt);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(mapped->host.id, "hostgroup:vsphere");
    EXPECT_EQ(rig.control({{"verb", "state"}}), before);
}

Subject powermax_with(const std::string& port_group, Initiators initiators)
{
    auto subject = powermax_subject();
    subject.secret["POWERMAX_PORT_GROUP_NAME"] = port_group;
    subject.initiators = std::move(initiators);
    return subject;
}

const Initiator fc_port{.kind = Initiator::Kind::fc, .wwnn = "20000000c9f3adff", .wwpn = "10000000c9f3adff"};
const Initiator iscsi_port{.kind = Initiator::Kind::iscsi, .name = "iqn.1998-01.com.vmware:esx-1-5f0c2d3e"};

TEST(PowerMax, AnIscsiHostIsReachedThroughAnIscsiPortGroup)
{
    for (const bool v3 : {false, true})
        for (const auto& adapters : {Initiators{iscsi_port}, Initiators{fc_port, iscsi_port}}) {
            Rig rig(powermax_with("PG-iSCSI", adapters), {{"v3", v3}});
            const auto before = rig.control({{"verb", "state"}});
            const auto [volume, host] = ready(rig);
            EXPECT_EQ(host.id, "host:esx-1");
            const auto mapped = rig.driver().map(rig.call, volume, host, std::nullopt);
            ASSERT_TRUE(mapped) << mapped.error().message;
            EXPECT_TRUE(mapped->lun);
            EXPECT_TRUE(rig.reaches_host(rig.volume["naa"]));
            ASSERT_TRUE(rig.driver().unmap(rig.call, volume, host));
            EXPECT_EQ(rig.control({{"verb", "state"}}), before);
        }
}

TEST(PowerMax, AHostWithoutAnAdapterOfThePortGroupsProtocolIsRefusedBeforeAnythingIsChanged)
{
    const std::pair<std::string, Initiator> pairs[] = {{"PG-iSCSI", fc_port}, {"PG1", iscsi_port}};
    for (const auto& [group, adapter] : pairs)
        for (const bool v3 : {false, true}) {
            Rig rig(powermax_with(group, {adapter}), {{"v3", v3}});
            const auto before = rig.control({{"verb", "state"}});
            const auto refused = rig.ensure();
            ASSERT_FALSE(refused) << group;
            EXPECT_EQ(refused.error().code, Errc::unsupported);
            EXPECT_THAT(refused.error().message, HasSubstr("no adapter of the protocol of port group " + group));
            EXPECT_THAT(refused.error().remedy, HasSubstr("POWERMAX_PORT_GROUP_NAME"));
            EXPECT_EQ(rig.control({{"verb", "state"}}), before);
        }
}

TEST(PowerMax, APortGroupForNvmeIsRefused)
{
    Rig rig(powermax_with("PG-NVMe", {fc_port}));
    const auto refused = rig.ensure();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("port group PG-NVMe is for NVMe"));
    EXPECT_THAT(refused.error().remedy, HasSubstr("FC or iSCSI"));
}

// The secret's port group was changed between two runs, or the administrator moved the host's adapters.
TEST(PowerMax, WhereTheArrayFindsThatProtocolsDifferItsRefusalIsExplainedAndNothingStays)
{
    Rig rig(powermax_with("PG1", {fc_port, iscsi_port}));
    const auto [volume, host] = ready(rig);
    rig.control({{"verb", "host.create"}, {"name", "esx-2"}, {"initiators", {"iqn.1998-01.com.vmware:esx-2"}}});
    const auto before = rig.control({{"verb", "state"}});
    const ArrayHost iscsi_only{.id = "host:esx-2", .name = "esx-2"};
    const auto refused = rig.driver().map(rig.call, volume, iscsi_only, std::nullopt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("the port group and the host speak different protocols"));
    EXPECT_THAT(refused.error().remedy, HasSubstr("POWERMAX_PORT_GROUP_NAME"));
    ASSERT_TRUE(rig.driver().unmap(rig.call, volume, iscsi_only)) << "the storage group goes";
    EXPECT_EQ(rig.control({{"verb", "state"}}), before);
}

TEST(PowerMax, AMigratedVolumeShowsItsEffectiveWwn)
{
    Rig rig(powermax_subject(), {{"moved", true}});
    EXPECT_EQ(json(ready(rig).volume.naa), rig.volume["naa"]);
}

// --- PowerFlex

TEST(PowerFlex, AnSdcThatCannotBeUsedIsRefusedWithTheReason)
{
    Rig connected(powerflex_subject());
    connected.control({{"verb", "set"}, {"switches", {{"sdc_connected", false}}}});
    EXPECT_THAT(connected.ensure().error().message, HasSubstr("disconnected"));
    Rig restricted(powerflex_subject(), {{"restricted", "Guid"}});
    restricted.control({{"verb", "host.set"}, {"host", "esx-1"}, {"values", {{"approved", false}}}});
    EXPECT_EQ(restricted.ensure().error().code, Errc::unsupported);
    EXPECT_THAT(restricted.ensure().error().message, HasSubstr("not approved"));
    Rig open(powerflex_subject()); // without restrictions nobody is approved, and nobody needs to be
    open.control({{"verb", "host.set"}, {"host", "esx-1"}, {"values", {{"approved", false}}}});
    EXPECT_TRUE(open.ensure());
    Rig linux(powerflex_subject());
    linux.control({{"verb", "host.set"}, {"host", "esx-1"}, {"values", {{"os", "Linux"}}}});
    EXPECT_EQ(linux.ensure().error().code, Errc::not_found) << "a GUID of another kind of host";
}

// --- Hitachi VSP

TEST(Vantara, PathsAreMadeInEachGroupUnderOneNumberAndGoTogether)
{
    Rig rig(vantara_subject());
    const auto [volume, host] = ready(rig);
    ASSERT_TRUE(rig.driver().map(rig.call, volume, host, 33));
    int paths = 0;
    for (const auto& mapping : rig.mappings(rig.volume["naa"]))
        if (mapping["host"] == "esx-1") {
            EXPECT_EQ(mapping["number"], 33);
            ++paths;
        }
    EXPECT_EQ(paths, 2);
    ASSERT_TRUE(rig.driver().unmap(rig.call, volume, host));
    EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
}

TEST(Vantara, AMissingHostModeOptionIsAWarningThatNamesGroupAndOption)
{
    Rig rig(vantara_subject(), {{"options", "54"}});
    const auto host = rig.ensure();
    ASSERT_TRUE(host);
    ASSERT_EQ(host->warnings.size(), 2U) << "one for each port's group";
    EXPECT_THAT(host->warnings.front(), HasSubstr("CL1-A,1 lacks host mode option 63"));
    Rig fine(vantara_subject());
    EXPECT_TRUE(fine.ensure()->warnings.empty());
}

TEST(Vantara, OfTheListOnlyGroupsThatHoldTheHostAreUsed)
{
    auto subject = vantara_subject();
    Rig rig(subject);
    rig.control({{"verb", "host.create"}, {"name", "esx-2"}, {"initiators", {"21000024ff00ffff"}}});
    subject.secret = {{"HOSTGROUP_ID_LIST", "CL1-A,1:CL2-A,1:CL1-A,3:CL2-A,3"}}; // groups 2 are the worker's
    Rig listed(subject);
    listed.control({{"verb", "host.create"}, {"name", "esx-2"}, {"initiators", {"21000024ff00ffff"}}});
    EXPECT_EQ(listed.ensure()->id, "CL1-A,1;CL2-A,1");
    auto stranger = listed.host();
    for (auto& one : stranger.initiators)
        one.wwpn = "21000024ff00eeee";
    const auto none = listed.driver().ensure_host(listed.call, stranger);
    EXPECT_EQ(none.error().code, Errc::not_found);
    EXPECT_THAT(none.error().message, HasSubstr("CL1-A,3"));
    EXPECT_THAT(none.error().remedy, HasSubstr("HOSTGROUP_ID_LIST"));
}

TEST(Vantara, AClonesFailureIsSeenAndAnotherClonesPairIsNotTaken)
{
    Rig rig(vantara_subject());
    const auto source = rig.make_volume("rdm", {{"kind", "rdm"}});
    const auto other = rig.make_volume("pvc-other");
    auto* copier = rig.driver().volume_copier();
    const auto from = copier->find_source(rig.call, {DiskBacking::Kind::rdm, source["naa"]});
    const auto target = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto elsewhere = rig.driver().find_volume(rig.call, Rig::handle_in(other["handles"][0]));
    ASSERT_TRUE(from && target && elsewhere);
    const std::string job = "44444444-7a41-4c1b-9a2e-1b3c4d5e6f70";
    ASSERT_TRUE(copier->start(rig.call, {job, *from, *elsewhere}));
    const auto mixed = copier->start(rig.call, {job, *from, *target});
    EXPECT_EQ(mixed.error().code, Errc::conflict) << mixed.error().message;
}

} // namespace
} // namespace xcopy::contract
