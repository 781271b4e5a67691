#include "tests/vendors/fakes/fake_ontap.hpp"
#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/registry.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace xcopy::ontap {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string host_uuid = "4c4c4544-0042-4a10-8035-b4c04f4b3333";
const std::string iqn = "iqn.1998-01.com.vmware:esx1";
const Initiator fc{.kind = Initiator::Kind::fc, .wwnn = "20000024ff1a2b3c", .wwpn = "21000024ff1a2b3c"};
const Initiator iscsi{.kind = Initiator::Kind::iscsi, .name = iqn};

struct OntapTest : testing::Test {
    FakeOntap array;
    rest::FakeClock clock;
    Call call;
    std::string svm = "svm1";

    std::unique_ptr<Array> driver()
    {
        ArrayConfig config{.vendor = "ontap", .hostname = "array", .username = "admin", .password = Secret("geheim")};
        config.extra["ONTAP_SVM"] = svm;
        return *ontap::make(config, array, clock);
    }
    HostIdentity host(Initiators initiators = {iscsi}) const { return {host_uuid, "esx1", std::move(initiators)}; }
    VolumeHandle pv(std::map<std::string, std::string> attributes) const { return {"pvc-1", std::move(attributes)}; }

    // A LUN and this host's igroup, ready to be mapped.
    Volume volume;
    ArrayHost igroup;
    void prepare()
    {
        array.add_lun("/vol/trident_pvc_1/lun0");
        auto quiet = driver();
        volume = *quiet->find_volume(call, pv({{"internalName", "trident_pvc_1"}}));
        igroup = *quiet->ensure_host(call, host());
        array.requests.clear();
        array.changes = 0;
    }
};

TEST_F(OntapTest, TellsWhatItIs)
{
    const auto info = driver()->info(call);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->vendor, "NetApp");
    EXPECT_EQ(info->product, "ONTAP");
    EXPECT_EQ(info->version, "9.15.1");
    EXPECT_EQ(info->model, "") << "an account of one SVM may not read the nodes";
    const rest::Reply headers{.headers = array.requests[0].headers};
    EXPECT_EQ(headers.header("X-Dot-Client-App"), "xcopy");
    EXPECT_EQ(headers.header("Accept"), "application/json");
}

TEST_F(OntapTest, WrongPasswordNamesTheKeysOfTheSecret)
{
    array.password_header = "Basic other";
    const auto info = driver()->info(call);
    EXPECT_EQ(info.error().code, Errc::denied);
    EXPECT_THAT(info.error().remedy, HasSubstr("STORAGE_USERNAME"));
    EXPECT_THAT(info.error().message, HasSubstr("NetApp ONTAP at array: GET /api/cluster"));
}

// --- find_volume

TEST_F(OntapTest, FindsTheLunEachTridentDriverMakes)
{
    array.add_lun("/vol/trident_pvc_1/lun0");
    array.add_lun("/vol/pool_A/pvc_2");
    array.add_lun("pvc_3");
    array.add_lun("/vol/imported/mylun");
    auto ontap = driver();
    const std::pair<std::map<std::string, std::string>, std::string> table[] = {
        {{{"internalName", "trident_pvc_1"}, {"protocol", "block"}}, "/vol/trident_pvc_1/lun0"},
        {{{"internalID", "/svm/svm1/flexvol/pool_A/lun/pvc_2"}, {"internalName", "x"}}, "/vol/pool_A/pvc_2"},
        {{{"internalID", "/svm/svm1/lun/pvc_3"}}, "pvc_3"},
        {{{"internalName", "imported"}}, "/vol/imported/mylun"},
    };
    for (const auto& [attributes, expected] : table) {
        const auto lun = ontap->find_volume(call, pv(attributes));
        ASSERT_TRUE(lun) << expected << ": " << lun.error().message;
        EXPECT_EQ(lun->name, expected);
    }
}

TEST_F(OntapTest, NeverTakesTheWrongLunForTheRightOne)
{
    array.svms["svm2"] = "00000000-0000-0000-0000-0000000000a2";
    array.add_lun("/vol/trident_pvc_1/lun0", "svm2");
    array.add_lun("/vol/trident_pvc_2/lun0");
    array.wildcards_everywhere = true; // the array answers with more than was asked for
    auto ontap = driver();
    EXPECT_EQ(ontap->find_volume(call, pv({{"internalName", "trident_pvc_1"}})).error().code, Errc::not_found);
    EXPECT_EQ(ontap->find_volume(call, pv({{"internalName", "trident_pvc_2"}}))->name, "/vol/trident_pvc_2/lun0");
    EXPECT_EQ(ontap->find_volume(call, pv({{"internalID", "/svm/svm2/lun/trident"}})).error().code, Errc::conflict);
}

