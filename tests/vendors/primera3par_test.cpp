// What only this array has, the driver against the lab's simulator.
#include "tests/vendors/contract/rig.hpp"
#include "vendors/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::contract {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Phase = ArrayCopyState::Phase;

struct Primera3parTest : testing::Test {
    Rig& with(const json& switches = json::object())
    {
        rig_ = std::make_unique<Rig>(subject, switches);
        return *rig_;
    }
    static Volume target(Rig& rig)
    {
        return *rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    }
    static int count(Rig& rig, const std::string& request)
    {
        const auto sent = rig.wire().sent();
        return static_cast<int>(
            std::ranges::count_if(sent, [&](const auto& line) { return line.find(request) != std::string::npos; }));
    }
    static json host_named(Rig& rig, const std::string& name)
    {
        const auto state = rig.control({{"verb", "state"}});
        for (const auto& host : state["hosts"])
            if (host["name"] == name)
                return host;
        return {};
    }
    const Subject subject = primera3par_subject();
    std::unique_ptr<Rig> rig_;
};

// Wires the driver to an array of which only one port is open.
class OnePort : public rest::Transport {
public:
    OnePort(rest::Transport& inner, std::string open) : inner_(inner), open_(std::move(open)) {}
    Result<rest::Reply> send(const Call& call, const rest::Request& request, const rest::Tls& tls) override
    {
        asked.push_back(request.url);
        if (!request.url.starts_with(open_ + "/"))
            return Error{Errc::unavailable, "nothing listens", "", "connect_refused"};
        return inner_.send(call, request, tls);
    }
    std::vector<std::string> asked;

private:
    rest::Transport& inner_;
    std::string open_;
};

TEST_F(Primera3parTest, WithoutAPort443IsTriedAndThen8080AndThatIsRemembered)
{
    auto& rig = with();
    OnePort wire(rig.wire(), "https://array.example.com:8080");
    const auto driver = make_array(rig.config(), wire, rig.time());
    ASSERT_TRUE((*driver)->info(rig.call));
    ASSERT_TRUE((*driver)->info(rig.call));
    ASSERT_EQ(wire.asked.size(), 4U);
    EXPECT_EQ(wire.asked[0], "https://array.example.com/api/v1/credentials");
    for (std::size_t i = 1; i < wire.asked.size(); ++i)
        EXPECT_THAT(wire.asked[i], HasSubstr("https://array.example.com:8080/")) << i;
}

TEST_F(Primera3parTest, APortInTheSecretIsTheOnlyOne)
{
    auto& rig = with();
    for (const char* hostname :
         {"https://array.example.com:8080", "array.example.com:8080/", "https://[2001:db8::5]:8080"}) {
        auto config = rig.config();
        config.hostname = hostname;
        OnePort wire(rig.wire(), "none");
        const auto driver = make_array(config, wire, rig.time());
        EXPECT_FALSE((*driver)->info(rig.call));
        for (const auto& url : wire.asked)
            EXPECT_THAT(url, HasSubstr(":8080/")) << hostname;
    }
}

TEST_F(Primera3parTest, TheSessionIsGivenBackAndItsKeyIsInNoLog)
{
    auto& rig = with();
    ASSERT_FALSE(rig.run_disk().error);
    const std::string key = rig.control({{"verb", "sessions"}})["tokens"][0];
    rig.new_driver();
    EXPECT_EQ(rig.wire().sent().back(), "DELETE https://array.example.com/api/v1/credentials/" + key);
    EXPECT_THAT(rig.told(), HasSubstr("DELETE https://array.example.com/***"));
    EXPECT_THAT(rig.told(), Not(HasSubstr(key)));
}

