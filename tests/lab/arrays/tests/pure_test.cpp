// The simulated FlashArray by its own rules (facts/arrays/pureFlashArray.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class FlashArrayDesk : public Desk {
protected:
    FlashArrayDesk() : Desk("pureFlashArray")
    {
        sign_in();
        volume = control({{"verb", "volume.create"}, {"name", "pvc-1"}, {"size", mib8}});
        name = volume["name"].get<std::string>();
    }
    void sign_in()
    {
        const auto secret = control({{"verb", "secret"}});
        headers = {{"api-token", secret["STORAGE_TOKEN"]}};
        const auto login = ask("POST", api + "login");
        ASSERT_EQ(login.status, 200) << login.body;
        headers = {{"x-auth-token", login.headers.at("x-auth-token")}};
    }
    void refused(const Reply& reply, const std::string& message, int status = 400)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.body["errors"][0]["message"], message) << reply.body;
    }
    void new_host(const std::string& host, const std::string& wwn)
    {
        EXPECT_EQ(ask("POST", api + "hosts?names=" + host, {{"wwns", {wwn}}}).status, 200);
    }
    Reply connect(const std::string& host, const json& body = json::object())
    {
        return ask("POST", api + "connections?host_names=" + host + "&volume_names=" + name, body);
    }

    const std::string api = "/api/2.26/", colons = "21:00:00:24:FF:2F:32:66";
    std::string naa() const { return volume["naa"]; }
    json volume;
    std::string name;
};

TEST_F(FlashArrayDesk, VersionsAreOpenToAnybodyAndSessionsEndUnused)
{
    EXPECT_EQ(ask("GET", api + "arrays").body["items"][0]["os"], "Purity//FA");
    EXPECT_EQ(ask("GET", "/api/2.99/arrays").status, 404);
    advance_seconds(1801);
    EXPECT_EQ(ask("GET", api + "arrays").status, 401);
    headers.clear();
    EXPECT_EQ(ask("GET", "/api/api_version").body["version"].back(), "2.26");
    headers = {{"api-token", "wrong"}};
    EXPECT_EQ(ask("POST", api + "login").status, 401);
    EXPECT_EQ(ask("POST", "/api/1.19/auth/apitoken", {{"username", "admin"}, {"password", "wrong"}}).status, 400);
    EXPECT_TRUE(ask("POST", "/api/1.19/auth/apitoken", {{"username", "admin"}, {"password", "secret"}})
                    .body.contains("api_token"));
}

TEST_F(FlashArrayDesk, AVolumeIsFoundByIdNameAndSerial)
{
    const auto item = ask("GET", api + "volumes?ids=" + volume["id"].get<std::string>()).body["items"][0];
    EXPECT_EQ(item["name"], name);
    const auto serial = item["serial"].get<std::string>();
    EXPECT_EQ(serial.size(), 24U);
    EXPECT_EQ(ask("GET", api + "volumes?filter=serial='" + serial + "'").body["items"].size(), 1U);
    EXPECT_EQ(ask("GET", api + "volumes?filter=serial='0'").body["items"].size(), 0U);
    refused(ask("GET", api + "volumes?names=none"), "Volume does not exist.");
}

TEST_F(FlashArrayDesk, AnInitiatorBelongsToOneHost)
{
    new_host("esx-1", colons);
    refused(ask("POST", api + "hosts?names=esx-1", {{"wwns", json::array()}}), "Host already exists.");
    refused(ask("POST", api + "hosts?names=esx-2", {{"wwns", {colons}}}), "The specified port is already in use.");
    EXPECT_EQ(ask("PATCH", api + "hosts?names=esx-1", {{"add_iqns", {"iqn.x:esx-1"}}}).status, 200);
    EXPECT_EQ(ask("GET", api + "hosts").body["items"][0]["wwns"][0], colons);
    set({{"context_in_errors", false}});
    EXPECT_FALSE(ask("POST", api + "hosts?names=esx-1", {}).body["errors"][0].contains("context"));
}

TEST_F(FlashArrayDesk, PrivateNumbersRiseFromOneAndSharedOnesFallFrom254)
{
    new_host("esx-1", colons);
    EXPECT_EQ(connect("esx-1").body["items"][0]["lun"], 1);
    refused(connect("esx-1"), "Connection already exists.");
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{naa(), wwpn, 1}}));
    const auto two = control({{"verb", "volume.create"}, {"name", "pvc-2"}, {"size", mib8}})["name"].get<std::string>();
    refused(ask("POST", api + "connections?host_names=esx-1&volume_names=" + two, {{"lun", 1}}),
            "LUN is already in use.");
    control({{"verb", "host.create"}, {"name", "esx-2"}, {"group", "prod"}, {"initiators", {"21000024ff2f3267"}}});
    control({{"verb", "host.create"}, {"name", "esx-3"}, {"group", "prod"}, {"initiators", {"21000024ff2f3268"}}});
    const auto shared = ask("POST", api + "connections?host_group_names=prod&volume_names=" + two);
    EXPECT_EQ(shared.body["items"][0]["lun"], 254);
    EXPECT_EQ(ask("GET", api + "connections?volume_names=" + two).body["items"].size(), 2U) << "a row for each member";
    EXPECT_EQ(ask("DELETE", api + "connections?host_names=esx-1&volume_names=" + name).status, 200);
    refused(ask("DELETE", api + "connections?host_names=esx-1&volume_names=" + name), "Connection does not exist.");
}

TEST_F(FlashArrayDesk, ANvmeHostKeepsScsiHostsAway)
{
    control({{"verb", "host.create"}, {"name", "node"}, {"initiators", {"iqn.x:node"}}});
    control({{"verb", "host.set"}, {"host", "node"}, {"values", {{"nvme", true}}}});
    control({{"verb", "map"}, {"volume", volume["naa"]}, {"host", "node"}});
    new_host("esx-1", colons);
    const auto reply = connect("esx-1");
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body["errors"][0]["message"].get<std::string>().find("NVME"), std::string::npos);
}

TEST_F(FlashArrayDesk, AnOverwriteCopiesTheBytesAndTheSize)
{
    const auto source = control({{"verb", "volume.create"}, {"name", "rdm-1"}, {"size", 1 << 20}, {"kind", "rdm"}});
    std::fstream(source["file"].get<std::string>(), std::ios::in | std::ios::out) << "content";
    const json body = {{"source", {{"name", source["name"]}}}};
    refused(ask("POST", api + "volumes?names=" + name, body), "Volume already exists.");
    EXPECT_EQ(ask("POST", api + "volumes?names=" + name + "&overwrite=true", body).status, 200);
    std::string begin(7, ' ');
    std::ifstream(volume["file"].get<std::string>()).read(begin.data(), 7);
    EXPECT_EQ(begin, "content");
    const auto item = ask("GET", api + "volumes?names=" + name).body["items"][0];
    EXPECT_EQ(item["provisioned"], 1 << 20);
    EXPECT_EQ(item["source"]["name"], source["name"]);
    refused(ask("PATCH", api + "volumes?names=" + name, {{"provisioned", 1}}), "Implicit truncation not permitted.");
    EXPECT_EQ(ask("PATCH", api + "volumes?names=" + name, {{"provisioned", mib8}}).status, 200);
}

} // namespace
} // namespace lab
