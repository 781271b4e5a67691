// The simulated PowerFlex by its own rules (facts/arrays/powerflex.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class PowerFlexDesk : public Desk {
protected:
    PowerFlexDesk() : Desk("powerflex")
    {
        sign_in();
        volume = control({{"verb", "volume.create"}, {"name", "k8s-1"}, {"size", 1 << 20}, {"id", "3bd1f78800000019"}});
        control({{"verb", "host.create"}, {"name", "esx-1"}, {"initiators", {guid}}});
        sdc = ask("GET", system + "/relationships/Sdc").body[0]["id"].get<std::string>();
    }
    void sign_in()
    {
        headers = {{"authorization", admin_secret}};
        const auto token = ask("GET", "/api/login").body;
        ASSERT_TRUE(token.is_string()) << token;
        headers["authorization"] = "Bearer " + token.get<std::string>();
    }
    void refused(const Reply& reply, int status, int code)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.body["errorCode"], code) << reply.body;
    }
    Reply act(const std::string& action, const json& body)
    {
        return ask("POST", "/api/instances/Volume::3bd1f78800000019/action/" + action, body);
    }

    const std::string guid = "028888fa-502a-4fac-a888-1fa3b256358c", system = "/api/instances/System::1250de83018c2d0f";
    std::string naa() const { return volume["naa"]; }
    json volume;
    std::string sdc;
};

TEST_F(PowerFlexDesk, ThreeTakesTheTokenAsAPasswordAndFourAsABearer)
{
    EXPECT_EQ(ask("GET", "/api/version").body, "4.5");
    EXPECT_EQ(ask("GET", "/api/types/System/instances").status, 200);
    set({{"version", "3.6"}});
    EXPECT_EQ(ask("GET", "/api/types/System/instances").status, 401) << "a bearer on 3.x";
    set({{"version", "4.5"}, {"legacy_login", false}});
    EXPECT_EQ(ask("GET", "/api/login").status, 404);
    headers.clear();
    const auto login = ask("POST", "/rest/auth/login", {{"username", "admin"}, {"password", "secret"}}).body;
    headers["authorization"] = "Bearer " + login["access_token"].get<std::string>();
    EXPECT_EQ(ask("GET", "/api/types/System/instances").status, 200);
    EXPECT_EQ(ask("POST", "/rest/auth/logout", {{"refresh_token", login["refresh_token"]}}).status, 204);
    EXPECT_EQ(ask("GET", "/api/types/System/instances").status, 401);
}

TEST_F(PowerFlexDesk, ATokenEndsUnused)
{
    advance_seconds(590);
    EXPECT_EQ(ask("GET", "/api/version").status, 200);
    advance_seconds(610);
    refused(ask("GET", "/api/types/System/instances"), 401, 0);
}

TEST_F(PowerFlexDesk, AVolumeIsEightGiBAtLeastAndKnownByItsId)
{
    const auto record = ask("GET", "/api/instances/Volume::3bd1f78800000019").body;
    EXPECT_EQ(record["sizeInKb"], 8 << 20);
    EXPECT_TRUE(record["mappedSdcInfo"].is_null());
    EXPECT_EQ(naa(), "eui.1250de83018c2d0f3bd1f78800000019");
    refused(ask("GET", "/api/instances/Volume::3bd1f78800000fff"), 500, 79);
    EXPECT_EQ(ask("GET", "/api/instances/Volume::nothex").status, 400);
}

TEST_F(PowerFlexDesk, SdcsAreNamedByTheirGuid)
{
    EXPECT_EQ(ask("GET", system + "/relationships/Sdc").body[0]["sdcGuid"], "028888FA-502A-4FAC-A888-1FA3B256358C");
    set({{"guid_case", "lower"}, {"sdc_connected", false}});
    const auto now = ask("GET", system + "/relationships/Sdc").body[0];
    EXPECT_EQ(now["sdcGuid"], guid);
    EXPECT_EQ(now["mdmConnectionState"], "Disconnected");
}

TEST_F(PowerFlexDesk, MappingIsOncePerSdcAndASecondOneMustBeAllowed)
{
    const json body = {{"sdcId", sdc}, {"allowMultipleMappings", "true"}};
    EXPECT_EQ(act("addMappedSdc", body).status, 200);
    EXPECT_EQ(fabric.paths().size(), 1U);
    refused(act("addMappedSdc", body), 500, 81);
    refused(act("addMappedSdc", {{"sdcId", "0000000000000bad"}, {"allowMultipleMappings", "true"}}), 500, 80);
    control({{"verb", "host.create"}, {"name", "esx-2"}, {"initiators", {"12345678-502a-4fac-a888-1fa3b256358c"}}});
    const auto second = ask("GET", system + "/relationships/Sdc").body[1]["id"];
    refused(act("addMappedSdc", {{"sdcId", second}}), 500, 306);
    EXPECT_EQ(act("addMappedSdc", {{"sdcId", second}, {"allowMultipleMappings", "true"}}).status, 200);
    EXPECT_EQ(act("removeMappedSdc", {{"sdcId", sdc}}).status, 200);
    refused(act("removeMappedSdc", {{"sdcId", sdc}}), 500, 84);
    EXPECT_EQ(fabric.paths().size(), 1U) << "the other one stays";
    set({{"details", true}});
    EXPECT_EQ(act("removeMappedSdc", {{"sdcId", sdc}}).body["details"][0]["rc"], 84);
}

} // namespace
} // namespace lab