TEST_F(Primera3parTest, ARefusalIsNoReasonToSignInAgain)
{
    auto& rig = with({{"role", "browse"}});
    const auto ensured = rig.ensure();
    ASSERT_FALSE(ensured);
    EXPECT_EQ(ensured.error().code, Errc::denied) << ensured.error().message;
    EXPECT_THAT(ensured.error().remedy, HasSubstr("role edit"));
    EXPECT_EQ(rig.control({{"verb", "sessions"}})["opened"], 1);
}

TEST_F(Primera3parTest, ASessionKeyThatAnotherRequestUsesIsWaitedFor)
{
    auto& rig = with({{"key_in_use", 2}});
    const auto run = rig.run_disk();
    EXPECT_FALSE(run.error) << run.error->message;
    EXPECT_EQ(rig.control({{"verb", "sessions"}})["opened"], 1);
}

TEST_F(Primera3parTest, NoSessionLeftIsExplained)
{
    for (const int status : {500, 503}) {
        auto& rig = with({{"session_limit", 0}, {"exhausted_status", status}});
        const auto info = rig.driver().info(rig.call);
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().code, Errc::unavailable);
        EXPECT_THAT(info.error().remedy, HasSubstr("session"));
    }
}

TEST_F(Primera3parTest, TheHandleIsCutTo31Characters)
{
    auto& rig = with();
    rig.wire().forget();
    EXPECT_EQ(target(rig).name, "pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3");
    EXPECT_THAT(rig.wire().sent().back(), testing::EndsWith("/volumes/pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3"));
}

TEST_F(Primera3parTest, AVolumeThatIsNotThereMayBeOnAnotherArrayOfTheSameCsiDriver)
{
    auto& rig = with();
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.control({{"verb", "foreign_handle"}})));
    EXPECT_THAT(found.error().remedy, HasSubstr("Alletra 5000/6000"));
    const auto nvme = rig.driver().find_volume(rig.call, {"pvc-1", {{"accessProtocol", "nvmetcp"}}});
    EXPECT_EQ(nvme.error().code, Errc::unsupported);
}

TEST_F(Primera3parTest, OurHostHasPersonaVmwareAndWwpnsOnly)
{
    auto& rig = with();
    const auto host = rig.ensure();
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_LE(host->name.size(), 31U);
    const auto made = host_named(rig, host->name);
    EXPECT_EQ(made["persona"], 8);
    std::set<std::string> wwns;
    for (const auto& path : made["FCPaths"])
        wwns.insert(path["wwn"]);
    EXPECT_EQ(wwns, (std::set<std::string>{"21000024FF1A2B3C", "21000024FF1A2B3D"})) << "no WWNN";
}

TEST_F(Primera3parTest, AHostWithBothKindsOfAdapterIsMadeInTwoSteps)
{
    auto& rig = with();
    auto identity = rig.host();
    identity.initiators.push_back({.kind = Initiator::Kind::iscsi, .name = "iqn.1998-01.com.vmware:esx-1"});
    const auto host = rig.driver().ensure_host(rig.call, identity);
    ASSERT_TRUE(host) << host.error().message;
    const auto made = host_named(rig, host->name);
    EXPECT_FALSE(made["FCPaths"].empty());
    EXPECT_FALSE(made["iSCSIPaths"].empty());
}

TEST_F(Primera3parTest, OurHostGetsWhatItLacks)
{
    auto& rig = with();
    const auto name = rig.ensure()->name;
    auto identity = rig.host();
    identity.initiators[1].wwpn = "21000024ffffffff"; // a new adapter
    const auto host = rig.driver().ensure_host(rig.call, identity);
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_EQ(host->name, name);
    identity.initiators[0].wwpn = "21000024fffffffe"; // all are new: it is found by its name
    identity.initiators[1].wwpn = "21000024fffffffd";
    EXPECT_EQ(rig.driver().ensure_host(rig.call, identity)->name, name);
    std::set<std::string> wwns;
    const auto made = host_named(rig, name);
    for (const auto& path : made["FCPaths"])
        wwns.insert(path["wwn"]);
    EXPECT_EQ(wwns.size(), 5U) << "and nothing was taken away";
}

