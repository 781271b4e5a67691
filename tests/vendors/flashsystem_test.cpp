// What only FlashSystem has, against its simulator in this process. What all arrays must do is in contract/.
#include "tests/vendors/contract/rig.hpp"
#include "vendors/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace xcopy::contract {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Phase = ArrayCopyState::Phase;

class FlashSystemTest : public testing::Test {
protected:
    explicit FlashSystemTest(Subject the_subject = flashsystem_subject())
        : subject(std::move(the_subject)), rig(subject)
    {}

    void set(const json& switches) { rig.control({{"verb", "set"}, {"switches", switches}}); }
    json state() { return rig.control({{"verb", "state"}}); }
    json console(const std::string& command, const std::string& object = "", const json& options = json::object())
    {
        return rig.lab().handle_control(
            {{"verb", "command"}, {"command", command}, {"object", object}, {"options", options}});
    }
    Result<Volume> find(std::size_t handle = 0)
    {
        return rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][handle]));
    }
    int asked(const std::string& command)
    {
        const auto sent = rig.wire().sent();
        return static_cast<int>(std::ranges::count_if(sent, [&](const auto& line) {
            return line.ends_with("/" + command) || line.find("/" + command + "/") != std::string::npos;
        }));
    }

    const Subject subject;
    Rig rig;
};

TEST_F(FlashSystemTest, TheServiceIsAtItsOwnPortAndPath)
{
    rig.wire().forget();
    ASSERT_TRUE(find());
    for (const auto& line : rig.wire().sent())
        EXPECT_THAT(line, HasSubstr("POST https://array.example.com:7443/rest/v1/"));
}

// --- sessions

TEST_F(FlashSystemTest, KnockedOutAgainAndAgainItComesBack)
{
    ASSERT_TRUE(find());
    rig.wire().forget();
    int knocks = 0;
    rig.wire().before = [&](int) {
        if (!rig.wire().sent().back().ends_with("/auth") && ++knocks <= 4) // another pod has signed in meanwhile
            rig.lab().handle_control({{"verb", "sessions.expire"}});
    };
    const auto found = find();
    EXPECT_TRUE(found) << found.error().message;
    EXPECT_EQ(asked("auth"), 4);
    EXPECT_EQ(rig.time().waits(), 4) << "each time after a pause";
}

TEST_F(FlashSystemTest, KnockedOutForEverItGivesUpAndSaysWhy)
{
    ASSERT_TRUE(find());
    rig.wire().forget();
    rig.wire().before = [&](int) { rig.lab().handle_control({{"verb", "sessions.expire"}}); };
    const auto found = find();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::denied);
    EXPECT_THAT(found.error().remedy, HasSubstr("a sign-in elsewhere ends ours"));
    EXPECT_LE(asked("auth"), 5);
}

TEST_F(FlashSystemTest, TwoPodsOfOneUserBothGetOn)
{
    const auto other = *make_array(rig.config(), rig.observed(), rig.time());
    bool is_others_turn = false;
    int others = 0;
    rig.wire().before = [&](int number) {
        if (is_others_turn || number % 3 != 0)
            return;
        is_others_turn = true; // each of its sign-ins ends our session, and ours its
        const auto told = other->info(rig.call);
        EXPECT_TRUE(told) << told.error().message;
        ++others;
        is_others_turn = false;
    };
    for (int disk = 0; disk < 5; ++disk) {
        const auto run = rig.run_disk();
        EXPECT_FALSE(run.error) << run.step << ": " << run.error->message;
        EXPECT_FALSE(run.undoing);
    }
    rig.wire().before = nullptr;
    EXPECT_GT(others, 10);
}

TEST_F(FlashSystemTest, TooManySignInsAreWaitedOutAndARefusedOneIsNotRepeated)
{
    set({{"auth_per_second", 1}});
    ASSERT_TRUE(find());
    rig.new_driver();
    rig.wire().forget();
    EXPECT_TRUE(find());
    EXPECT_GE(asked("auth"), 2);
}

TEST_F(FlashSystemTest, ASignInThatIsOneTooManyWaitsAsLongAsTheArrayAsks)
{
    set({{"auth_per_second", 1}, {"auth_retry_after", 2}});
    ASSERT_TRUE(find());
    rig.new_driver();
    rig.wire().forget();
    EXPECT_TRUE(find());
    EXPECT_EQ(asked("auth"), 2) << "with pauses of our own it takes one more";
}

