#include "tests/lab/arrays/tests/ontap_fixture.hpp"

namespace lab::ontap {

using Paths = std::set<std::tuple<std::string, std::string, int>>;

TEST_F(OntapTest, MappingShowsTheLunToEachInitiatorAndUnmappingHidesItAgain)
{
    auto lun = new_lun("pvc-1");
    auto group =
        new_igroup("xcopy-esx1", {"21:00:00:24:FF:1A:2B:3C", "21:00:00:24:FF:1A:2B:3D"}, "vmware", "svm1", "fcp");
    const std::string naa = lun["naa"];

    auto mapped = map(lun, group, 7);
    EXPECT_EQ(number_of(mapped), 7);
    EXPECT_EQ(mapped.headers["Location"],
              "/api/protocols/san/lun-maps/" + lun["uuid"].get<std::string>() + "/" + group);
    EXPECT_EQ(mapped.body["records"][0]["reporting_nodes"].size(), 2U);
    EXPECT_EQ(fabric.paths(), (Paths{{naa, "21000024ff1a2b3c", 7}, {naa, "21000024ff1a2b3d", 7}}));

    auto gone = unmap(lun, group);
    EXPECT_EQ(gone.status, 200);
    EXPECT_TRUE(fabric.paths().empty());
    EXPECT_EQ(unmap(lun, group).code(), "5374922");
}

TEST_F(OntapTest, LowestFreeNumberStartsAtZeroAndIsReusedAtOnce)
{
    auto a = new_lun("pvc-a"), b = new_lun("pvc-b"), c = new_lun("pvc-c"), d = new_lun("pvc-d");
    auto group = new_igroup("xcopy-esx1", {esx1});
    EXPECT_EQ(number_of(map(a, group)), 0);
    EXPECT_EQ(number_of(map(b, group, 1)), 1);
    EXPECT_EQ(number_of(map(c, group)), 2);
    unmap(a, group);
    EXPECT_EQ(number_of(map(d, group)), 0);
}

TEST_F(OntapTest, DuplicateMapIsRefusedWithTheStatusOfTheSwitch)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {esx1});
    map(lun, group);
    for (const int status : {409, 400}) {
        set({{"duplicate_map_status", status}});
        auto again = map(lun, group);
        EXPECT_EQ(again.status, status);
        EXPECT_EQ(again.body,
                  (json{{"error", {{"message", "LUN already mapped to this group."}, {"code", "1254207"}}}}));
    }
    EXPECT_EQ(maps(), 1U);
}

TEST_F(OntapTest, AnInitiatorReachesALunOnlyOnceWhicheverGroupsItIsIn)
{
    auto lun = new_lun("pvc-1");
    auto all = new_igroup("all-esx", {esx1, esx2}), own = new_igroup("xcopy-esx1", {esx1});
    auto late = new_igroup("late", {});
    map(lun, all);
    EXPECT_EQ(map(lun, own).code(), "1254193");
    EXPECT_EQ(map(lun, late).status, 201);
    auto joined = ask("POST", "/api/protocols/san/igroups/" + late + "/initiators", {{"name", esx1}});
    EXPECT_EQ(joined.code(), "1254193");
    EXPECT_EQ(joined.status, 409);
    EXPECT_EQ(fabric.paths().size(), 2U); // only those of all-esx
    EXPECT_EQ(maps(), 2U);
}

TEST_F(OntapTest, ANumberIsGivenOnceToAGroupAndOnceToAnInitiator)
{
    auto a = new_lun("pvc-a"), b = new_lun("pvc-b");
    auto one = new_igroup("one", {esx1}), two = new_igroup("two", {esx1});
    map(a, one, 5);
    set({{"number_taken_status", 400}, {"number_taken_code", "99"}});
    auto taken = map(b, one, 5);
    EXPECT_EQ(taken.status, 400);
    EXPECT_EQ(taken.code(), "99");
    EXPECT_NE(taken.body["error"]["message"].get<std::string>().find("LUN ID 5"), std::string::npos);
    EXPECT_EQ(map(b, two, 5).code(), "1254324");
    EXPECT_EQ(number_of(map(b, two, 6)), 6);
}

