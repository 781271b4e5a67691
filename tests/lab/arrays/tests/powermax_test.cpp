// The simulated PowerMax by its own rules (facts/arrays/powermax.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class PowerMaxDesk : public Desk {
protected:
    PowerMaxDesk() : Desk("powermax")
    {
        headers["authorization"] = admin_secret;
        volume = control({{"verb", "volume.create"}, {"name", "csi-ABC-pvc-1"}, {"size", mib8}, {"device", "002E8"}});
        control({{"verb", "host.create"}, {"name", "esx-1"}, {"initiators", {wwpn}}});
    }
    void refused(const Reply& reply, int status, const std::string& part)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_NE(reply.body["message"].get<std::string>().find(part), std::string::npos) << reply.body;
    }
    Reply new_group() { return ask("POST", base + "storagegroup", {{"storageGroupId", "sg"}, {"srpId", "None"}}); }
    Reply add() { return ask("PUT", base + "storagegroup/sg", change("expandStorageGroupParam")); }
    Reply take() { return ask("PUT", base + "storagegroup/sg", change("removeVolumeParam")); }
    static json change(const std::string& action)
    {
        const json volumes = {{"volumeId", {"002E8"}}};
        const json inner = action == "removeVolumeParam" ? volumes : json{{"addSpecificVolumeParam", volumes}};
        return {{"editStorageGroupActionParam", {{action, inner}}}};
    }
    Reply new_view(const std::string& host = "esx-1", const std::string& ports = "PG1")
    {
        return ask("POST", base + "maskingview",
                   {{"maskingViewId", "mv"},
                    {"hostOrHostGroupSelection", {{"useExistingHostParam", {{"hostId", host}}}}},
                    {"portGroupSelection", {{"useExistingPortGroupParam", {{"portGroupId", ports}}}}},
                    {"storageGroupSelection", {{"useExistingStorageGroupParam", {{"storageGroupId", "sg"}}}}}});
    }

    const std::string base = "/univmax/restapi/100/sloprovisioning/symmetrix/000197900046/";
    std::string naa() const { return volume["naa"]; }
    json volume;
};

TEST_F(PowerMaxDesk, VersionsArraysAndVolumes)
{
    EXPECT_EQ(ask("GET", "/univmax/restapi/version").body["api_version"], "102");
    EXPECT_EQ(ask("GET", "/univmax/restapi/103/system/symmetrix/000197900046").status, 404);
    EXPECT_EQ(ask("GET", "/univmax/restapi/100/system/symmetrix/000197900046").body["model"], "PowerMax_2500");
    refused(ask("GET", "/univmax/restapi/100/system/symmetrix/000000000000"), 404, "Symmetrix not found");
    const auto record = ask("GET", base + "volume/002E8").body;
    EXPECT_EQ("naa." + record["wwn"].get<std::string>(), naa());
    EXPECT_EQ(record["cap_cyl"], (mib8 + 15 * 131072 - 1) / (15 * 131072)) << "rounded up to cylinders";
    refused(ask("GET", base + "volume/0FFFF"), 404, "Could not find");
    headers["authorization"] = admin_wrong;
    refused(ask("GET", "/univmax/restapi/version"), 401, "Unauthorized");
}

TEST_F(PowerMaxDesk, AViewNeedsAGroupWithAVolumeAHostAndPorts)
{
    refused(new_view(), 500, "Storage Group on Symmetrix cannot be found");
    EXPECT_EQ(new_group().status, 200);
    refused(new_group(), 409, "already exists");
    refused(new_view(), 500, "empty");
    EXPECT_EQ(add().body["num_of_vols"], 1);
    refused(new_view("none"), 500, "Initiator Group on Symmetrix cannot be found");
    refused(new_view("esx-1", "PG9"), 500, "Port Group on Symmetrix cannot be found");
    EXPECT_TRUE(fabric.paths().empty());
    EXPECT_EQ(new_view().body["hostId"], "esx-1");
    refused(new_view(), 409, "already exists");
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{naa(), wwpn, 1}}));
}

TEST_F(PowerMaxDesk, TakingAwayHasOneOrder)
{
    new_group();
    add();
    new_view();
    refused(take(), 500, "last volume");
    refused(ask("DELETE", base + "storagegroup/sg"), 500, "masking view");
    EXPECT_EQ(ask("DELETE", base + "maskingview/mv").status, 204);
    refused(ask("DELETE", base + "storagegroup/sg"), 500, "not empty");
    EXPECT_EQ(take().status, 200);
    EXPECT_EQ(ask("DELETE", base + "storagegroup/sg").status, 204);
    refused(ask("GET", base + "storagegroup/sg"), 404, "cannot be found");
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(PowerMaxDesk, NumbersAreHexAndMayComeLate)
{
    new_group();
    add();
    new_view();
    set({{"connections_after", 2}});
    const auto path = base + "maskingview/mv/connections?volume_id=002E8";
    EXPECT_TRUE(ask("GET", path).body["maskingViewConnection"].empty());
    EXPECT_TRUE(ask("GET", path).body["maskingViewConnection"].empty());
    EXPECT_EQ(ask("GET", path).body["maskingViewConnection"][0]["host_lun_address"], "0001");
}

TEST_F(PowerMaxDesk, ChangesMayBeLockedOrJobs)
{
    set({{"lock_storm", 1}});
    refused(new_group(), 500, "device lock");
    EXPECT_EQ(new_group().status, 200);
    set({{"lock_storm", 0}, {"async_only", true}});
    const auto job = new_group();
    EXPECT_EQ(job.status, 202);
    const auto path = "/univmax/restapi/100/system/symmetrix/000197900046/job/" + job.body["jobId"].get<std::string>();
    EXPECT_EQ(ask("GET", path).body["status"], "RUNNING");
    const auto over = ask("GET", path).body;
    EXPECT_EQ(over["status"], "FAILED");
    EXPECT_NE(over["result"].get<std::string>().find("already exists"), std::string::npos);
}

TEST_F(PowerMaxDesk, InitiatorsAreListedWithTheirPortsAndKnowTheirHost)
{
    const auto ids = ask("GET", base + "initiator?in_a_host=true&initiator_hba=" + wwpn).body["initiatorId"];
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_EQ(ids[0], std::string("FA-1D:4:") + wwpn);
    EXPECT_EQ(ask("GET", base + "initiator/" + ids[0].get<std::string>()).body["host_id"], "esx-1");
    EXPECT_TRUE(ask("GET", base + "initiator?initiator_hba=0000").body["initiatorId"].empty());
    EXPECT_EQ(ask("GET", base + "portgroup/PG1").body["port_group_protocol"], "SCSI_FC");
}

} // namespace
} // namespace lab