TEST_F(OntapTest, SeveralLunsWithoutALunZeroAreAmbiguous)
{
    array.add_lun("/vol/imported/a");
    array.add_lun("/vol/imported/b");
    EXPECT_EQ(driver()->find_volume(call, pv({{"internalName", "imported"}})).error().code, Errc::conflict);
}

TEST_F(OntapTest, WhatIsNotALunIsRefusedWithoutAskingTheArray)
{
    auto ontap = driver();
    EXPECT_EQ(ontap->find_volume(call, pv({{"protocol", "file"}, {"internalName", "x"}})).error().code,
              Errc::unsupported);
    EXPECT_EQ(ontap->find_volume(call, pv({})).error().code, Errc::bad_request);
    EXPECT_EQ(ontap->find_volume(call, pv({{"internalName", "a*"}})).error().code, Errc::bad_request);
    EXPECT_TRUE(array.requests.empty());
}

TEST_F(OntapTest, AFreshLunIsWaitedForAndAMissingSerialReadAgain)
{
    array.add_lun("/vol/trident_pvc_1/lun0");
    array.invisible_lookups = 4;
    array.serial_only_by_uuid = true;
    const auto lun = driver()->find_volume(call, pv({{"internalName", "trident_pvc_1"}}));
    ASSERT_TRUE(lun) << lun.error().message;
    EXPECT_EQ(lun->naa, "naa.600a0980383139544924583130314c41");
    EXPECT_EQ(clock.waits.size(), 2U);
}

TEST_F(OntapTest, StopEndsTheWaitForAFreshLun)
{
    std::stop_source stop;
    call.stop = stop.get_token();
    clock.on_wait = [&](std::size_t) { stop.request_stop(); };
    EXPECT_EQ(driver()->find_volume(call, pv({{"internalName", "trident_pvc_1"}})).error().code, Errc::cancelled);
    EXPECT_EQ(clock.waits.size(), 1U);
}

// --- SVM

TEST_F(OntapTest, TheOnlySvmIsTakenAndSeveralAreListed)
{
    svm = "";
    array.add_lun("/vol/trident_pvc_1/lun0");
    const auto handle = pv({{"internalName", "trident_pvc_1"}});
    EXPECT_TRUE(driver()->find_volume(call, handle));
    array.svms["svm2"] = "00000000-0000-0000-0000-0000000000a2";
    const auto several = driver()->find_volume(call, handle);
    EXPECT_EQ(several.error().code, Errc::bad_request);
    EXPECT_THAT(several.error().message, HasSubstr("svm1, svm2"));
    EXPECT_THAT(several.error().remedy, HasSubstr("ONTAP_SVM"));
    svm = "svm3";
    EXPECT_EQ(driver()->find_volume(call, handle).error().code, Errc::not_found);
}

// --- ensure_host

TEST_F(OntapTest, OneIgroupPerHostIsMadeOnceAndFoundAfterwards)
{
    auto ontap = driver();
    const auto first = ontap->ensure_host(call, host({fc, iscsi}));
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_EQ(array.groups.size(), 1U);
    EXPECT_EQ(array.groups[0].name, "xcopy-" + host_uuid + "-mixed");
    EXPECT_EQ(array.groups[0].os_type, "vmware");
    EXPECT_THAT(array.groups[0].initiators, ElementsAre("21:00:00:24:ff:1a:2b:3c", iqn));
    const auto changes = array.changes;
    const auto again = ontap->ensure_host(call, host({fc, iscsi}));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, first->id);
    EXPECT_EQ(array.changes, changes);
}

TEST_F(OntapTest, AnIgroupOfTheSameNameInAnotherSvmIsNotOurs)
{
    array.svms["svm2"] = "00000000-0000-0000-0000-0000000000a2";
    array.add_group("xcopy-" + host_uuid + "-iscsi", {iqn}, "svm2");
    array.wildcards_everywhere = true;
    const auto ensured = driver()->ensure_host(call, host());
    ASSERT_TRUE(ensured) << ensured.error().message;
    EXPECT_EQ(array.groups.size(), 2U);
    EXPECT_EQ(ensured->id, array.groups[1].uuid);
}

