// The simulated PowerStore by its own rules (facts/arrays/powerstore.md 10).
#include "tests/lab/arrays/tests/desk.hpp"

namespace lab {
namespace {

class PowerStoreDesk : public Desk {
protected:
    PowerStoreDesk() : Desk("powerstore")
    {
        sign_in();
        volume = control({{"verb", "volume.create"}, {"name", "csivol-1"}, {"size", mib8}});
        id = volume["id"].get<std::string>();
    }
    void sign_in()
    {
        headers = {{"authorization", admin_secret}};
        const auto reply = ask("GET", rest + "login_session?select=id,is_password_change_required");
        ASSERT_EQ(reply.status, 200) << reply.body;
        EXPECT_FALSE(reply.body[0]["is_password_change_required"]);
        const auto cookie = reply.headers.at("Set-Cookie");
        headers = {{"cookie", cookie.substr(0, cookie.find(';'))},
                   {"dell-emc-token", reply.headers.at("DELL-EMC-TOKEN")}};
    }
    void refused(const Reply& reply, int status, const char* code)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.body["messages"][0]["code"], code) << reply.body;
    }
    std::string new_host(const std::string& name, const std::string& port)
    {
        const json initiators = {{{"port_name", port}, {"port_type", port.starts_with("iqn") ? "iSCSI" : "FC"}}};
        const auto made = ask("POST", rest + "host", {{"name", name}, {"os_type", "ESXi"}, {"initiators", initiators}});
        EXPECT_EQ(made.status, 201) << made.body;
        return made.body.value("id", "");
    }
    Reply attach(const json& body) { return ask("POST", rest + "volume/" + id + "/attach", body); }

    const std::string rest = "/api/rest/", fc = "21:00:00:24:ff:2f:32:66";
    std::string naa() const { return volume["naa"]; }
    json volume;
    std::string id;
};

TEST_F(PowerStoreDesk, ReadsNeedTheCookieAndWritesTheTokenToo)
{
    EXPECT_EQ(ask("GET", rest + "volume/" + id).status, 200);
    const auto token = headers["dell-emc-token"];
    headers["dell-emc-token"] = "old";
    EXPECT_EQ(ask("GET", rest + "volume/" + id).status, 200);
    EXPECT_EQ(attach({}).status, 403);
    headers["dell-emc-token"] = token;
    set({{"token_rotates", true}});
    EXPECT_TRUE(ask("GET", rest + "cluster").headers.contains("DELL-EMC-TOKEN"));
    EXPECT_EQ(ask("POST", rest + "logout").status, 204);
    EXPECT_EQ(ask("GET", rest + "cluster").status, 401);
    headers = {{"authorization", admin_wrong}};
    EXPECT_EQ(ask("GET", rest + "login_session").status, 401);
}

TEST_F(PowerStoreDesk, ASessionEndsUnused)
{
    advance_seconds(3000);
    EXPECT_EQ(ask("GET", rest + "cluster").status, 200) << "each use refreshes it";
    advance_seconds(3000);
    EXPECT_EQ(ask("GET", rest + "cluster").status, 200);
    set({{"expired_status", 403}});
    advance_seconds(3700);
    EXPECT_EQ(ask("GET", rest + "cluster").status, 403);
}

TEST_F(PowerStoreDesk, SelectGivesTheIdAloneUnlessAsked)
{
    EXPECT_EQ(ask("GET", rest + "volume/" + id).body, (json{{"id", id}}));
    EXPECT_EQ(ask("GET", rest + "volume/" + id + "?select=wwn").body["wwn"], naa());
    EXPECT_EQ(ask("GET", rest + "volume/" + id + "?select=nonsense").status, 400);
    refused(ask("GET", rest + "volume/9f840c56-96e6-4de9-b5a3-ffffffffffff"), 404, "0xE0A08001000E");
}

TEST_F(PowerStoreDesk, AnInitiatorBelongsToOneHost)
{
    const auto host = new_host("esx-1", fc);
    refused(ask("POST", rest + "host",
                {{"name", "esx-2"}, {"os_type", "ESXi"}, {"initiators", {{{"port_name", fc}, {"port_type", "FC"}}}}}),
            422, "0xE0A01001000C");
    refused(ask("PATCH", rest + "host/" + host,
                {{"add_initiators", {{{"port_name", "21000024ff2f3266"}, {"port_type", "FC"}}}}}),
            400, "0xE0A01001002F");
    EXPECT_EQ(ask("PATCH", rest + "host/" + host,
                  {{"add_initiators", {{{"port_name", "iqn.x:esx-1"}, {"port_type", "iSCSI"}}}}})
                  .status,
              204);
}

TEST_F(PowerStoreDesk, NumbersAreIntegersRiseFrom200AndAreUniqueForAHost)
{
    const auto host = new_host("esx-1", fc);
    EXPECT_EQ(attach({{"host_id", host}, {"logical_unit_number", "7"}}).status, 400);
    EXPECT_EQ(attach({{"host_id", host}, {"host_group_id", host}}).status, 500);
    EXPECT_EQ(attach({{"host_id", host}}).status, 204);
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{naa(), wwpn, 200}}));
    EXPECT_EQ(attach({{"host_id", host}}).status, 422);
    const auto other = control({{"verb", "volume.create"}, {"name", "csivol-2"}, {"size", mib8}});
    const auto path = rest + "volume/" + other["id"].get<std::string>() + "/attach";
    EXPECT_EQ(ask("POST", path, {{"host_id", host}, {"logical_unit_number", 200}}).status, 422);
    EXPECT_EQ(ask("POST", path, {{"host_id", host}, {"logical_unit_number", 7}}).status, 204);
    EXPECT_EQ(ask("POST", rest + "volume/" + id + "/detach", {{"host_id", host}}).status, 204);
    refused(ask("POST", rest + "volume/" + id + "/detach", {{"host_id", host}}), 422, "0xE0A08001000F");
}

TEST_F(PowerStoreDesk, AMemberIsAttachedThroughItsGroupOnly)
{
    control({{"verb", "host.create"}, {"name", "esx-1"}, {"group", "cluster"}, {"initiators", {wwpn}}});
    const auto hosts = ask("GET", rest + "host?select=id,host_group_id").body;
    refused(attach({{"host_id", hosts[0]["id"]}}), 422, "0xE0A010010030");
    EXPECT_EQ(attach({{"host_group_id", hosts[0]["host_group_id"]}}).status, 204);
    EXPECT_EQ(fabric.paths().size(), 1U);
    const auto rows = ask("GET", rest + "host_volume_mapping?select=*&volume_id=eq." + id).body;
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_TRUE(rows[0]["host_id"].is_null());
}

TEST_F(PowerStoreDesk, AListThatIsNotWholeIs206)
{
    new_host("esx-1", fc);
    new_host("esx-2", "iqn.x:esx-2");
    set({{"largest_page", 1}, {"range_prefix", "items "}});
    const auto first = ask("GET", rest + "host?limit=2000");
    EXPECT_EQ(first.status, 206);
    EXPECT_EQ(first.headers.at("Content-Range"), "items 0-0/2");
    EXPECT_EQ(ask("GET", rest + "host?limit=2000&offset=2").status, 416);
}

} // namespace
} // namespace lab