TEST_F(Primera3parTest, InitiatorsInSeveralHostsTheOneWithMostIsUsedAndNoneIsChanged)
{
    auto& rig = with();
    rig.control({{"verb", "host.create"}, {"name", "aaaa"}, {"initiators", {"21000024ff1a2b3c"}}});
    rig.control({{"verb", "host.create"}, {"name", "bbbb"}, {"initiators", {"21000024ff1a2b3d", "21000024ff1a2b3e"}}});
    auto identity = rig.host();
    identity.initiators.push_back({.kind = Initiator::Kind::fc, .wwnn = "", .wwpn = "21000024ff1a2b3e"});
    const auto before = rig.control({{"verb", "state"}});
    EXPECT_EQ(rig.driver().ensure_host(rig.call, identity)->id, "host:bbbb");
    EXPECT_EQ(rig.control({{"verb", "state"}}), before);
}

TEST_F(Primera3parTest, AnInitiatorThatSomebodyTakesInBetweenIsHis)
{
    for (const char* query : {"filters", "rejected", "ignored"}) {
        auto& rig = with({{"host_query", query}});
        bool done = false;
        rig.wire().before = [&](int) {
            if (rig.wire().sent().back().starts_with("POST https://array.example.com/api/v1/hosts") &&
                !std::exchange(done, true))
                rig.lab().handle_control(
                    {{"verb", "host.create"}, {"name", "faster"}, {"initiators", {"21000024ff1a2b3c"}}});
        };
        const auto host = rig.ensure();
        rig.wire().before = nullptr;
        ASSERT_TRUE(host) << host.error().message;
        EXPECT_EQ(host->id, "host:faster");
    }
}

TEST_F(Primera3parTest, AVolumeThatReachesTheHostThroughASetIsLeftAsItIs)
{
    for (const bool rows : {true, false})
        for (const char* named : {"host", "set"}) {
            auto& rig = with({{"active_rows", rows}, {"set_rows", named}});
            rig.control({{"verb", "host.create"},
                         {"name", "esx-a"},
                         {"group", "cluster"},
                         {"initiators", {"21000024ff1a2b3c", "21000024ff1a2b3d"}}});
            rig.control({{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "set:cluster"}, {"number", 9}});
            const auto before = rig.control({{"verb", "state"}});
            const auto volume = target(rig);
            const auto host = *rig.ensure();
            const auto used = rig.driver().lun_numbers()->used_by(rig.call, host);
            ASSERT_TRUE(used);
            EXPECT_TRUE(used->contains(9));
            const auto mapped = rig.driver().map(rig.call, volume, host, 5);
            ASSERT_TRUE(mapped) << mapped.error().message;
            EXPECT_EQ(mapped->host.id, "set:cluster");
            EXPECT_EQ(mapped->lun, 9);
            EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host));
            EXPECT_EQ(rig.control({{"verb", "state"}}), before);
            EXPECT_TRUE(rig.driver().unmap(rig.call, volume, mapped->host)) << "that, when it is named";
            EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
        }
}

TEST_F(Primera3parTest, AMatchedSetOfTheHostCountsAndIsTakenAwayPortByPort)
{
    auto& rig = with();
    rig.control({{"verb", "map"},
                 {"volume", rig.volume["naa"]},
                 {"host", "esx-a"},
                 {"initiators", {"21000024ff1a2b3c", "21000024ff1a2b3d"}},
                 {"number", 9}});
    const auto volume = target(rig);
    const auto host = *rig.ensure();
    const auto mapped = rig.driver().map(rig.call, volume, host, 5);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(mapped->lun, 9);
    rig.wire().forget();
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host));
    EXPECT_EQ(count(rig, ",9,esx-a,0:1:2"), 1);
    EXPECT_EQ(count(rig, ",9,esx-a,1:1:2"), 1);
    EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
    EXPECT_EQ(rig.mappings(rig.volume["naa"]).size(), 1U) << "the worker's stays";
}

