#include "tests/lab/arrays/tests/ontap_fixture.hpp"

namespace lab::ontap {

TEST(Initiators, AreTakenInOntapsFormsOnly)
{
    struct Case {
        std::string name;
        Protocol protocol;
        std::string code; // empty: taken
    };
    for (const auto& [name, protocol, code] : std::vector<Case>{
             {"21:00:00:24:FF:1A:2B:3C", Protocol::fcp, ""},
             {"21:00:00:24:ff:1a:2b:3c", Protocol::mixed, ""},
             {"21:00:00:24:ff:1a:2b:3c", Protocol::iscsi, "5374039"},
             {"21000024ff1a2b3c", Protocol::fcp, "5373983"},
             {"21:00:00:24:ff:1a:2b", Protocol::fcp, "5373982"},
             {"21:00:00:24:ff:1a:2b:3c:4d", Protocol::fcp, "5373982"},
             {"21:00:00:24:ff:1a:2b:3", Protocol::fcp, "5373982"},
             {"fc.2000002400000001:21000024ff1a2b3c", Protocol::fcp, "5373983"},
             {"fc.2000002400000001:21000024ff1a2b3c", Protocol::mixed, "5373983"},
             {"worker", Protocol::mixed, "5373993"},
             {"", Protocol::mixed, "5373993"},
             {"iqn.1998-01.com.vmware:esx1-1a2b", Protocol::iscsi, ""},
             {"IQN.1998-01.COM.VMWARE:ESX1", Protocol::mixed, ""},
             {"iqn.1998-01.com.vmware:esx1", Protocol::fcp, "5374038"},
             {"iqn.1998-13.com.vmware:esx1", Protocol::iscsi, "5374039"},
             {"iqn.98-01.com.vmware:esx1", Protocol::iscsi, "5374039"},
             {"iqn.1998-01.", Protocol::iscsi, "5374039"},
             {"iqn.1998-01.a b", Protocol::iscsi, "5374039"},
             {"eui.0123456789abcdef", Protocol::iscsi, ""},
             {"eui.0123456789abcde", Protocol::iscsi, "5373977"},
             {"iqn.1998-01.com." + std::string(90, 'a'), Protocol::iscsi, "5373992"},
         }) {
        auto parsed = parse_initiator(name, protocol);
        EXPECT_EQ(parsed ? "" : parsed.error().code, code) << name;
        if (parsed)
            EXPECT_EQ(*parsed, lower(name));
    }
}

TEST_F(OntapTest, IgroupNamesAreUniqueWithinAnSvmOnly)
{
    new_igroup("xcopy-esx1", {});
    new_igroup("xcopy-esx1", {}, "vmware", "svm2");
    auto again = ask("POST", "/api/protocols/san/igroups",
                     {{"svm", {{"name", "svm1"}}}, {"name", "xcopy-esx1"}, {"os_type", "vmware"}});
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "5374023");

    auto found = ask("GET", "/api/protocols/san/igroups?svm.name=svm2&name=xcopy-esx1&fields=os_type").body;
    ASSERT_EQ(found["num_records"], 1);
    EXPECT_EQ(found["records"][0]["svm"]["name"], "svm2");
    EXPECT_EQ(found["records"][0]["os_type"], "vmware");
}

TEST_F(OntapTest, CreatingWithAWrongInitiatorCreatesNothing)
{
    json body = {{"svm", {{"name", "svm1"}}},
                 {"name", "xcopy-esx1"},
                 {"os_type", "vmware"},
                 {"protocol", "fcp"},
                 {"initiators", {{{"name", "21:00:00:24:ff:1a:2b:3c"}}, {{"name", esx1}}}}};
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups", body).code(), "5374038");
    EXPECT_EQ(ask("GET", "/api/protocols/san/igroups").body["num_records"], 0);
    body["name"] = "xcopy esx1";
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups", body).code(), "5373958");
}

TEST_F(OntapTest, InitiatorsAreStoredInLowerCaseAndShownAsTheSwitchSays)
{
    auto group = new_igroup("xcopy-esx1", {"21:00:00:24:FF:1A:2B:3C"});
    const auto target = "/api/protocols/san/igroups/" + group + "?fields=initiators.name";
    const std::map<std::string, std::string> shown = {{"lower", "21:00:00:24:ff:1a:2b:3c"},
                                                      {"upper", "21:00:00:24:FF:1A:2B:3C"}};
    for (const auto& [how, name] : shown) {
        set({{"initiator_case", how}});
        EXPECT_EQ(ask("GET", target).body["initiators"], json({{{"name", name}}}));
    }
    auto again =
        ask("POST", "/api/protocols/san/igroups/" + group + "/initiators", {{"name", "21:00:00:24:ff:1A:2b:3C"}});
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "5374035");
}

