// The simulated InfiniBox by its own rules (facts/arrays/infinibox.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class InfiniBoxDesk : public Desk {
protected:
    InfiniBoxDesk() : Desk("infinibox")
    {
        headers["authorization"] = admin_secret;
        volume = control({{"verb", "volume.create"}, {"name", "csi-1"}, {"size", mib8}});
        id = volume["id"].get<std::string>();
    }
    void refused(const Reply& reply, int status, const char* code)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.body["error"]["code"], code) << reply.body;
        EXPECT_TRUE(reply.body["result"].is_null());
    }
    std::string new_host(const std::string& name)
    {
        return std::to_string(ask("POST", "/api/rest/hosts", {{"name", name}}).body["result"]["id"].get<int>());
    }

    std::string naa() const { return volume["naa"]; }
    json volume;
    std::string id;
};

TEST_F(InfiniBoxDesk, EveryRequestSignsInAndEveryAnswerIsAnEnvelope)
{
    const auto system = ask("GET", "/api/rest/system").body;
    EXPECT_EQ(system["result"]["serial_number"], 3005);
    EXPECT_TRUE(system["error"].is_null());
    headers["authorization"] = admin_wrong;
    refused(ask("GET", "/api/rest/system"), 401, "UNAUTHORIZED");
    headers.clear();
    EXPECT_EQ(ask("GET", "/api/rest/system").status, 401);
}

TEST_F(InfiniBoxDesk, AVolumesNaaIsSixAndItsSerial)
{
    const auto row = ask("GET", "/api/rest/volumes/" + id).body["result"];
    EXPECT_EQ("naa.6" + row["serial"].get<std::string>(), naa());
    EXPECT_EQ(row["serial"].get<std::string>().size(), 31U);
    refused(ask("GET", "/api/rest/volumes/999"), 404, "VOLUME_NOT_FOUND");
    set({{"not_found_status", 200}});
    refused(ask("GET", "/api/rest/volumes/999"), 200, "VOLUME_NOT_FOUND");
}

TEST_F(InfiniBoxDesk, RiskyChangesWantApproval)
{
    const auto host = new_host("esx-1");
    const json port = {{"type", "fc"}, {"address", wwpn}};
    refused(ask("POST", "/api/rest/hosts/" + host + "/ports", port), 403, "APPROVAL_REQUIRED");
    EXPECT_EQ(ask("POST", "/api/rest/hosts/" + host + "/ports?approved=true", port).status, 200);
    refused(ask("POST", "/api/rest/hosts/" + new_host("esx-2") + "/ports?approved=true", port), 409,
            "PORT_ALREADY_BELONGS_TO_HOST");
    EXPECT_EQ(ask("GET", std::string("/api/rest/hosts/host_id_by_initiator_address/") + wwpn).body["result"],
              std::stoi(host));
    refused(ask("POST", "/api/rest/hosts/" + host + "/luns", {{"volume_id", std::stoi(id)}}), 403, "APPROVAL_REQUIRED");
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(InfiniBoxDesk, AMappingIsPresentedAndRemoved)
{
    const auto host = new_host("esx-1");
    ask("POST", "/api/rest/hosts/" + host + "/ports?approved=true", {{"type", "fc"}, {"address", wwpn}});
    const auto luns = "/api/rest/hosts/" + host + "/luns";
    const auto made = ask("POST", luns + "?approved=true", {{"volume_id", std::stoi(id)}, {"lun", 12}});
    EXPECT_EQ(made.body["result"]["lun"], 12);
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{naa(), wwpn, 12}}));
    refused(ask("POST", luns + "?approved=true", {{"volume_id", std::stoi(id)}}), 409, "MAPPING_ALREADY_EXISTS");
    const auto other = control({{"verb", "volume.create"}, {"name", "csi-2"}, {"size", mib8}});
    const json taken = {{"volume_id", std::stoi(other["id"].get<std::string>())}, {"lun", 12}};
    refused(ask("POST", luns + "?approved=true", taken), 409, "LUN_ALREADY_IN_USE");
    EXPECT_EQ(ask("GET", "/api/rest/volumes/" + id + "/luns").body["result"][0]["host_id"], std::stoi(host));
    EXPECT_EQ(ask("DELETE", luns + "/volume_id/" + id + "?approved=true").status, 200);
    refused(ask("DELETE", luns + "/volume_id/" + id + "?approved=true"), 404, "LUN_NOT_FOUND");
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(InfiniBoxDesk, AClustersMappingHasARowForEveryMemberUnlessItNamesNone)
{
    for (const char* name : {"esx-1", "esx-2"})
        control({{"verb", "host.create"},
                 {"name", name},
                 {"group", "cluster"},
                 {"initiators", {std::string("iqn.x:") + name}}});
    control({{"verb", "map"}, {"volume", volume["naa"]}, {"host", "cluster"}});
    const auto rows = ask("GET", "/api/rest/volumes/" + id + "/luns").body["result"];
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_TRUE(rows[0]["clustered"]);
    EXPECT_EQ(rows[0]["lun"], 11) << "clusters number from 11";
    EXPECT_EQ(fabric.paths().size(), 2U);
    set({{"cluster_rows_name_hosts", false}});
    EXPECT_EQ(ask("GET", "/api/rest/volumes/" + id + "/luns").body["result"].size(), 1U);
}

TEST_F(InfiniBoxDesk, ListsComeInPages)
{
    for (int i = 0; i < 5; ++i)
        new_host("h" + std::to_string(i));
    set({{"largest_page", 2}});
    const auto third = ask("GET", "/api/rest/hosts?page_size=1000&page=3").body;
    EXPECT_EQ(third["metadata"]["pages_total"], 3);
    EXPECT_EQ(third["result"].size(), 1U);
}

} // namespace
} // namespace lab