TEST_F(Primera3parTest, TheExportOfAVolumeSetIsSeenByItsPathsAndNeverTakenAway)
{
    auto& rig = with();
    rig.control({{"verb", "host.create"}, {"name", "esx-a"}, {"initiators", {"21000024ff1a2b3c"}}});
    rig.control(
        {{"verb", "map"}, {"volume", rig.volume["naa"]}, {"host", "esx-a"}, {"number", 9}, {"volume_set", "vvs"}});
    const auto before = rig.control({{"verb", "state"}});
    const auto volume = target(rig);
    const auto host = *rig.ensure();
    EXPECT_EQ(rig.driver().mappings_of(rig.call, volume)->size(), 2U);
    const auto mapped = rig.driver().map(rig.call, volume, host, 5);
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->lun, 9);
    EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host));
    EXPECT_EQ(rig.control({{"verb", "state"}}), before);
}

TEST_F(Primera3parTest, TheNumberIsTheOneThatTheArrayAssigned)
{
    for (const bool location : {true, false}) {
        auto& rig = with({{"auto_lun", "ignores"}, {"location", location}});
        const auto volume = target(rig);
        const auto host = *rig.ensure();
        const auto mapped = rig.driver().map(rig.call, volume, host, 77);
        ASSERT_TRUE(mapped) << mapped.error().message;
        EXPECT_EQ(mapped->lun, 1);
        EXPECT_TRUE(rig.driver().unmap(rig.call, volume, host));
        EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
    }
}

TEST_F(Primera3parTest, HalfAListIsAnErrorAndNotNothing)
{
    auto& rig = with();
    const auto volume = target(rig);
    const auto host = *rig.ensure();
    rig.control({{"verb", "set"}, {"switches", {{"broken_list", true}}}});
    EXPECT_FALSE(rig.driver().mappings_of(rig.call, volume));
    EXPECT_FALSE(rig.driver().unmap(rig.call, volume, host));
    EXPECT_FALSE(rig.ensure());
}

TEST_F(Primera3parTest, AQueryThatShowsNothingIsNotBelieved)
{
    auto& rig = with({{"vlun_query", "empty"}});
    const auto foreign = rig.foreign(rig.volume["naa"]);
    EXPECT_EQ(rig.driver().mappings_of(rig.call, target(rig))->size(), 1U);
    const auto run = rig.run_disk();
    EXPECT_FALSE(run.error) << run.error->message;
    EXPECT_TRUE(run.reached_host);
    EXPECT_EQ(rig.mappings(rig.volume["naa"]), foreign) << "ours is gone, theirs is there";
}

TEST_F(Primera3parTest, AVolumeOfTheSameNameIsNotTheSameVolume)
{
    auto& rig = with();
    const auto volume = target(rig);
    const auto host = *rig.ensure();
    rig.control({{"verb", "volume.remove"}, {"volume", rig.volume["naa"]}});
    const auto other = rig.make_volume(volume.name);
    rig.control({{"verb", "map"}, {"volume", other["naa"]}, {"host", host.name}});
    const auto unmapped = rig.driver().unmap(rig.call, volume, host);
    ASSERT_FALSE(unmapped);
    EXPECT_EQ(unmapped.error().code, Errc::conflict);
    EXPECT_TRUE(rig.reaches_host(other["naa"]));
}

// Copies inside the array.
struct Primera3parCopyTest : Primera3parTest {
    ArrayCopy prepare(Rig& rig, const std::string& kind = "rdm")
    {
        const auto source = rig.make_volume("disk-1", {{"kind", kind}});
        made = rig.make_volume("pvc-44444444-7a41-4c1b-9a2e-1b3c4d5e6f70");
        const DiskBacking backing{kind == "rdm" ? DiskBacking::Kind::rdm : DiskBacking::Kind::vvol,
                                  source["backing"]["id"]};
        const auto found = rig.driver().volume_copier()->find_source(rig.call, backing);
        EXPECT_TRUE(found) << found.error().message;
        EXPECT_EQ(json(found->naa), source["naa"]);
        return {"44444444-7a41-4c1b-9a2e-1b3c4d5e6f70", *found,
                *rig.driver().find_volume(rig.call, Rig::handle_in(made["handles"][0]))};
    }
    json made;
};