TEST_F(FlashSystemTest, AFailoverOfTheConfigNodeIsWaitedOut)
{
    ASSERT_TRUE(find());
    for (const json& replies :
         {json{"conflict"}, json{"truncated"}, json{"bad_gateway", "bad_gateway", "conflict", "truncated"}}) {
        for (int at = 1; at <= 12; ++at) {
            const auto foreign = rig.foreign(rig.volume["naa"]);
            rig.wire().forget();
            rig.wire().before = [&, done = false](int number) mutable {
                if (number == at && !std::exchange(done, true))
                    rig.lab().handle_control({{"verb", "failover"}, {"replies", replies}});
            };
            const auto run = rig.run_disk();
            rig.wire().before = nullptr;
            EXPECT_FALSE(run.error) << replies << " at " << at << ": " << run.step << ": " << run.error->message;
            EXPECT_FALSE(run.undoing);
            EXPECT_EQ(rig.mappings(rig.volume["naa"]), foreign);
        }
    }
}

// --- volumes

TEST_F(FlashSystemTest, WhereTheFilterFindsNothingTheIdOfTheHandleIsAskedAndItsUidCompared)
{
    set({{"uid_filter", "nothing"}});
    EXPECT_TRUE(find(0));
    set({{"detail", "list"}});
    EXPECT_TRUE(find(1));
    auto handle = rig.volume["handles"][0];
    handle["volumeHandle"] = "SVC:0;600507681088804CB8000000000FFFFF"; // its id is somebody else's now
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(handle));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::not_found);
}

TEST_F(FlashSystemTest, OtherArraysOfTheCsiDriverAreRefusedWithoutARequest)
{
    rig.wire().forget();
    for (const char* handle : {"DS8K:1;600507681088804CB800000000001074", "A9000:1;6001738CFC9035E8000000000091E219"})
        EXPECT_EQ(rig.driver().find_volume(rig.call, {handle, {}}).error().code, Errc::bad_request);
    EXPECT_EQ(rig.wire().count(), 0);
}

TEST_F(FlashSystemTest, WhatCannotBeMappedIsRefused)
{
    rig.control({{"verb", "volume.change"}, {"volume", rig.volume["naa"]}, {"more", {{"status", "offline"}}}});
    EXPECT_EQ(find().error().code, Errc::unsupported);
    rig.control({{"verb", "volume.change"},
                 {"volume", rig.volume["naa"]},
                 {"more", {{"status", "online"}, {"protocol", "fcnvme"}}}});
    EXPECT_EQ(find().error().code, Errc::unsupported);
}

TEST_F(FlashSystemTest, AnIdThatWasGivenOutAgainIsNotTheVolumeAnyMore)
{
    const auto volume = *find();
    const auto host = *rig.ensure();
    rig.control({{"verb", "unmap"}, {"volume", rig.volume["naa"]}, {"host", "worker-1"}});
    rig.control({{"verb", "volume.remove"}, {"volume", rig.volume["naa"]}});
    const auto next = rig.make_volume("pvc-99999999-7a41-4c1b-9a2e-1b3c4d5e6f70"); // the same id
    ASSERT_EQ(next["id"], json(volume.id));
    EXPECT_EQ(rig.driver().map(rig.call, volume, host, 5).error().code, Errc::not_found) << "nothing is mapped yet";
    rig.control({{"verb", "map"}, {"volume", next["naa"]}, {"host", host.name}}); // by somebody
    const auto before = state();
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host)) << "it is gone, and its mapping with it";
    EXPECT_EQ(rig.driver().map(rig.call, volume, host, 5).error().code, Errc::not_found);
    EXPECT_EQ(state(), before);
}

// --- volume protection

TEST_F(FlashSystemTest, IdsThatAreNoneAreRefused)
{
    const auto volume = *find();
    rig.wire().forget();
    for (const char* bad : {"14", "host:", "host:x", "host:1:2", "hosts:1", "host:../1", "hostcluster:"})
        EXPECT_EQ(rig.driver().map(rig.call, volume, {.id = bad}, 5).error().code, Errc::bad_request) << bad;
    EXPECT_EQ(rig.wire().count(), 0);
}