TEST_F(OntapTest, InitiatorsAreAddedAndNeverTakenAway)
{
    array.add_group("xcopy-" + host_uuid + "-iscsi", {"iqn.old", iqn});
    ASSERT_TRUE(driver()->ensure_host(call, host()));
    EXPECT_THAT(array.groups[0].initiators, ElementsAre(iqn, "iqn.old"));
    EXPECT_EQ(array.changes, 0U);
}

TEST_F(OntapTest, ARefusedInitiatorIsNamedAndTheOthersAreAdded)
{
    const Initiator odd{.kind = Initiator::Kind::iscsi, .name = "eui.02004567a425678d"};
    const auto ensured = driver()->ensure_host(call, host({odd, iscsi}));
    ASSERT_FALSE(ensured);
    EXPECT_EQ(ensured.error().code, Errc::bad_request);
    EXPECT_THAT(ensured.error().message, HasSubstr("eui.02004567a425678d"));
    EXPECT_THAT(array.groups[0].initiators, ElementsAre(iqn));
}

TEST_F(OntapTest, AnIgroupOfAnotherOsTypeIsRefused)
{
    array.add_group("xcopy-" + host_uuid + "-iscsi", {iqn}).os_type = "linux";
    EXPECT_EQ(driver()->ensure_host(call, host()).error().code, Errc::conflict);
    EXPECT_EQ(array.changes, 0U);
}

// --- map and unmap

TEST_F(OntapTest, MapsUnderTheNumberAskedForTwiceAndUnmapsTwice)
{
    prepare();
    auto ontap = driver();
    for (int i = 0; i < 2; ++i) {
        const auto mapping = ontap->map(call, volume, igroup, 42);
        ASSERT_TRUE(mapping) << mapping.error().message;
        EXPECT_EQ(mapping->lun, 42);
        EXPECT_EQ(mapping->host.id, igroup.id);
        EXPECT_EQ(array.maps.size(), 1U);
    }
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(ontap->unmap(call, volume, igroup));
        EXPECT_TRUE(array.maps.empty());
    }
}

TEST_F(OntapTest, WithoutANumberTheArrayChoosesTheLowest)
{
    prepare();
    EXPECT_EQ(driver()->map(call, volume, igroup, std::nullopt)->lun, 0);
}

TEST_F(OntapTest, ATakenNumberIsBusySoThatAnotherIsChosen)
{
    prepare();
    const auto other = array.add_lun("/vol/other/lun0")["uuid"].get<std::string>();
    array.maps.push_back({other, igroup.id, 42});
    const auto mapping = driver()->map(call, volume, igroup, 42);
    EXPECT_EQ(mapping.error().code, Errc::busy);
    EXPECT_EQ(array.maps.size(), 1U);
    for (int number : {-1, 4096})
        EXPECT_EQ(driver()->map(call, volume, igroup, number).error().code, Errc::bad_request);
}

TEST_F(OntapTest, ALunThatReachesTheHostThroughAnotherIgroupIsLeftThere)
{
    prepare();
    const auto cluster = array.add_group("esx-cluster", {iqn, "iqn.other"}).uuid;
    array.maps.push_back({volume.id, cluster, 7});
    for (bool listed : {true, false}) {
        array.maps_list_initiators = listed;
        const auto mapping = driver()->map(call, volume, igroup, 42);
        ASSERT_TRUE(mapping) << mapping.error().message;
        EXPECT_EQ(mapping->host.id, cluster);
        EXPECT_EQ(mapping->host.name, "esx-cluster");
        EXPECT_EQ(mapping->lun, 7);
    }
    EXPECT_TRUE(driver()->unmap(call, volume, igroup));
    EXPECT_EQ(array.maps.size(), 1U) << "only our own igroup's map may be taken away";
}

