// The simulated 3PAR/Primera, asked without a socket, and one flow over TLS (facts/arrays/primera3par.md 10).
#include "tests/lab/arrays/primera3par/primera3par.hpp"
#include "tests/lab/arrays/tests/curl.hpp"
#include "tests/lab/arrays/tests/fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace lab::primera3par {
namespace {

using nlohmann::json;

struct Reply {
    int status = 0;
    json body;
    std::map<std::string, std::string> headers;
    int code() const { return body.is_object() ? body.value("code", 0) : 0; }
};

class Primera3parTest : public testing::Test {
protected:
    Primera3parTest()
        : directory(testing::TempDir() + "xcopy-primera3par-" + std::to_string(getpid())), pki(directory / "pki")
    {
        array = make(false);
        key = login();
        pvc = control(
            {{"verb", "volume.create"}, {"name", "pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3c4d5e6f70"}, {"size", 8 << 20}});
        name = pvc["name"];
    }
    ~Primera3parTest() override
    {
        array.reset();
        std::filesystem::remove_all(directory);
    }
    std::unique_ptr<ArraySim> make(bool serve)
    {
        return make_array({{"kind", "primera3par"},
                           {"name", "primera-a"},
                           {"user", "edit"},
                           {"password", "secret"},
                           {"serve", serve},
                           {"directory", (directory / (serve ? "served" : "volumes")).string()}},
                          fabric, events, pki);
    }
    Reply ask(const std::string& method, const std::string& target, const json& body = nullptr)
    {
        auto request = make_request(method, "/api/v1" + target);
        request.headers = {{"x-hp3par-wsapi-sessionkey", key}, {"content-type", "application/json"}};
        request.body = body.is_null() ? "" : body.dump();
        const auto response = array->handle(request);
        return {response.status, json::parse(response.body, nullptr, false), response.headers};
    }
    std::string login(const std::string& password = "secret")
    {
        const auto reply = ask("POST", "/credentials", {{"user", "edit"}, {"password", password}});
        EXPECT_EQ(reply.headers.count("Location"), 1U);
        return reply.body.value("key", "");
    }
    json control(const json& order)
    {
        auto answer = array->handle_control(order);
        EXPECT_FALSE(answer.contains("error")) << answer;
        return answer;
    }
    void set(const json& switches) { control({{"verb", "set"}, {"switches", switches}}); }
    void refused(const Reply& reply, int status, int code)
    {
        EXPECT_EQ(reply.status, status) << reply.body;
        EXPECT_EQ(reply.code(), code) << reply.body;
    }
    Reply new_host(const json& body) { return ask("POST", "/hosts", body); }
    Reply export_to(const std::string& host, const json& more = {{"lun", 5}})
    {
        json body = {{"volumeName", name}, {"hostname", host}};
        body.update(more);
        return ask("POST", "/vluns", body);
    }
    static std::string query(const std::string& text) { return "?query=" + percent_encode("\"" + text + "\""); }