TEST_F(FlashSystemTest, ProtectionOfSystemAndPoolIsRefusedBeforeAnythingIsChanged)
{
    const auto before = state();
    set({{"protection", "both"}});
    const auto found = find();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::unsupported);
    EXPECT_THAT(found.error().message,
                HasSubstr("volume protection of the system and of pool Pool0 would keep the mapping"));
    EXPECT_THAT(found.error().remedy, HasSubstr("chmdiskgrp -vdiskprotectionenabled no Pool0"));
    EXPECT_THAT(found.error().remedy, HasSubstr("chsystem -vdiskprotectionenabled no"));
    EXPECT_EQ(state(), before);
    set({{"protection", "system"}}); // the pool is exempt
    EXPECT_TRUE(find());
    set({{"pool_protection_field", false}}); // who knows
    EXPECT_THAT(find().error().message, HasSubstr("perhaps"));
    set({{"protection", "off"}});
    EXPECT_TRUE(find());
}

TEST_F(FlashSystemTest, AMappingThatProtectionKeepsIsReportedAndGoesWhenTheTimeIsOver)
{
    const auto volume = *find();
    const auto host = *rig.ensure();
    ASSERT_TRUE(rig.driver().map(rig.call, volume, host, 7));
    set({{"protection", "both"}}); // by an administrator, meanwhile
    rig.control({{"verb", "io"}, {"volume", rig.volume["naa"]}});
    const auto kept = rig.driver().unmap(rig.call, volume, host);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().reason, "flashsystem_protected");
    EXPECT_THAT(kept.error().remedy, HasSubstr("vdisk_protection_time"));
    EXPECT_GE(rig.time().waits(), 4);
    EXPECT_TRUE(rig.reaches_host(rig.volume["naa"]));
    rig.control({{"verb", "clock.advance"}, {"ms", 16 * 60 * 1000}});
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host));
    EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
}

// --- hosts and host clusters

TEST_F(FlashSystemTest, AMappingOfAHostClusterIsListedOnceUsedAndNeverTakenAway)
{
    rig.control({{"verb", "host.create"},
                 {"name", "esx-1"},
                 {"group", "vmware"},
                 {"initiators", {"21000024ff2f3266", "21000024ff2f3267"}}});
    rig.control(
        {{"verb", "host.create"}, {"name", "esx-2"}, {"group", "vmware"}, {"initiators", {"21000024ff2f4266"}}});
    rig.control({{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "vmware"}, {"number", 9}});
    const auto before = state();
    const auto volume = *find();
    const auto host = *rig.ensure();
    EXPECT_EQ(host.name, "esx-1");
    const auto mappings = rig.driver().mappings_of(rig.call, volume);
    ASSERT_TRUE(mappings);
    ASSERT_EQ(mappings->size(), 2U);
    const auto shared = std::ranges::find(*mappings, "vmware", [](const Mapping& one) { return one.host.name; });
    ASSERT_NE(shared, mappings->end());
    EXPECT_EQ(shared->host.id, "hostcluster:0");
    EXPECT_EQ(shared->host.initiator_ids.size(), 3U);

    const auto mapped = rig.driver().map(rig.call, volume, host, 5);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(mapped->host.id, "hostcluster:0");
    EXPECT_EQ(mapped->lun, 9);
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host)) << "it has no mapping of its own";
    const auto refused = rig.driver().unmap(rig.call, volume, mapped->host);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_EQ(state(), before);

    rig.control({{"verb", "unmap"}, {"volume", rig.volume["naa"]}, {"host", "vmware"}}); // by somebody, meanwhile
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, mapped->host));
    const auto again = rig.driver().map(rig.call, volume, shared->host, shared->lun);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(state()["mappings"].size(), before["mappings"].size());
}

TEST_F(FlashSystemTest, AHostSplitIntoTwoObjectsKeepsThemAndAMappingThroughEitherCounts)
{
    rig.control({{"verb", "host.create"}, {"name", "esx-1-a"}, {"initiators", {"21000024ff2f3266"}}});
    rig.control({{"verb", "host.create"}, {"name", "esx-1-b"}, {"initiators", {"21000024ff2f3267"}}});
    rig.control({{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "esx-1-b"}, {"number", 4}});
    for (const char* ports : {"refused", "list", "empty"}) {
        set({{"hostports", ports}});
        const auto before = state();
        const auto host = rig.ensure();
        ASSERT_TRUE(host) << host.error().message;
        EXPECT_EQ(host->name, "esx-1-a");
        const auto mapped = rig.driver().map(rig.call, *find(), *host, 11);
        ASSERT_TRUE(mapped);
        EXPECT_EQ(mapped->host.name, "esx-1-b");
        EXPECT_EQ(mapped->lun, 4);
        EXPECT_EQ(state(), before);
    }
}

