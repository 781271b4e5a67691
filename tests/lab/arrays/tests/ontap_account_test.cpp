#include "tests/lab/arrays/tests/ontap_fixture.hpp"

namespace lab::ontap {

TEST_F(OntapTest, EveryRequestNeedsTheRightLogin)
{
    for (const auto* wrong : {"", "Basic YWRtaW46d3Jvbmc=", "Basic !", "Bearer secret", "Basic YWRtaW4="}) {
        auto reply = ask("GET", "/api/cluster", nullptr, {{"authorization", wrong}});
        EXPECT_EQ(reply.status, 401) << wrong;
        EXPECT_EQ(reply.code(), "6691623");
    }
    EXPECT_EQ(ask("GET", "/api/cluster").status, 200);
    control({{"verb", "rotate_password"}, {"password", "wrong"}});
    EXPECT_EQ(ask("GET", "/api/cluster").status, 401);
    EXPECT_EQ(ask("GET", "/api/cluster", nullptr, {{"authorization", "Basic YWRtaW46d3Jvbmc="}}).status, 200);
}

TEST_F(OntapTest, IdentityTellsVersionAndKindOfSystem)
{
    auto cluster = ask("GET", "/api/cluster?fields=**").body;
    EXPECT_EQ(cluster["name"], "ontap-a");
    EXPECT_EQ(cluster["version"]["major"], 15);
    EXPECT_FALSE(cluster["san_optimized"].get<bool>());
    EXPECT_FALSE(cluster.contains("disaggregated"));

    EXPECT_EQ(ask("GET", "/api/cluster?fields=disaggregated").status, 400); // 9.15 does not know it
    EXPECT_EQ(ask("GET", "/api/cluster?fields=disaggregated&ignore_unknown_fields=true").status, 200);
    set({{"version", "9.16.1"}, {"disaggregated", true}});
    EXPECT_EQ(ask("GET", "/api/cluster?fields=disaggregated,san_optimized").body["disaggregated"], true);
}

TEST_F(OntapTest, SvmsAreFoundByName)
{
    auto found = ask("GET", "/api/svm/svms?name=svm1&fields=uuid,name,state").body;
    ASSERT_EQ(found["num_records"], 1);
    EXPECT_EQ(found["records"][0]["state"], "running");
    EXPECT_EQ(ask("GET", "/api/svm/svms?name=none").body["num_records"], 0);
    EXPECT_EQ(ask("GET", "/api/svm/svms").body["num_records"], 2);
}

TEST_F(OntapTest, AnAccountOfAnSvmSeesThatSvmOnly)
{
    auto here = new_lun("pvc-1"), there = new_lun("pvc-2", "san", "svm2");
    set({{"svm_scoped_account", "svm1"}});
    EXPECT_EQ(ask("GET", "/api/svm/svms").body["num_records"], 1);
    auto luns = ask("GET", "/api/storage/luns").body;
    ASSERT_EQ(luns["num_records"], 1);
    EXPECT_EQ(luns["records"][0]["uuid"], here["uuid"]);
    EXPECT_EQ(ask("GET", "/api/storage/luns/" + there["uuid"].get<std::string>()).status, 404);
    auto nodes = ask("GET", "/api/cluster/nodes");
    EXPECT_EQ(nodes.status, 403);
    EXPECT_EQ(nodes.code(), "6");
    // Its SVM need not be named.
    EXPECT_EQ(ask("POST", "/api/protocols/san/igroups", {{"name", "g"}, {"os_type", "vmware"}}).status, 201);
    EXPECT_EQ(unmap(there, "x").code(), "5374875");
    EXPECT_EQ(ask("GET", "/api/storage/luns", nullptr, {{"x-dot-svm-name", "svm2"}}).status, 403);
}

TEST_F(OntapTest, TheHeaderPutsAClusterAccountIntoAnSvm)
{
    new_lun("pvc-1");
    new_lun("pvc-2", "san", "svm2");
    EXPECT_EQ(ask("GET", "/api/storage/luns").body["num_records"], 2);
    EXPECT_EQ(ask("GET", "/api/storage/luns", nullptr, {{"x-dot-svm-name", "svm2"}}).body["num_records"], 1);
    EXPECT_EQ(ask("GET", "/api/storage/luns", nullptr, {{"x-dot-svm-name", "none"}}).code(), "2621462");
}

TEST_F(OntapTest, UnknownPathsMethodsAndBodiesAreRefused)
{
    EXPECT_EQ(ask("GET", "/api/storage/cheese").status, 404);
    EXPECT_EQ(ask("PUT", "/api/storage/luns").status, 405);
    auto request = make_request("POST", "/api/protocols/san/lun-maps");
    request.headers["authorization"] = "Basic YWRtaW46c2VjcmV0";
    for (const auto* body :
         {"{", "[]", "7", R"({"svm":"x","svm.name":"y"})", R"({"lun":7,"igroup":[],"svm":{"name":"svm1"}})"}) {
        request.body = body;
        const auto status = array.handle(request).status;
        EXPECT_TRUE(status == 400 || status == 404) << body << " " << status;
    }
}

TEST_F(OntapTest, TridentsAttributesLeadToTheLunForEachKind)
{
    auto attributes = [&](const json& made) { return made["csi"]["volumeAttributes"]; };
    auto san = new_lun("pvc-5c9d270a-0f5e");
    EXPECT_EQ(san["csi"]["driver"], "csi.trident.netapp.io");
    EXPECT_EQ(san["csi"]["volumeHandle"], "pvc-5c9d270a-0f5e");
    EXPECT_EQ(attributes(san)["internalName"], "trident_pvc_5c9d270a_0f5e");
    EXPECT_EQ(attributes(san)["protocol"], "block");
    EXPECT_FALSE(attributes(san).contains("internalID"));
    EXPECT_EQ(san["path"], "/vol/trident_pvc_5c9d270a_0f5e/lun0");

    auto economy = new_lun("pvc-2", "economy");
    EXPECT_EQ(attributes(economy)["internalID"], "/svm/svm1/flexvol/trident_lun_pool_lab_ASVRVZBSPB/lun/trident_pvc_2");
    EXPECT_EQ(economy["path"], "/vol/trident_lun_pool_lab_ASVRVZBSPB/trident_pvc_2");

    auto asar2 = new_lun("pvc-3", "asar2");
    EXPECT_EQ(attributes(asar2)["internalID"], "/svm/svm1/lun/trident_pvc_3");
    EXPECT_EQ(asar2["path"], "trident_pvc_3");
    EXPECT_EQ(attributes(asar2)["backendUUID"], attributes(economy)["backendUUID"]);

    auto nas = new_lun("pvc-4", "nas");
    EXPECT_EQ(attributes(nas)["protocol"], "file");
    EXPECT_FALSE(nas.contains("naa"));
    EXPECT_EQ(ask("GET", "/api/storage/luns").body["num_records"], 3);
}

TEST_F(OntapTest, ADatastoreLunHasTheNaaThatWasAskedFor)
{
    const std::string naa = "naa.600a0980383139544924583130314c41";
    auto made = control({{"verb", "create_lun"}, {"name", "ds1"}, {"kind", "datastore"}, {"size", 4096}, {"naa", naa}});
    EXPECT_EQ(made["serial"], "819TI$X101LA");
    ASSERT_TRUE(fabric.volume(naa));
    EXPECT_EQ(fabric.volume(naa)->size_bytes, 4096U);
    EXPECT_EQ(fabric.volume(naa)->array, "ontap-a");
    EXPECT_TRUE(std::filesystem::exists(fabric.volume(naa)->file));
    auto again = array.handle_control({{"verb", "create_lun"}, {"name", "ds2"}, {"size", 1}, {"naa", naa}});
    EXPECT_TRUE(again.contains("error"));
}

TEST_F(OntapTest, WrongControlOrdersAreAnsweredWithASentence)
{
    for (const auto& order :
         {json{{"verb", "dance"}}, json{{"no", 1}},
          json{{"verb", "create_lun"}, {"name", "x"}, {"kind", "tape"}, {"size", 1}},
          json{{"verb", "map"}, {"lun", "none"}, {"igroup", "x"}}, json{{"verb", "set"}, {"switches", {{"colour", 1}}}},
          json{{"verb", "set"}, {"switches", {{"serial_hex", "maybe"}}}}, json(7)}) {
        auto answer = array.handle_control(order);
        EXPECT_TRUE(answer.contains("error")) << order;
    }
}

} // namespace lab::ontap