TEST_F(OntapTest, MappingsAreReadThroughAllPagesAndOnlyOfThisLun)
{
    prepare();
    const auto other = array.add_lun("/vol/other/lun0")["uuid"].get<std::string>();
    for (int i = 0; i < 5; ++i) {
        const auto group = array.add_group(fmt::format("worker-{}", i), {fmt::format("iqn.w{}", i)}).uuid;
        array.maps.push_back({volume.id, group, i});
        array.maps.push_back({other, group, 10 + i});
    }
    array.page_size = 2;
    array.wildcards_everywhere = true;
    const auto mappings = driver()->mappings_of(call, volume);
    ASSERT_TRUE(mappings);
    ASSERT_EQ(mappings->size(), 5U);
    EXPECT_EQ(mappings->at(3).host.name, "worker-3");
    EXPECT_EQ(mappings->at(3).lun, 3);
    EXPECT_THAT(mappings->at(3).host.initiator_ids, ElementsAre("iqn.w3"));
}

TEST_F(OntapTest, NumbersInUseAreThoseOfEveryIgroupTheHostIsIn)
{
    prepare();
    const auto other = array.add_lun("/vol/other/lun0")["uuid"].get<std::string>();
    array.maps.push_back({other, igroup.id, 5});
    array.maps.push_back({other, array.add_group("esx-cluster", {iqn, "iqn.other"}).uuid, 7});
    array.maps.push_back({other, array.add_group("worker", {"iqn.worker"}).uuid, 9});
    array.page_size = 1;
    auto ontap = driver();
    ASSERT_NE(ontap->lun_numbers(), nullptr);
    EXPECT_EQ(ontap->lun_numbers()->highest(), 4095);
    EXPECT_THAT(*ontap->lun_numbers()->used_by(call, igroup), ElementsAre(5, 7));
}

TEST_F(OntapTest, AnIgroupGoneBetweenEnsureAndMapIsSaidSo)
{
    prepare();
    array.groups.clear();
    const auto mapping = driver()->map(call, volume, igroup, 42);
    EXPECT_EQ(mapping.error().code, Errc::not_found);
    EXPECT_THAT(mapping.error().message, HasSubstr("igroup"));
    EXPECT_FALSE(mapping.error().remedy.empty());
    EXPECT_TRUE(driver()->unmap(call, volume, igroup));
}

TEST_F(OntapTest, WithoutBothIdsNothingIsSentForAnEmptyOneWouldAddressAll)
{
    auto ontap = driver();
    const std::string uuid = "00000000-0000-0000-0001-000000000001";
    EXPECT_FALSE(ontap->unmap(call, Volume{}, ArrayHost{.id = uuid}));
    EXPECT_FALSE(ontap->unmap(call, Volume{.id = uuid}, ArrayHost{}));
    EXPECT_FALSE(ontap->unmap(call, Volume{.id = "../../storage/luns"}, ArrayHost{.id = uuid}));
    EXPECT_FALSE(ontap->map(call, Volume{}, ArrayHost{.id = uuid}, 1));
    EXPECT_TRUE(array.requests.empty());
}

// --- other callers at the same moment

TEST_F(OntapTest, AnotherCallerWhoMakesTheIgroupFirstIsNoProblem)
{
    array.before = [&](const rest::Request& request) {
        if (request.method == rest::Method::post && array.groups.empty())
            array.add_group("xcopy-" + host_uuid + "-iscsi", {});
    };
    const auto ensured = driver()->ensure_host(call, host());
    ASSERT_TRUE(ensured) << ensured.error().message;
    ASSERT_EQ(array.groups.size(), 1U);
    EXPECT_THAT(array.groups[0].initiators, ElementsAre(iqn));
}

TEST_F(OntapTest, AnotherCallerWhoMapsFirstLeavesTheMapThatExists)
{
    prepare();
    const auto cluster = array.add_group("esx-cluster", {iqn, "iqn.other"}).uuid;
    for (const auto& group : {igroup.id, cluster}) { // 1254207 and 1254193
        array.maps.clear();
        array.before = [&](const rest::Request& request) {
            if (request.method == rest::Method::post && array.maps.empty())
                array.maps.push_back({volume.id, group, 7});
        };
        const auto mapping = driver()->map(call, volume, igroup, 42);
        ASSERT_TRUE(mapping) << mapping.error().message;
        EXPECT_EQ(mapping->host.id, group);
        EXPECT_EQ(mapping->lun, 7);
        EXPECT_EQ(array.maps.size(), 1U);
    }
}