    std::filesystem::path directory;
    MemoryFabric fabric;
    ScriptedEvents events;
    Pki pki;
    std::unique_ptr<ArraySim> array;
    std::string key, name;
    json pvc;
    const std::string wwn = "21000024FF2F3266", initiator = "21000024ff2f3266";
};

TEST_F(Primera3parTest, SessionsAreOpenedCountedAndEnd)
{
    refused(ask("POST", "/credentials", {{"user", "edit"}, {"password", "wrong"}}), 403, 5);
    EXPECT_EQ(ask("GET", "/system").body["systemVersion"], "4.5.12.0");
    const auto second = login();
    EXPECT_EQ(ask("DELETE", "/credentials/" + second).status, 200);
    refused(ask("DELETE", "/credentials/" + second), 403, 6);
    control({{"verb", "clock.advance"}, {"ms", 14 * 60 * 1000}});
    EXPECT_EQ(ask("GET", "/system").status, 200) << "each use refreshes it";
    control({{"verb", "clock.advance"}, {"ms", 14 * 60 * 1000}});
    EXPECT_EQ(ask("GET", "/system").status, 200);
    control({{"verb", "clock.advance"}, {"ms", 16 * 60 * 1000}});
    refused(ask("GET", "/system"), 403, 6);
    set({{"session_limit", 0}});
    refused(ask("POST", "/credentials", {{"user", "edit"}, {"password", "secret"}}), 500, 1);
    set({{"exhausted_status", 503}});
    refused(ask("POST", "/credentials", {{"user", "edit"}, {"password", "secret"}}), 503, 1);
    const auto version = array->handle(make_request("GET", "/api"));
    EXPECT_EQ(version.status, 200) << "needs no session";
}

TEST_F(Primera3parTest, WhatTheArrayDoesNotKnowIsRefused)
{
    EXPECT_EQ(ask("GET", "/nonsense").status, 404);
    auto doubled = make_request("GET", "//api/v1/system");
    doubled.headers = {{"x-hp3par-wsapi-sessionkey", key}};
    EXPECT_EQ(array->handle(doubled).status, 404);
    refused(new_host({{"name", "esx-1"}, {"persona", "8"}}), 400, 39);
    refused(new_host({{"name", "esx-1"}, {"wwpns", json::array()}}), 400, 12);
    auto untyped = make_request("POST", "/api/v1/hosts");
    untyped.headers = {{"x-hp3par-wsapi-sessionkey", key}};
    untyped.body = R"({"name":"esx-1"})";
    EXPECT_EQ(array->handle(untyped).status, 400);
    set({{"role", "browse"}});
    refused(new_host({{"name", "esx-1"}}), 403, 13);
    EXPECT_EQ(ask("GET", "/hosts").status, 200);
    set({{"key_in_use", 1}});
    EXPECT_EQ(ask("GET", "/hosts").status, 409);
    EXPECT_EQ(ask("GET", "/hosts").status, 200);
}

TEST_F(Primera3parTest, VolumesByNameAndByWwnAndVvolsOnlyWhenAskedFor)
{
    EXPECT_EQ(name, "pvc-5f0c2d3e-7a41-4c1b-9a2e-1b3");
    const auto volume = ask("GET", "/volumes/" + name).body;
    EXPECT_EQ(volume["sizeMiB"], 8);
    EXPECT_EQ(volume["wwn"], "60002AC0000000000000182D00021F6B");
    EXPECT_EQ(pvc["naa"], "naa.60002ac0000000000000182d00021f6b");
    refused(ask("GET", "/volumes/none"), 404, 23);
    const auto vvol = control({{"verb", "volume.create"}, {"name", "vvol-1"}, {"size", 1 << 20}, {"kind", "vvol"}});
    EXPECT_EQ(ask("GET", "/volumes").body["total"], 1);
    EXPECT_EQ(ask("GET", "/volumes" + query("wwn EQ 60002AC0000000000000182E00021F6B")).body["members"][0]["name"],
              "vvol-1");
    EXPECT_EQ(ask("GET", "/volumes" + query("wwn EQ 60002ac0000000000000182e00021f6b")).body["total"], 0);
    EXPECT_EQ(ask("GET", "/volumes?query=nonsense").status, 400);
}

TEST_F(Primera3parTest, HostsAndTheirRefusals)
{
    const auto made = new_host({{"name", "esx-a"}, {"persona", 8}, {"FCWWNs", {wwn}}});
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(made.headers.at("Location"), "/api/v1/hosts/esx-a");
    const auto host = ask("GET", "/hosts/esx-a").body;
    EXPECT_EQ(host["FCPaths"].size(), 2U) << "one for each port";
    EXPECT_EQ(host["FCPaths"][0]["wwn"], wwn);
    refused(new_host({{"name", std::string(32, 'x')}}), 400, 57);
    refused(new_host({{"name", "a b"}}), 400, 69);
    refused(new_host({{"name", ""}}), 400, 45);
    refused(new_host({{"persona", 8}}), 400, 40);
    refused(new_host({{"name", "b"}, {"persona", 12}}), 400, 46);
    refused(new_host({{"name", "b"}, {"FCWWNs", {"2100"}}}), 400, 39);
    refused(new_host({{"name", "b"}, {"FCWWNs", {"21000024FF2F326X"}}}), 400, 69);
    refused(new_host({{"name", "b"}, {"FCWWNs", {wwn}}, {"iSCSINames", {"iqn.x:y"}}}), 400, 44);
    refused(new_host({{"name", "esx-a"}}), 409, 16);
    refused(new_host({{"name", "b"}, {"FCWWNs", {wwn}}}), 409, 73);
    EXPECT_EQ(ask("PUT", "/hosts/esx-a", {{"pathOperation", 1}, {"iSCSINames", {"iqn.x:y"}}}).status, 200);
    refused(ask("PUT", "/hosts/esx-a", {{"pathOperation", 1}, {"iSCSINames", {"iqn.x:y"}}}), 409, 73);
    refused(ask("PUT", "/hosts/esx-a", {{"pathOperation", 2}, {"iSCSINames", {"iqn.x:z"}}}), 400, 80);
    refused(ask("PUT", "/hosts/esx-a", {{"pathOperation", 1}}), 400, 78);
    refused(ask("PUT", "/hosts/none", {{"persona", 8}}), 404, 17);
    refused(ask("GET", "/hosts/none"), 404, 17);
    EXPECT_EQ(ask("DELETE", "/hosts/esx-a").status, 200);
}

TEST_F(Primera3parTest, HostsAreFoundByTheirPaths)
{
    new_host({{"name", "esx-a"}, {"persona", 8}, {"FCWWNs", {wwn}}});
    new_host({{"name", "esx-b"}, {"iSCSINames", {"iqn.x:y"}}});
    const auto all = ask("GET", "/hosts").body;
    EXPECT_EQ(all["total"], 3);
    EXPECT_FALSE(all["members"][2].contains("name")) << "what is logged in and belongs to nobody";
    EXPECT_EQ(ask("GET", "/hosts" + query(" FCPaths[wwn==" + wwn + "] OR iSCSIPaths[name EQ iqn.x:y] ")).body["total"],
              2);
    EXPECT_EQ(ask("GET", "/hosts" + query("FCPaths[wwn==" + initiator + "]")).body["total"], 0) << "upper case";
    set({{"host_query", "rejected"}});
    EXPECT_EQ(ask("GET", "/hosts" + query("FCPaths[wwn==" + wwn + "]")).status, 400);
    set({{"host_query", "ignored"}});
    EXPECT_EQ(ask("GET", "/hosts" + query("FCPaths[wwn==" + wwn + "]")).body["total"], 3);
}

TEST_F(Primera3parTest, HostSets)
{
    new_host({{"name", "esx-a"}, {"FCWWNs", {wwn}}});
    EXPECT_EQ(ask("POST", "/hostsets", {{"name", "cluster"}, {"setmembers", {"esx-a"}}}).status, 201);
    refused(ask("POST", "/hostsets", {{"name", "cluster"}}), 400, 101);
    refused(ask("POST", "/hostsets", {{"name", std::string(28, 'x')}}), 400, 57);
    refused(ask("GET", "/hostsets/none"), 404, 102);
    refused(ask("PUT", "/hostsets/cluster", {{"action", 1}, {"setmembers", {"esx-a"}}}), 409, 104);
    refused(ask("PUT", "/hostsets/cluster", {{"action", 1}, {"setmembers", {"none"}}}), 404, 17);
    refused(ask("DELETE", "/hosts/esx-a"), 409, 77);
    EXPECT_EQ(export_to("set:cluster").headers.at("Location"), "/api/v1/vluns/" + name + ",5,set:cluster");
    EXPECT_EQ(fabric.paths().size(), 1U);
    const auto rows = ask("GET", "/vluns").body["members"];
    EXPECT_EQ(rows[0]["hostname"], "set:cluster");
    EXPECT_EQ(rows[0]["type"], 5);
    EXPECT_EQ(rows[1]["hostname"], "esx-a");
    EXPECT_EQ(rows[1]["active"], true);
}

TEST_F(Primera3parTest, ExportsAndTheirRefusals)
{
    new_host({{"name", "esx-a"}, {"FCWWNs", {wwn}}});
    const auto made = export_to("esx-a");
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(made.headers.at("Location"), "/api/v1/vluns/" + name + ",5,esx-a");
    EXPECT_EQ(fabric.paths(), (std::set<std::tuple<std::string, std::string, int>>{{pvc["naa"], initiator, 5}}));
    refused(export_to("esx-a"), 409, 18);
    control({{"verb", "volume.create"}, {"name", "other"}, {"size", 1 << 20}});
    refused(export_to("esx-a", {{"volumeName", "other"}, {"lun", 5}}), 409, 18);
    refused(export_to("esx-a", {{"lun", 16384}}), 400, 28);
    refused(export_to("none"), 404, 17);
    refused(export_to("set:none"), 404, 102);
    refused(export_to("esx-a", {{"volumeName", "none"}, {"lun", 5}}), 404, 23);
    refused(ask("POST", "/vluns", {{"volumeName", name}, {"lun", 5}}), 400, 78);
    refused(ask("DELETE", "/hosts/esx-a"), 409, 26);
    refused(ask("DELETE", "/vluns/" + name + ",6,esx-a"), 404, 19);
    refused(ask("DELETE", "/vluns/" + name + ",5,none"), 404, 17);
    EXPECT_EQ(ask("DELETE", "/vluns/" + name).status, 400);
    EXPECT_EQ(ask("DELETE", "/vluns/" + name + ",5,esx-a").status, 200);
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(Primera3parTest, AutoLunByGeneration)
{
    new_host({{"name", "esx-a"}, {"FCWWNs", {wwn}}});
    const json both = {{"lun", 7}, {"autoLun", true}}, fixed = {{"lun", 7}}, automatic = {{"autoLun", true}};
    set({{"lun_rules", "needs_auto"}});
    EXPECT_EQ(export_to("esx-a", fixed).status, 400) << "Primera";
    EXPECT_EQ(export_to("esx-a", both).status, 201);
    ask("DELETE", "/vluns/" + name + ",7,esx-a");
    set({{"lun_rules", "needs_lun"}});
    EXPECT_EQ(export_to("esx-a", automatic).status, 400) << "3PAR";
    EXPECT_EQ(export_to("esx-a", both).status, 201);
    ask("DELETE", "/vluns/" + name + ",7,esx-a");
    set({{"auto_lun", "ignores"}});
    EXPECT_EQ(export_to("esx-a", both).headers.at("Location"), "/api/v1/vluns/" + name + ",1,esx-a");
}

TEST_F(Primera3parTest, AMatchedSetHasATemplateForEachPort)
{
    control({{"verb", "map"}, {"volume", pvc["naa"]}, {"host", "worker-1"}, {"initiators", {initiator}}});
    const auto rows = ask("GET", "/vluns" + query("volumeName EQ " + name)).body["members"];
    ASSERT_EQ(rows.size(), 4U) << "two templates, an active path each";
    EXPECT_EQ(rows[0]["type"], 4);
    EXPECT_EQ(control({{"verb", "mappings"}})["mappings"].size(), 1U);
    refused(ask("DELETE", "/vluns/" + name + ",0,worker-1"), 404, 19);
    EXPECT_EQ(ask("DELETE", "/vluns/" + name + ",0,worker-1,0:1:2").status, 200);
    EXPECT_EQ(ask("DELETE", "/vluns/" + name + ",0,worker-1,1:1:2").status, 200);
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(Primera3parTest, APhysicalCopyTakesTimeAndKeepsTheTarget)
{
    const auto source = control({{"verb", "volume.create"}, {"name", "disk-1"}, {"size", 4 << 20}, {"kind", "rdm"}});
    std::ofstream(source["file"].get<std::string>(), std::ios::in | std::ios::binary) << "hello";
    const json body = {{"action", "createPhysicalCopy"},
                       {"parameters", {{"destVolume", name}, {"saveSnapshot", false}}}};
    refused(ask("POST", "/volumes/none", body), 404, 23);
    control({{"verb", "map"}, {"volume", pvc["naa"]}, {"host", "worker-1"}, {"initiators", {initiator}}});
    refused(ask("POST", "/volumes/disk-1", body), 403, 26);
    control({{"verb", "unmap"}, {"volume", pvc["naa"]}, {"host", "worker-1"}});
    EXPECT_EQ(
        ask("POST", "/volumes/" + name, {{"action", "createPhysicalCopy"}, {"parameters", {{"destVolume", "disk-1"}}}})
            .status,
        409)
        << "the parent is larger";
    const auto task = "/tasks/" + ask("POST", "/volumes/disk-1", body).body["taskid"].dump();
    EXPECT_EQ(ask("POST", "/volumes/disk-1", body).status, 409) << "one is in progress";
    refused(export_to("worker-1"), 409, 97);
    control({{"verb", "clock.advance"}, {"ms", 1000}});
    const auto now = ask("GET", task).body;
    EXPECT_EQ(now["status"], 2);
    EXPECT_GT(now["completedSteps"], 0);
    EXPECT_EQ(now["name"], "disk-1->" + name);
    control({{"verb", "clock.advance"}, {"ms", 3000}});
    EXPECT_EQ(ask("GET", task).body["status"], 1);
    EXPECT_EQ(content_of(pvc["file"].get<std::string>()).substr(0, 5), "hello");
    EXPECT_EQ(ask("GET", "/volumes/" + name).body["wwn"], "60002AC0000000000000182D00021F6B");
    refused(ask("GET", "/tasks/1"), 404, 145);

    ask("POST", "/volumes/disk-1", body);
    EXPECT_EQ(ask("PUT", "/volumes/" + name, {{"action", 1}}).status, 200);
    EXPECT_EQ(ask("PUT", "/volumes/" + name, {{"action", 1}}).status, 400) << "none is in progress";
    set({{"copy_fails", true}});
    const auto failing = "/tasks/" + ask("POST", "/volumes/disk-1", body).body["taskid"].dump();
    control({{"verb", "clock.advance"}, {"ms", 5000}});
    EXPECT_EQ(ask("GET", failing).body["status"], 4);
}

TEST_F(Primera3parTest, AsAProgramOnTheNetworkMeetsIt)
{
    const auto served = make(true);
    Curl curl(directory / "curl", "cacert = \"" + pki.ca_file().string() + "\"\n");
    const auto url = served->url() + "/api/v1";
    const std::string type = "Content-Type: application/json";
    EXPECT_EQ(curl({url + "/system"}).status, 403);
    const auto opened = curl({"-H", type, "-d", R"({"user":"edit","password":"secret"})", url + "/credentials"});
    ASSERT_EQ(opened.status, 201) << opened.text;
    const auto session = opened.body["key"].get<std::string>();
    const std::string header = "X-HP3PAR-WSAPI-SessionKey: " + session;
    EXPECT_EQ(curl({"-H", header, url + "/system"}).body["model"], "HPE_3PAR A670");
    EXPECT_EQ(curl({"-H", header, "-H", type, "-d", R"({"name":"esx-a","persona":8,"FCWWNs":["21000024FF2F3266"]})",
                    url + "/hosts"})
                  .status,
              201);
    const auto found = curl({"-g", "-H", header, url + "/hosts" + query("FCPaths[wwn==21000024FF2F3266]")});
    EXPECT_EQ(found.body["members"][0]["name"], "esx-a") << found.text;
    EXPECT_EQ(curl({"-X", "DELETE", "-H", header, url + "/credentials/" + session}).status, 200);
    EXPECT_EQ(curl({"-H", header, url + "/system"}).status, 403);
}

} // namespace
} // namespace lab::primera3par