TEST_F(OntapTest, ChoosingANumberMayOrMayNotAvoidWhatInitiatorsSeeElsewhere)
{
    auto a = new_lun("pvc-a"), b = new_lun("pvc-b");
    auto one = new_igroup("one", {esx1}), two = new_igroup("two", {esx1});
    map(a, one);
    set({{"lowest_free_sees_other_igroups", false}});
    EXPECT_EQ(map(b, two).code(), "1254324");
    set({{"lowest_free_sees_other_igroups", true}});
    EXPECT_EQ(number_of(map(b, two)), 1);
}

TEST_F(OntapTest, SvmsAreDifferentTargetsSoNumbersRepeat)
{
    auto here = new_lun("pvc-1"), there = new_lun("pvc-1", "san", "svm2");
    auto group = new_igroup("xcopy-esx1", {esx1}), other = new_igroup("xcopy-esx1", {esx1}, "vmware", "svm2");
    EXPECT_EQ(number_of(map(here, group, 5)), 5);
    EXPECT_EQ(number_of(map(there, other, 5, "svm2")), 5);
    EXPECT_EQ(fabric.paths().size(), 2U);

    const auto svm2 = ask("GET", "/api/svm/svms?name=svm2").body["records"][0]["uuid"];
    json body = {{"svm", {{"name", "svm1"}, {"uuid", svm2}}}, {"lun", {{"uuid", "x"}}}, {"igroup", {{"uuid", "x"}}}};
    EXPECT_EQ(ask("POST", "/api/protocols/san/lun-maps", body).code(), "2621706");
}

TEST_F(OntapTest, TheStatusOfAnyCodeIsASwitch)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {esx1});
    EXPECT_EQ(unmap(lun, group).status, 404);
    set({{"error_status", {{"5374922", 400}}}});
    EXPECT_EQ(unmap(lun, group).status, 400);
    EXPECT_EQ(unmap(lun, group).code(), "5374922");
}

TEST_F(OntapTest, NumbersEndAt4095)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {esx1});
    for (const int wrong : {-1, 4096})
        EXPECT_EQ(map(lun, group, wrong).status, 400) << wrong;
    auto text = ask(
        "POST", "/api/protocols/san/lun-maps",
        {{"svm.name", "svm1"}, {"lun.name", lun["path"]}, {"igroup.name", "xcopy-esx1"}, {"logical_unit_number", "7"}});
    EXPECT_EQ(text.status, 400);
    EXPECT_EQ(number_of(map(lun, group, 4095)), 4095);
}

TEST_F(OntapTest, NamesAndDottedKeysServeAsWellAsUuids)
{
    auto lun = new_lun("pvc-1");
    new_igroup("xcopy-esx1", {esx1});
    auto mapped = ask("POST", "/api/protocols/san/lun-maps",
                      {{"svm.name", "svm1"}, {"lun.name", lun["path"]}, {"igroup.name", "xcopy-esx1"}});
    EXPECT_EQ(mapped.status, 201) << mapped.body;
    EXPECT_EQ(mapped.body, json::object()); // records only on request
}

