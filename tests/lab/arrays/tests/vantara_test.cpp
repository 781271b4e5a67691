// The simulated Hitachi VSP by its own rules (facts/arrays/vantara.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class VantaraDesk : public Desk {
protected:
    VantaraDesk() : Desk("vantara")
    {
        sign_in();
        volume = control({{"verb", "volume.create"}, {"name", "spc-1"}, {"size", mib8}, {"ldev", 258}});
        control({{"verb", "host.create"}, {"name", "esx-a"}, {"initiators", {wwpn}}});
    }
    int sign_in(const char* login = admin_secret)
    {
        headers = {{"authorization", login}};
        const auto reply = ask("POST", objects + "sessions", json::object());
        if (reply.status == 200)
            headers["authorization"] = "Session " + reply.body["token"].get<std::string>();
        return reply.status;
    }
    json job(const Reply& begun) // when it is over
    {
        EXPECT_EQ(begun.status, 202) << begun.body;
        const auto path = objects + "jobs/" + std::to_string(begun.body["jobId"].get<int>());
        while (true)
            if (auto now = ask("GET", path).body; now["status"] == "Completed")
                return now;
    }
    void failed(const Reply& begun, const char* ssb1, const char* ssb2)
    {
        const auto over = job(begun);
        EXPECT_EQ(over["state"], "Failed");
        EXPECT_EQ(over["error"]["errorCode"], (json{{"SSB1", ssb1}, {"SSB2", ssb2}})) << over;
    }
    Reply make_path(int ldev, int lun)
    {
        return ask("POST", objects + "luns",
                   {{"ldevId", ldev}, {"portId", "CL1-A"}, {"hostGroupNumber", 1}, {"lun", lun}});
    }

    const std::string objects = "/ConfigurationManager/v1/objects/";
    std::string naa() const { return volume["naa"]; }
    json volume;
};

TEST_F(VantaraDesk, SessionsAreCountedAndEndUnused)
{
    EXPECT_EQ(ask("GET", objects + "storages").body["data"][0]["storageDeviceId"], "886000430078");
    EXPECT_EQ(ask("GET", objects + "storages/886000430078/ldevs/258").status, 200) << "the form of a separate server";
    advance_seconds(301);
    EXPECT_EQ(ask("GET", objects + "storages").status, 401);
    EXPECT_EQ(sign_in(admin_wrong), 401);
    int opened = 0;
    while (sign_in() == 200 && opened < 100)
        ++opened;
    EXPECT_EQ(opened, 64);
    EXPECT_EQ(sign_in(), 503);
}

TEST_F(VantaraDesk, AnLdevThatIsNotDefinedIs200)
{
    const auto record = ask("GET", objects + "ldevs/258").body;
    EXPECT_EQ("naa." + record["naaId"].get<std::string>(), naa());
    EXPECT_EQ(record["blockCapacity"], mib8 / 512);
    EXPECT_EQ(ask("GET", objects + "ldevs/9").body["emulationType"], "NOT DEFINED");
    EXPECT_EQ(ask("GET", objects + "ldevs/65536").status, 400);
}

TEST_F(VantaraDesk, AJobIsQueuedThenRunsThenIsOver)
{
    const auto begun = make_path(258, 5);
    EXPECT_EQ(begun.body["state"], "Queued");
    const auto path = objects + "jobs/" + std::to_string(begun.body["jobId"].get<int>());
    EXPECT_EQ(ask("GET", path).body["state"], "Started");
    const auto over = ask("GET", path).body;
    EXPECT_EQ(over["state"], "Succeeded");
    EXPECT_EQ(over["affectedResources"][0], "/ConfigurationManager/v1/objects/luns/CL1-A,1,5");
    EXPECT_EQ(ask("GET", objects + "jobs/999").status, 404);
    set({{"waits_for_jobs", true}});
    EXPECT_EQ(ask("DELETE", objects + "luns/CL1-A,1,5").body["status"], "Completed");
}