TEST_F(OntapTest, AMapThatMayExistIsIndeterminateWhenItCannotBeReadAgain)
{
    prepare();
    std::size_t lost = 0;
    array.before = [&](const rest::Request& request) {
        if (request.method == rest::Method::post)
            lost = array.requests.size();
        if (lost == array.requests.size())
            array.faults[lost] = Fault::lost_reply;
        else if (lost > 0)
            array.faults[array.requests.size()] = Fault::refused;
    };
    const auto mapping = driver()->map(call, volume, igroup, 42);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, Errc::indeterminate);
    EXPECT_EQ(array.maps.size(), 1U);
}

// --- every step fails, dies right after, runs twice

struct OntapFaults : testing::TestWithParam<Fault> {
    Call call;

    // The array's part of a copy: a LUN that a worker uses already, a host that is new to the array.
    struct World {
        FakeOntap array;
        rest::FakeClock clock;
        std::unique_ptr<Array> driver;
        std::string worker;

        World()
        {
            const auto lun = array.add_lun("/vol/trident_pvc_1/lun0")["uuid"].get<std::string>();
            worker = array.add_group("worker", {"iqn.worker"}).uuid;
            array.maps.push_back({lun, worker, 0});
            ArrayConfig config{.vendor = "ontap", .hostname = "a", .username = "admin", .password = Secret("geheim")};
            driver = *ontap::make(config, array, clock);
        }
    };

    Result<void> copy(World& world)
    {
        Array& ontap = *world.driver;
        const auto lun = ontap.find_volume(call, {"pvc-1", {{"internalName", "trident_pvc_1"}}});
        if (!lun)
            return lun.error();
        const auto igroup = ontap.ensure_host(call, {host_uuid, "esx1", {fc, iscsi}});
        if (!igroup)
            return igroup.error();
        if (const auto used = ontap.lun_numbers()->used_by(call, *igroup); !used)
            return used.error();
        const auto mapping = ontap.map(call, *lun, *igroup, 42);
        if (!mapping)
            return mapping.error();
        EXPECT_EQ(mapping->lun, 42);
        EXPECT_EQ(world.array.maps.size(), 2U);
        return ontap.unmap(call, *lun, *igroup);
    }
};

TEST_P(OntapFaults, WhicheverRequestIsHitTheWorkersMapStaysAndRunningAgainIsRight)
{
    World unhurt;
    ASSERT_TRUE(copy(unhurt));
    const auto steps = unhurt.array.requests.size();
    ASSERT_GE(steps, 9U);
    for (std::size_t step = 1; step <= steps; ++step) {
        World world;
        world.array.faults[step] = GetParam();
        const auto first = copy(world);
        if (GetParam() == Fault::unavailable || GetParam() == Fault::lost_reply)
            EXPECT_TRUE(first) << "step " << step << ": " << first.error().message;
        const auto again = copy(world);
        ASSERT_TRUE(again) << "step " << step << ": " << again.error().message;
        ASSERT_EQ(world.array.maps.size(), 1U) << "step " << step;
        EXPECT_EQ(world.array.maps[0].group, world.worker) << "step " << step;
        EXPECT_EQ(world.array.groups.size(), 2U) << "one igroup for the host, step " << step;
    }
}

TEST_P(OntapFaults, StoppingBeforeAnyRequestIsCancelledThere)
{
    World unhurt;
    ASSERT_TRUE(copy(unhurt));
    for (std::size_t step = 1; step <= unhurt.array.requests.size(); ++step) {
        World world;
        std::stop_source stop;
        call.stop = stop.get_token();
        for (std::size_t later = step; later < step + 5; ++later)
            world.array.faults[later] = Fault::unavailable;
        world.clock.on_wait = [&](std::size_t) { stop.request_stop(); };
        EXPECT_EQ(copy(world).error().code, Errc::cancelled) << "step " << step;
        EXPECT_EQ(world.array.requests.size(), step);
    }
}

std::string fault_name(const testing::TestParamInfo<Fault>& fault)
{
    switch (fault.param) {
    case Fault::none:
        return "None";
    case Fault::unavailable:
        return "Unavailable";
    case Fault::lost_reply:
        return "LostReply";
    case Fault::garbage:
        return "Garbage";
    case Fault::refused:
        return "Refused";
    }
    return "Unknown";
}

INSTANTIATE_TEST_SUITE_P(EachFault, OntapFaults,
                         testing::Values(Fault::unavailable, Fault::lost_reply, Fault::garbage, Fault::refused),
                         fault_name);

} // namespace
} // namespace xcopy::ontap