TEST_F(OntapTest, AnInitiatorAddedToAMappedGroupSeesItsLuns)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {});
    map(lun, group, 4);
    EXPECT_TRUE(fabric.paths().empty());
    const auto initiators = "/api/protocols/san/igroups/" + group + "/initiators";
    EXPECT_EQ(ask("POST", initiators, {{"records", {{{"name", esx1}}, {{"name", esx2}}}}}).status, 201);
    EXPECT_EQ(fabric.paths().size(), 2U);

    const auto one = initiators + "/" + percent_encode(esx1);
    EXPECT_EQ(ask("DELETE", one).code(), "1254213");
    EXPECT_EQ(fabric.paths().size(), 2U);
    EXPECT_EQ(ask("DELETE", one + "?allow_delete_while_mapped=true").status, 200);
    EXPECT_EQ(fabric.paths().size(), 1U);
    EXPECT_EQ(ask("DELETE", one).code(), "5374034");
}

TEST_F(OntapTest, AnInitiatorThatWouldSeeANumberTwiceIsNotAdded)
{
    auto a = new_lun("pvc-a"), b = new_lun("pvc-b");
    auto one = new_igroup("one", {esx1}), two = new_igroup("two", {});
    map(a, one, 5);
    map(b, two, 5);
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups/" + two + "/initiators", {{"name", esx1}}).code(), "1254324");
    EXPECT_EQ(fabric.paths().size(), 1U);
}

TEST_F(OntapTest, AllGroupsOfAnInitiatorHaveOneOsType)
{
    new_igroup("worker", {node}, "linux");
    auto ours = new_igroup("ours", {}, "vmware");
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups/" + ours + "/initiators", {{"name", node}}).code(), "5374734");
    EXPECT_EQ(
        ask("POST", "/api/protocols/san/igroups",
            {{"svm", {{"name", "svm1"}}}, {"name", "x"}, {"os_type", "vmware"}, {"initiators", {{{"name", node}}}}})
            .code(),
        "5374732");
}

TEST_F(OntapTest, MappedGroupsAndLunsAreNotDeletedUnlessForced)
{
    auto lun = new_lun("pvc-1");
    auto group = new_igroup("xcopy-esx1", {esx1});
    map(lun, group);
    const auto lun_url = "/api/storage/luns/" + lun["uuid"].get<std::string>();
    const auto group_url = "/api/protocols/san/igroups/" + group;
    EXPECT_EQ(ask("DELETE", group_url).code(), "1254213");
    EXPECT_EQ(ask("DELETE", lun_url).code(), "1254197");
    EXPECT_EQ(fabric.paths().size(), 1U);
    EXPECT_EQ(ask("DELETE", group_url + "?allow_delete_while_mapped=true").status, 200);
    EXPECT_TRUE(fabric.paths().empty());
    EXPECT_EQ(ask("DELETE", group_url).code(), "5374852");
    EXPECT_EQ(ask("DELETE", lun_url).status, 200);
    EXPECT_FALSE(fabric.volume(lun["naa"]));
}

TEST_F(OntapTest, NestedGroupsShareTheMapsOfTheirParent)
{
    auto lun = new_lun("pvc-1");
    auto parent = new_igroup("cluster", {}), child = new_igroup("esx1", {esx1}), own = new_igroup("xcopy-esx1", {esx1});
    map(lun, parent, 2);
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups/" + parent + "/igroups", {{"uuid", child}}).status, 201);
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{lun["naa"], esx1, 2}}));
    EXPECT_EQ(map(lun, own).code(), "1254193");
    EXPECT_EQ(ask("DELETE", "/api/protocols/san/igroups/" + parent + "/initiators/" + esx1).code(), "5374041");
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups/" + parent + "/initiators", {{"name", esx2}}).status, 400);
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups/" + child + "/igroups", {{"uuid", parent}}).status, 400);
    EXPECT_EQ(ask("GET", "/api/protocols/san/igroups/" + parent + "?fields=initiators").body["initiators"][0]["name"],
              esx1);
}

TEST_F(OntapTest, AGroupThatGoesWithItsLastMapIsGone)
{
    auto lun = new_lun("pvc-1");
    control({{"verb", "map"},
             {"lun", lun["path"]},
             {"igroup", "temporary"},
             {"initiators", {node}},
             {"delete_on_unmap", true}});
    control({{"verb", "unmap"}, {"lun", lun["path"]}, {"igroup", "temporary"}});
    EXPECT_EQ(ask("GET", "/api/protocols/san/igroups").body["num_records"], 0);
}

} // namespace lab::ontap