TEST_F(VantaraDesk, PathsAndTheirRefusals)
{
    EXPECT_EQ(job(make_path(258, 5))["state"], "Succeeded");
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{naa(), wwpn, 5}}));
    failed(make_path(258, 6), "B958", "015A");
    control({{"verb", "volume.create"}, {"name", "spc-2"}, {"size", mib8}, {"ldev", 259}});
    failed(make_path(259, 5), "B958", "0947");
    EXPECT_EQ(ask("POST", objects + "luns", {{"ldevId", 258}}).status, 400);
    EXPECT_EQ(ask("GET", objects + "luns?portId=CL1-A&hostGroupNumber=1").body["data"][0]["lunId"], "CL1-A,1,5");
    EXPECT_EQ(ask("GET", objects + "ldevs/258").body["ports"][0]["lun"], 5);
    EXPECT_EQ(job(ask("DELETE", objects + "luns/CL1-A,1,5"))["state"], "Succeeded");
    EXPECT_EQ(ask("DELETE", objects + "luns/CL1-A,1,5").status, 404);
    set({{"absent_as", "job"}});
    EXPECT_EQ(job(ask("DELETE", objects + "luns/CL1-A,1,5"))["state"], "Failed");
}

TEST_F(VantaraDesk, TheFirstChangeMayBeLocked)
{
    set({{"lock", "2E11/2207"}});
    failed(make_path(258, 5), "2E11", "2207");
    EXPECT_EQ(job(make_path(258, 5))["state"], "Succeeded");
}

TEST_F(VantaraDesk, GroupsLoginsAndOptions)
{
    const auto ports = ask("GET", objects + "ports?detailInfoType=logins").body["data"];
    EXPECT_EQ(ports[0]["logins"][0]["loginWwn"], wwpn);
    EXPECT_FALSE(ask("GET", objects + "ports").body["data"][0].contains("logins"));
    EXPECT_EQ(ask("GET", objects + "host-groups").body["data"][0]["hostModeOptions"], (json{54, 63}));
    EXPECT_EQ(ask("GET", objects + "host-wwns?portId=CL1-A&hostGroupNumber=1").body["data"][0]["hostWwn"], wwpn);
    EXPECT_TRUE(ask("GET", objects + "host-iscsis?portId=CL1-A&hostGroupNumber=1").body["data"].empty());
    EXPECT_EQ(ask("GET", objects + "host-wwns?portId=CL9-Z&hostGroupNumber=1").status, 404);
}

TEST_F(VantaraDesk, AClonesPairGrowsAndVanishesByItself)
{
    const auto source =
        control({{"verb", "volume.create"}, {"name", "rdm"}, {"size", mib8}, {"ldev", 300}, {"kind", "rdm"}});
    std::fstream(source["file"].get<std::string>(), std::ios::in | std::ios::out) << "content";
    const json body = {{"snapshotGroupName", "xcopy-1"},
                       {"snapshotPoolId", 5},
                       {"pvolLdevId", 300},
                       {"svolLdevId", 258},
                       {"isClone", true},
                       {"clonesAutomation", true}};
    EXPECT_EQ(job(ask("POST", objects + "snapshots", body))["state"], "Succeeded");
    const auto pairs = [&] { return ask("GET", objects + "snapshots?pvolLdevId=300").body["data"]; };
    ASSERT_EQ(pairs().size(), 1U);
    EXPECT_NE(pairs()[0]["status"], "PSUE");
    failed(ask("POST", objects + "snapshots", body), "2E10", "9706");
    advance_seconds(3600);
    EXPECT_TRUE(pairs().empty());
    std::string begin(7, ' ');
    std::ifstream(volume["file"].get<std::string>()).read(begin.data(), 7);
    EXPECT_EQ(begin, "content");
}

} // namespace
} // namespace lab