TEST_F(FlashSystemTest, OurOwnObjectGetsThePortThatItLacksUnlessSomebodyHasIt)
{
    const auto own = "xcopy-" + rig.host().uuid;
    rig.control({{"verb", "host.create"}, {"name", own}, {"initiators", {"21000024ff2f3266"}}});
    set({{"fabric", "empty"}});
    ASSERT_TRUE(rig.ensure());
    EXPECT_EQ(console("lshost", own)["port_count"], "2");
}

TEST_F(FlashSystemTest, AmongManyHostsTheLikelyOnesAreReadFirst)
{
    for (int i = 0; i < 50; ++i)
        rig.control({{"verb", "host.create"},
                     {"name", "h" + std::to_string(i)},
                     {"initiators", {"2100002400000" + std::to_string(100 + i)}}});
    rig.control({{"verb", "host.create"}, {"name", "ESX-1"}, {"initiators", {"21000024ff2f3266", "21000024ff2f3267"}}});
    set({{"fabric", "refused"}});
    rig.wire().forget();
    EXPECT_EQ(rig.ensure()->name, "ESX-1");
    EXPECT_LE(rig.wire().count(), 6);
}

class FlashSystemIscsi : public FlashSystemTest {
protected:
    static Subject iscsi()
    {
        auto subject = flashsystem_subject();
        subject.initiators = {{.kind = Initiator::Kind::iscsi, .name = "iqn.1998-01.com.vmware:esx-1"},
                              {.kind = Initiator::Kind::iscsi, .name = "iqn.1998-01.com.vmware:esx-1-2"}};
        return subject;
    }
    FlashSystemIscsi() : FlashSystemTest(iscsi()) {}
};

TEST_F(FlashSystemIscsi, HostsAreMadeOnNewAndOldCode)
{
    for (const char* words : {"new", "old"}) {
        set({{"protocol_words", words}});
        for (int twice = 0; twice < 2; ++twice) {
            const auto run = rig.run_disk();
            EXPECT_FALSE(run.error) << words << ": " << run.error->message;
            EXPECT_TRUE(run.reached_host);
        }
        const auto host = console("lshost", "xcopy-" + rig.host().uuid);
        EXPECT_EQ(host["port_count"], "2");
        EXPECT_EQ(host["protocol"], words == std::string("new") ? "iscsi" : "scsi");
        EXPECT_FALSE(console("rmhost", "xcopy-" + rig.host().uuid).contains("error"));
    }
}

// --- FlashCopy

class FlashSystemCopy : public FlashSystemTest {
protected:
    FlashSystemCopy()
    {
        source = rig.make_volume("rdm-source", {{"kind", "rdm"}, {"size", size}});
        target = rig.make_volume("pvc-44444444-7a41-4c1b-9a2e-1b3c4d5e6f70", {{"size", size}});
        copy = {"44444444-7a41-4c1b-9a2e-1b3c4d5e6f70",
                *copier().find_source(rig.call, {DiskBacking::Kind::rdm, source["naa"]}),
                *rig.driver().find_volume(rig.call, Rig::handle_in(target["handles"][0]))};
    }
    VolumeCopier& copier() { return *rig.driver().volume_copier(); }
    ArrayCopyState look() { return *copier().look(rig.call, copy); }
    void pass(int ms) { rig.control({{"verb", "clock.advance"}, {"ms", ms}}); }

    static constexpr std::uint64_t size = 1 << 20;
    json source, target;
    ArrayCopy copy;
};