TEST_F(OntapTest, MapRefusals)
{
    auto lun = new_lun("pvc-1"), vvol = new_lun("disk", "vvol");
    auto group = new_igroup("xcopy-esx1", {esx1}), elsewhere = new_igroup("xcopy-esx1", {esx1}, "vmware", "svm2");
    const json svm = {{"name", "svm1"}}, l = {{"uuid", lun["uuid"]}}, g = {{"uuid", group}};
    struct Case {
        json body;
        int status;
        std::string code;
    };
    for (const auto& [body, status, code] : std::vector<Case>{
             {{{"svm", svm}, {"igroup", g}}, 400, "5374901"},
             {{{"svm", svm}, {"lun", l}}, 400, "5374902"},
             {{{"lun", l}, {"igroup", g}}, 400, "2621707"},
             {{{"svm", {{"name", "none"}}}, {"lun", l}, {"igroup", g}}, 400, "2621462"},
             {{{"svm", {{"name", "svm2"}, {"uuid", "x"}}}, {"lun", l}, {"igroup", g}}, 400, "2621462"},
             {{{"svm", {{"name", "svm2"}}}, {"lun", l}, {"igroup", g}}, 404, "1254201"},
             {{{"svm", svm}, {"lun", {{"uuid", "none"}}}, {"igroup", g}}, 404, "1254201"},
             {{{"svm", svm}, {"lun", l}, {"igroup", {{"uuid", elsewhere}}}}, 404, "5374878"},
             {{{"svm", svm}, {"lun", {{"uuid", vvol["uuid"]}}}, {"igroup", g}}, 400, "5374329"},
             {{{"svm", svm}, {"lun", l}, {"igroup", g}, {"surprise", 1}}, 400, "2"},
         }) {
        auto reply = ask("POST", "/api/protocols/san/lun-maps", body);
        EXPECT_EQ(reply.status, status) << body;
        EXPECT_EQ(reply.code(), code) << body;
    }
    EXPECT_EQ(maps(), 0U);
    EXPECT_EQ(unmap({{"uuid", "none"}}, group).code(), "5374875");
    EXPECT_EQ(unmap(lun, "none").code(), "5374878");
    EXPECT_EQ(unmap(lun, elsewhere).code(), "5374878");
}

TEST_F(OntapTest, UnmappingLeavesTheMapsOfOtherGroups)
{
    auto lun = new_lun("pvc-1");
    control({{"verb", "map"}, {"lun", lun["naa"]}, {"igroup", "worker-1"}, {"initiators", {node}}, {"number", 3}});
    auto ours = new_igroup("xcopy-esx1", {esx1});
    map(lun, ours);
    unmap(lun, ours);
    EXPECT_EQ(fabric.paths(), (Paths{{lun["naa"], node, 3}}));
}

TEST_F(OntapTest, ListOfMapsFiltersAndHidesNewOnesWhenTold)
{
    auto lun = new_lun("pvc-1"), other = new_lun("pvc-2");
    auto group = new_igroup("xcopy-esx1", {esx1});
    map(other, group);
    set({{"delayed_map_visibility", 1}});
    map(lun, group);
    const auto target =
        "/api/protocols/san/lun-maps?fields=logical_unit_number,igroup&lun.uuid=" + lun["uuid"].get<std::string>();
    EXPECT_EQ(ask("GET", target).body["num_records"], 0);
    auto seen = ask("GET", target).body;
    ASSERT_EQ(seen["num_records"], 1);
    EXPECT_EQ(seen["records"][0]["logical_unit_number"], 1);
    EXPECT_EQ(seen["records"][0]["igroup"]["initiators"], json({esx1}));
    EXPECT_FALSE(seen["records"][0].contains("reporting_nodes"));
    EXPECT_EQ(ask("GET", std::string("/api/protocols/san/lun-maps?igroup.initiators=") + esx1).body["num_records"], 2);
    EXPECT_EQ(ask("GET", "/api/protocols/san/lun-maps?fields=logical-unit-number").status, 200); // as Trident asks
}

TEST_F(OntapTest, ReportingNodesBelongToAMap)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {esx1});
    const auto target =
        "/api/protocols/san/lun-maps/" + lun["uuid"].get<std::string>() + "/" + group + "/reporting-nodes";
    EXPECT_EQ(ask("GET", target).code(), "5374922");
    map(lun, group);
    EXPECT_EQ(ask("GET", target).body["num_records"], 2);
}

} // namespace lab::ontap