TEST_F(Primera3parCopyTest, OntoAVolumeThatSomebodySeesNothingIsCopied)
{
    for (const int code : {26, 152}) {
        auto& rig = with({{"exported_copy_code", code}});
        const auto copy = prepare(rig);
        rig.control({{"verb", "map"}, {"volume", made["naa"]}, {"host", "worker-1"}});
        const auto before = rig.control({{"verb", "state"}});
        for (const auto& error : {rig.driver().volume_copier()->check(rig.call, copy).error(),
                                  rig.driver().volume_copier()->start(rig.call, copy).error()}) {
            EXPECT_EQ(error.code, Errc::unsupported) << error.message;
            EXPECT_THAT(error.message, HasSubstr("worker-1"));
            EXPECT_FALSE(error.remedy.empty());
        }
        EXPECT_EQ(rig.control({{"verb", "state"}}), before);
        EXPECT_EQ(count(rig, "POST https://array.example.com/api/v1/volumes"), 0);
    }
}

TEST_F(Primera3parCopyTest, AnotherProcessFindsTheTaskByItsNameEvenIfThatIsCut)
{
    for (const char* names : {"whole", "cut"}) {
        auto& rig = with({{"task_names", names}});
        const auto copy = prepare(rig, "vvol");
        ASSERT_EQ(rig.driver().volume_copier()->start(rig.call, copy)->phase, Phase::running);
        rig.new_driver();
        auto* copier = rig.driver().volume_copier();
        EXPECT_EQ(copier->look(rig.call, copy)->phase, Phase::running);
        EXPECT_EQ(copier->start(rig.call, copy)->phase, Phase::running);
        EXPECT_EQ(count(rig, "POST https://array.example.com/api/v1/volumes"), 1) << "taken up, not begun anew";
        (void)rig.time().wait(rig.call, std::chrono::seconds(4));
        EXPECT_EQ(copier->look(rig.call, copy)->phase, Phase::done);
        EXPECT_EQ(copier->start(rig.call, copy)->phase, Phase::running) << "ordered again it copies again";
        EXPECT_EQ(copier->look(rig.call, copy)->phase, Phase::running) << "the old success is not this one's";
    }
}

TEST_F(Primera3parCopyTest, WhereTheVolumeCannotBeStoppedItsTaskIsCancelled)
{
    auto& rig = with({{"stop_refused", true}});
    const auto copy = prepare(rig);
    auto* copier = rig.driver().volume_copier();
    ASSERT_TRUE(copier->start(rig.call, copy));
    const auto cancelled = copier->cancel(rig.call, copy);
    EXPECT_TRUE(cancelled) << cancelled.error().message;
    EXPECT_EQ(copier->look(rig.call, copy)->phase, Phase::failed);
    EXPECT_THAT(rig.wire().sent(), Contains(HasSubstr("PUT https://array.example.com/api/v1/tasks/")));
}

TEST_F(Primera3parCopyTest, TheTargetOfACopyIsNotMapped)
{
    auto& rig = with();
    const auto copy = prepare(rig);
    ASSERT_TRUE(rig.driver().volume_copier()->start(rig.call, copy));
    const auto mapped = rig.driver().map(rig.call, copy.target, *rig.ensure(), 5);
    ASSERT_FALSE(mapped);
    EXPECT_EQ(mapped.error().code, Errc::conflict);
    EXPECT_THAT(mapped.error().message, HasSubstr("physical copy"));
}

} // namespace
} // namespace xcopy::contract