TEST_F(FlashSystemCopy, RunsToHundredPercentKeepsItsProofAndIsForgotten)
{
    EXPECT_FALSE(copier().copies(DiskBacking::Kind::vvol));
    EXPECT_FALSE(copier().forgets_when_done());
    const auto before = state();
    for (const bool listed : {true, false}) {
        set({{"progress_in_list", listed}});
        EXPECT_EQ(look().phase, Phase::absent);
        EXPECT_EQ(copier().start(rig.call, copy)->phase, Phase::running);
        EXPECT_EQ(state()["copies"][0]["autodelete"], false);
        pass(1500);
        EXPECT_EQ(look().phase, Phase::running);
        EXPECT_GE(look().percent, 50);
        const auto early = copier().forget(rig.call, copy);
        ASSERT_FALSE(early) << "a running copy is not taken away by forget";
        EXPECT_EQ(early.error().code, Errc::busy);
        pass(60000);
        EXPECT_EQ(look().phase, Phase::done);
        EXPECT_EQ(copier().start(rig.call, copy)->phase, Phase::done) << "nothing is begun anew";
        EXPECT_TRUE(copier().forget(rig.call, copy));
        EXPECT_TRUE(copier().forget(rig.call, copy));
        EXPECT_EQ(state(), before);
    }
}

TEST_F(FlashSystemCopy, AMappingOfOurNameBetweenOtherVolumesIsNotAdopted)
{
    const auto other = rig.make_volume("other", {{"kind", "rdm"}, {"size", size}});
    console("mkfcmap", "", {{"source", other["id"]}, {"target", target["id"]}, {"name", "xcopy-" + copy.id}});
    const auto before = state();
    EXPECT_EQ(copier().start(rig.call, copy).error().code, Errc::conflict);
    EXPECT_EQ(copier().look(rig.call, copy).error().code, Errc::conflict);
    EXPECT_EQ(copier().cancel(rig.call, copy).error().code, Errc::conflict);
    EXPECT_EQ(copier().forget(rig.call, copy).error().code, Errc::conflict);
    EXPECT_EQ(state(), before);
}

TEST_F(FlashSystemCopy, AnIdThatWasGivenOutAgainIsNeverWrittenTo)
{
    rig.control({{"verb", "volume.remove"}, {"volume", target["naa"]}});
    const auto next = rig.make_volume("pvc-66666666-7a41-4c1b-9a2e-1b3c4d5e6f70", {{"size", size}});
    ASSERT_EQ(next["id"], target["id"]);
    const auto before = state();
    EXPECT_EQ(copier().start(rig.call, copy).error().code, Errc::not_found);
    EXPECT_EQ(state(), before);
}

TEST_F(FlashSystemCopy, ATargetOfAnotherMappingIsRefusedBeforehand)
{
    const auto other = rig.make_volume("other", {{"kind", "rdm"}, {"size", size}});
    console("mkfcmap", "", {{"source", other["id"]}, {"target", target["id"]}, {"name", "nightly"}});
    const auto before = state();
    const auto refused = copier().check(rig.call, copy);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("nightly"));
    EXPECT_FALSE(copier().start(rig.call, copy));
    EXPECT_EQ(state(), before);
}

TEST_F(FlashSystemCopy, SizesMustBeEqualToTheByteAndTheRemedyIsACommand)
{
    const auto larger = rig.make_volume("pvc-55555555-7a41-4c1b-9a2e-1b3c4d5e6f70", {{"size", size + 512}});
    copy.target = *rig.driver().find_volume(rig.call, Rig::handle_in(larger["handles"][0]));
    const auto refused = copier().check(rig.call, copy);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_THAT(refused.error().remedy, HasSubstr("expandvdisksize -size 512 -unit b rdm-source"));
    EXPECT_THAT(refused.error().remedy, HasSubstr("XCOPY"));
}

TEST_F(FlashSystemCopy, FoundByItsVmlNameToo)
{
    const auto found = copier().find_source(rig.call, {DiskBacking::Kind::rdm, source["vml"]});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(json(found->naa), source["naa"]);
}

TEST_F(FlashSystemCopy, CancelledAtAnyMomentNothingIsLeft)
{
    const auto before = state();
    for (const int ms : {0, 100, 1000, 60000}) {
        ASSERT_TRUE(copier().start(rig.call, copy));
        pass(ms);
        EXPECT_TRUE(copier().cancel(rig.call, copy));
        EXPECT_EQ(look().phase, Phase::absent);
        EXPECT_EQ(state(), before);
    }
    console("mkfcmap", "", {{"source", source["id"]}, {"target", target["id"]}, {"name", "xcopy-" + copy.id}});
    console("prestartfcmap", "0"); // a run that died here
    EXPECT_EQ(look().phase, Phase::running);
    EXPECT_TRUE(copier().cancel(rig.call, copy));
    EXPECT_EQ(state(), before);
}

} // namespace
} // namespace xcopy::contract
