// The simulated FlashSystem: each rule of the facts page, section 10, by handler; and one flow as the curl program meets it.
#include "tests/lab/arrays/flashsystem/flashsystem.hpp"
#include "tests/lab/arrays/tests/curl.hpp"
#include "tests/lab/arrays/tests/fakes.hpp"

#include <gtest/gtest.h>

namespace lab::flashsystem {

using nlohmann::json;

namespace {

struct Reply {
    int status = 0;
    std::string text;
    json body;

    std::string code() const
    {
        const auto at = text.find("CMMVC");
        return at == std::string::npos ? "" : text.substr(at, 10);
    }
};

class FlashSystemLab : public testing::Test {
protected:
    explicit FlashSystemLab(bool serve = false)
        : directory(testing::TempDir() + "xcopy-flashsystem-" + std::to_string(getpid())), pki(directory / "pki"),
          array(make_array({{"kind", "flashsystem"},
                            {"name", "fs-a"},
                            {"user", "mover"},
                            {"password", "secret"},
                            {"directory", (directory / "volumes").string()},
                            {"serve", serve}},
                           fabric, events, pki))
    {}
    ~FlashSystemLab() override
    {
        array.reset();
        std::filesystem::remove_all(directory);
    }

    Reply raw(const std::string& method, const std::string& path, const std::string& body,
              std::map<std::string, std::string> headers)
    {
        auto request = make_request(method, path);
        request.headers = std::move(headers);
        request.body = body;
        const auto response = array->handle(request);
        return {response.status, response.body, json::parse(response.body, nullptr, false)};
    }
    std::string sign_in(const std::string& password = "secret")
    {
        const auto reply =
            raw("POST", "/rest/v1/auth", "", {{"x-auth-username", "mover"}, {"x-auth-password", password}});
        return reply.status == 200 ? reply.body["token"].get<std::string>() : "";
    }
    Reply ask(const std::string& command, const json& options = json::object())
    {
        if (token.empty())
            token = sign_in();
        return raw("POST", "/rest/v1/" + command, options.dump(),
                   {{"x-auth-token", token}, {"content-type", "application/json"}});
    }
    json control(const json& order)
    {
        auto answer = array->handle_control(order);
        EXPECT_FALSE(answer.contains("error")) << order << answer;
        return answer;
    }
    void set(const json& switches) { control({{"verb", "set"}, {"switches", switches}}); }
    void pass(int ms) { control({{"verb", "clock.advance"}, {"ms", ms}}); }
    json volume(const std::string& name, const std::string& kind = "pvc", std::uint64_t size = 1 << 20)
    {
        return control({{"verb", "volume.create"}, {"name", name}, {"kind", kind}, {"size", size}});
    }
    std::string host(const std::string& name, const json& ports)
    {
        auto options = ports;
        options["name"] = name;
        const auto made = ask("mkhost", options);
        EXPECT_EQ(made.status, 200) << made.text;
        return made.status == 200 ? made.body["id"].get<std::string>() : "";
    }

    std::filesystem::path directory;
    MemoryFabric fabric;
    ScriptedEvents events;
    Pki pki;
    std::unique_ptr<ArraySim> array;
    std::string token;
};

TEST_F(FlashSystemLab, AUserHasOneTokenThatEndsInTime)
{
    EXPECT_EQ(sign_in("wrong"), "");
    EXPECT_EQ(raw("POST", "/rest/v1/auth", "", {{"x-auth-username", "mover"}}).status, 403);
    EXPECT_EQ(raw("POST", "/rest/v1/lssystem", "", {}).status, 403);
    EXPECT_EQ(ask("lssystem").status, 200);
    const auto newer = sign_in();
    EXPECT_EQ(ask("lssystem").status, 403) << "the older one has ended";
    token = newer;
    EXPECT_EQ(ask("lssystem").status, 200);
    pass(61 * 60 * 1000);
    set({{"lapsed_status", 401}});
    EXPECT_EQ(ask("lssystem").status, 401);
    set({{"one_token", false}});
    token = sign_in();
    EXPECT_NE(sign_in(), "");
    EXPECT_EQ(ask("lssystem").status, 200);
    control({{"verb", "sessions.expire"}});
    EXPECT_EQ(ask("lssystem").status, 401);
}

TEST_F(FlashSystemLab, TooManyAreToldSo)
{
    set({{"auth_per_second", 2}, {"calls_per_second", 2}});
    EXPECT_NE(sign_in(), "");
    token = sign_in();
    EXPECT_EQ(raw("POST", "/rest/v1/auth", "", {{"x-auth-username", "mover"}, {"x-auth-password", "secret"}}).status,
              429);
    EXPECT_EQ(ask("lssystem").status, 200);
    EXPECT_EQ(ask("lssystem").status, 200);
    EXPECT_EQ(ask("lssystem").status, 429);
    pass(1000);
    EXPECT_EQ(ask("lssystem").status, 200);
}

TEST_F(FlashSystemLab, OnlyPostsOfJsonObjectsWithKnownOptions)
{
    ASSERT_EQ(ask("lssystem").status, 200);
    EXPECT_EQ(raw("GET", "/rest/v1/lssystem", "", {{"x-auth-token", token}}).status, 404);
    EXPECT_EQ(raw("POST", "/api/lssystem", "", {{"x-auth-token", token}}).status, 404);
    EXPECT_EQ(raw("POST", "/rest/v1/lsvdisk", "{}", {{"x-auth-token", token}}).status, 400) << "no Content-Type";
    EXPECT_EQ(
        raw("POST", "/rest/v1/lsvdisk", "[]", {{"x-auth-token", token}, {"content-type", "application/json"}}).status,
        400);
    EXPECT_EQ(ask("nonsense").code(), "CMMVC7205E");
    EXPECT_EQ(ask("lsvdisk", {{"color", "red"}}).code(), "CMMVC5709E");
    EXPECT_EQ(ask("lsvdisk", {{"bytes", "true"}}).code(), "CMMVC5709E") << "flags are true";
    EXPECT_EQ(ask("lsvdisk", {{"filtervalue", "colour=red"}}).code(), "CMMVC5741E");
    EXPECT_EQ(ask("rmhost").code(), "CMMVC5701E");
    EXPECT_EQ(raw("POST", "/rest/lssystem", "", {{"x-auth-token", token}}).status, 200) << "the older path";
}

TEST_F(FlashSystemLab, ErrorsComeInThreeStyles)
{
    const auto as_new = ask("lsvdisk/77");
    EXPECT_EQ(as_new.status, 409);
    EXPECT_TRUE(as_new.body.is_string());
    set({{"error_style", "legacy"}});
    EXPECT_EQ(ask("lsvdisk/77").status, 500);
    set({{"error_style", "mixed"}});
    EXPECT_EQ(ask("lsvdisk/77").status, 404);
    EXPECT_EQ(ask("lsvdisk/77").code(), "CMMVC5753E");
    EXPECT_EQ(ask("lsvdisk/no_such").code(), "CMMVC5754E");
}

TEST_F(FlashSystemLab, VolumesAreStringsWithARoundedSizeUnlessBytesAreAskedFor)
{
    const auto made = volume("one", "pvc", std::uint64_t{20} << 30);
    const auto uid = made["handles"][2]["volumeHandle"].get<std::string>().substr(4);
    EXPECT_EQ(made["handles"][0]["volumeHandle"], "SVC:0;" + uid);
    EXPECT_EQ(made["handles"][1]["volumeHandle"], "SVC:0000020423A12F56:0;" + uid);
    const auto rows = ask("lsvdisk", {{"filtervalue", "vdisk_UID=" + uid}}).body;
    ASSERT_EQ(rows.size(), 1U);
    for (const auto& [name, value] : rows[0].items())
        EXPECT_TRUE(value.is_string()) << name;
    EXPECT_EQ(rows[0]["capacity"], "20.00GB");
    EXPECT_EQ(ask("lsvdisk/0", {{"bytes", true}}).body["capacity"], "21474836480");
    EXPECT_EQ(ask("lsvdisk", {{"filtervalue", "name=CSI_o*"}}).body.size(), 1U);
    EXPECT_EQ(ask("lsvdisk", {{"filtervalue", "vdisk_UID=" + lower(uid)}}).text, "[]");
    set({{"uid_filter", "any_case"}, {"empty_list", ""}, {"detail", "list"}});
    EXPECT_EQ(ask("lsvdisk", {{"filtervalue", "vdisk_UID=" + lower(uid)}}).body.size(), 1U);
    EXPECT_EQ(ask("lsvdisk", {{"filtervalue", "name=x"}}).text, "");
    EXPECT_TRUE(ask("lsvdisk/0").body.is_array());
}

TEST_F(FlashSystemLab, APortBelongsToOneHost)
{
    EXPECT_EQ(host("esx-a", {{"fcwwpn", "21000024FF2F3266:21000024ff2f3267"}, {"force", true}}), "0");
    const auto details = ask("lshost/esx-a").body;
    EXPECT_EQ(details["nodes"][1]["WWPN"], "21000024FF2F3267");
    EXPECT_EQ(details["protocol"], "fcscsi");
    EXPECT_EQ(ask("mkhost", {{"name", "other"}, {"fcwwpn", "21000024FF2F3266"}}).code(), "CMMVC5867E");
    EXPECT_EQ(ask("mkhost", {{"name", "other"}, {"fcwwpn", "21:00"}}).code(), "CMMVC5867E");
    EXPECT_EQ(ask("mkhost", {{"name", "esx-a"}, {"fcwwpn", "21000024FF2F9999"}}).code(), "CMMVC6035E");
    EXPECT_EQ(ask("mkhost", {{"name", "1st"}, {"fcwwpn", "21000024FF2F9999"}}).code(), "CMMVC6527E");
    EXPECT_EQ(ask("mkhost", {{"name", std::string(64, 'x')}, {"fcwwpn", "21000024FF2F9999"}}).code(), "CMMVC5738E");
    EXPECT_EQ(ask("mkhost", {{"name", "x"}}).code(), "CMMVC5707E");
    EXPECT_EQ(ask("mkhost", {{"name", "x"}, {"iscsiname", "wrong"}, {"protocol", "iscsi"}}).code(), "CMMVC6578E");
    EXPECT_EQ(ask("addhostport/0", {{"fcwwpn", "21000024FF2F3266"}}).code(), "CMMVC5867E");
    EXPECT_EQ(ask("addhostport/0", {{"fcwwpn", "21000024FF2F3268"}, {"force", true}}).text, "");
    EXPECT_EQ(ask("lshost").body[0]["port_count"], "3");
    EXPECT_EQ(ask("lsfabric", {{"wwpn", "21000024ff2f3268"}}).body[0]["name"], "esx-a");
}

TEST_F(FlashSystemLab, TheWordsForAProtocolDependOnTheCode)
{
    EXPECT_EQ(ask("mkhost", {{"name", "x"}, {"iscsiname", "iqn.x:1"}}).code(), "CMMVC5713E") << "fcscsi is the default";
    host("i", {{"iscsiname", "iqn.x:1,iqn.x:2"}, {"protocol", "iscsi"}});
    set({{"protocol_words", "old"}});
    EXPECT_EQ(ask("mkhost", {{"name", "x"}, {"iscsiname", "iqn.x:3"}, {"protocol", "iscsi"}}).code(), "CMMVC5709E");
    host("o", {{"iscsiname", "iqn.x:3"}});
}

TEST_F(FlashSystemLab, NotEveryCodeListsPorts)
{
    host("i", {{"fcwwpn", "21000024FF2F3266"}});
    EXPECT_EQ(ask("lshostports").code(), "CMMVC7205E");
    set({{"hostports", "404"}});
    EXPECT_EQ(ask("lshostports").status, 404);
    set({{"hostports", "list"}});
    EXPECT_EQ(ask("lshostports").body[0]["host_name"], "i");
}

TEST_F(FlashSystemLab, MappingsAndTheirRefusals)
{
    const auto one = volume("one"), two = volume("two");
    host("a", {{"fcwwpn", "21000024FF2F3266"}});
    host("b", {{"fcwwpn", "21000024FF2F3267"}});
    EXPECT_EQ(ask("lsvdiskhostmap/0").text, "[]");
    EXPECT_EQ(ask("mkvdiskhostmap/0", {{"host", "0"}}).body["id"], "0") << "the lowest that is free";
    EXPECT_EQ(ask("mkvdiskhostmap/0", {{"host", "a"}, {"force", true}}).code(), "CMMVC5878E");
    EXPECT_EQ(ask("mkvdiskhostmap/0", {{"host", "1"}}).code(), "CMMVC6071E") << "a second host only by force";
    set({{"second_map_code", "CMMVC9375E"}});
    EXPECT_EQ(ask("mkvdiskhostmap/0", {{"host", "1"}}).code(), "CMMVC9375E");
    EXPECT_EQ(ask("mkvdiskhostmap/0", {{"host", "1"}, {"force", true}, {"scsi", "7"}}).body["id"], "7");
    EXPECT_EQ(ask("mkvdiskhostmap/1", {{"host", "1"}, {"scsi", 7}}).code(), "CMMVC5879E");
    EXPECT_EQ(ask("mkvdiskhostmap/1", {{"host", "1"}, {"scsi", "2048"}}).code(), "CMMVC5844E");
    EXPECT_EQ(ask("mkvdiskhostmap/9", {{"host", "1"}}).code(), "CMMVC5753E");
    EXPECT_EQ(ask("mkvdiskhostmap/1", {{"host", "zz"}}).code(), "CMMVC5754E");
    EXPECT_EQ(fabric.paths().size(), 2U);
    const auto rows = ask("lsvdiskhostmap/0").body;
    EXPECT_EQ(rows[1]["SCSI_id"], "7");
    EXPECT_EQ(rows[1]["host_name"], "b");
    EXPECT_EQ(ask("lshostvdiskmap/b").body[0]["vdisk_id"], "0");
    EXPECT_EQ(ask("rmhost/0").code(), "CMMVC5871E");
    EXPECT_EQ(ask("rmvdiskhostmap/0", {{"host", "0"}}).text, "");
    EXPECT_EQ(ask("rmvdiskhostmap/0", {{"host", "0"}}).code(), "CMMVC5842E");
    EXPECT_EQ(ask("rmhost/0").status, 200);
    EXPECT_EQ(fabric.paths().size(), 1U);
}

TEST_F(FlashSystemLab, AHostClusterSharesItsMappings)
{
    const auto one = volume("one");
    control({{"verb", "host.create"}, {"name", "n1"}, {"group", "k8s"}, {"initiators", {"100000109b3c0001"}}});
    control({{"verb", "host.create"}, {"name", "n2"}, {"group", "k8s"}, {"initiators", {"100000109b3c0002"}}});
    EXPECT_EQ(ask("mkvolumehostclustermap/0", {{"hostcluster", "k8s"}, {"force", true}}).body["id"], "0");
    const auto rows = ask("lsvdiskhostmap/0").body;
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0]["mapping_type"], "shared");
    EXPECT_EQ(rows[0]["host_cluster_name"], "k8s");
    EXPECT_NE(ask("rmvdiskhostmap/0", {{"host", "n1"}}).status, 200);
    EXPECT_EQ(fabric.paths().size(), 2U);
    EXPECT_EQ(ask("rmvolumehostclustermap/0", {{"hostcluster", "0"}}).status, 200);
    EXPECT_TRUE(fabric.paths().empty());
}

TEST_F(FlashSystemLab, ProtectionKeepsAMappingForAWhile)
{
    const auto one = volume("one");
    host("a", {{"fcwwpn", "21000024FF2F3266"}});
    ask("mkvdiskhostmap/0", {{"host", "0"}});
    EXPECT_EQ(ask("lssystem").body["vdisk_protection_enabled"], "no");
    set({{"protection", "both"}});
    EXPECT_EQ(ask("lsmdiskgrp/0").body["vdisk_protection_enabled"], "yes");
    control({{"verb", "io"}, {"volume", one["naa"]}});
    EXPECT_EQ(ask("rmvdiskhostmap/0", {{"host", "0"}}).code(), "CMMVC8999E");
    pass(15 * 60 * 1000);
    EXPECT_EQ(ask("rmvdiskhostmap/0", {{"host", "0"}}).status, 200);
    set({{"protection", "system"}, {"pool_protection_field", false}});
    EXPECT_EQ(ask("lssystem").body["vdisk_protection_enabled"], "yes");
    EXPECT_FALSE(ask("lsmdiskgrp/0").body.contains("vdisk_protection_enabled"));
}

TEST_F(FlashSystemLab, AFlashCopyIsPreparedStartedAndCopied)
{
    const auto source = volume("source", "rdm"), target = volume("target"), large = volume("large", "rdm", 2 << 20);
    std::ofstream(source["file"].get<std::string>(), std::ios::in | std::ios::binary) << "content";
    std::ofstream(target["file"].get<std::string>(), std::ios::in | std::ios::binary) << "old stuff";
    const json options = {{"source", "0"}, {"target", "1"}, {"name", "m"}, {"copyrate", "100"}};
    auto wrong = options;
    wrong["source"] = "2";
    EXPECT_EQ(ask("mkfcmap", wrong).code(), "CMMVC5924E");
    wrong["source"] = "1";
    EXPECT_EQ(ask("mkfcmap", wrong).code(), "CMMVC6303E");
    EXPECT_EQ(ask("mkfcmap", options).body["id"], "0");
    EXPECT_EQ(ask("mkfcmap", options).code(), "CMMVC6035E");
    wrong = options;
    wrong["name"] = "n";
    EXPECT_EQ(ask("mkfcmap", wrong).code(), "CMMVC6466E");

    EXPECT_EQ(ask("startfcmap/0").code(), "CMMVC5903E");
    EXPECT_EQ(ask("prestartfcmap/0").text, "");
    EXPECT_EQ(content_of(target["file"].get<std::string>()).substr(0, 3), std::string(3, '\0'))
        << "its content is discarded";
    EXPECT_EQ(ask("startfcmap/0").code(), "CMMVC5903E") << "still preparing";
    pass(500);
    EXPECT_EQ(ask("startfcmap/0").text, "");
    EXPECT_EQ(ask("startfcmap/0").code(), "CMMVC5907E");
    EXPECT_EQ(ask("rmfcmap/0").code(), "CMMVC5903E");
    pass(1500);
    EXPECT_EQ(ask("lsfcmap/0").body["status"], "copying");
    EXPECT_GE(std::stoi(ask("lsfcmapprogress/0").body["progress"].get<std::string>()), 50);
    pass(1600);
    const auto done = ask("lsfcmap", {{"filtervalue", "name=m"}}).body[0];
    EXPECT_EQ(done["status"], "idle_or_copied");
    EXPECT_EQ(done["progress"], "100");
    EXPECT_EQ(content_of(target["file"].get<std::string>()), content_of(source["file"].get<std::string>()));
    EXPECT_EQ(ask("rmfcmap/0").text, "");
    EXPECT_EQ(ask("lsfcmapprogress/0").code(), "CMMVC5753E");
}

TEST_F(FlashSystemLab, AStoppedFlashCopyIsInconsistentAndOneWithAutodeleteVanishes)
{
    volume("source", "rdm");
    volume("target");
    ask("mkfcmap", {{"source", "0"}, {"target", "1"}, {"name", "m"}});
    ask("startfcmap/0", {{"prep", true}});
    pass(1000);
    EXPECT_EQ(ask("stopfcmap/0", {{"force", true}}).text, "");
    EXPECT_EQ(ask("stopfcmap/0").code(), "CMMVC5912E");
    EXPECT_EQ(ask("lsfcmap/0").body["status"], "stopped");
    EXPECT_EQ(ask("rmfcmap/0").code(), "CMMVC6425E");
    EXPECT_EQ(ask("rmfcmap/0", {{"force", true}}).text, "");

    ask("mkfcmap", {{"source", "0"}, {"target", "1"}, {"autodelete", true}});
    ask("startfcmap/0", {{"prep", true}});
    pass(3000);
    EXPECT_EQ(ask("lsfcmap/0").code(), "CMMVC5753E");

    set({{"copy_fails", true}});
    ask("mkfcmap", {{"source", "0"}, {"target", "1"}});
    ask("startfcmap/0", {{"prep", true}});
    pass(5000);
    EXPECT_EQ(ask("lsfcmap/0").body["status"], "stopped");
    EXPECT_EQ(ask("lsfcmap/0").body["progress"], "50");
}

TEST_F(FlashSystemLab, AFailoverGivesHalfAnswersAndTakesTheTokens)
{
    volume("one");
    ASSERT_EQ(ask("lssystem").status, 200);
    control({{"verb", "failover"}, {"replies", {"conflict", "bad_gateway", "truncated"}}});
    const auto conflict = ask("lsvdisk");
    EXPECT_EQ(conflict.status, 409);
    EXPECT_EQ(conflict.text, "");
    EXPECT_EQ(ask("lsvdisk").status, 502);
    EXPECT_TRUE(ask("lsvdisk").body.is_discarded());
    EXPECT_EQ(ask("lsvdisk").status, 403);
}

class FlashSystemOverHttps : public FlashSystemLab {
protected:
    FlashSystemOverHttps() : FlashSystemLab(true) {}
};

TEST_F(FlashSystemOverHttps, SignInHostAndMappingWithCurl)
{
    const auto made = volume("one");
    const Curl curl(directory / "curl",
                    "cacert = \"" + pki.ca_file().string() + "\"\nheader = \"Content-Type: application/json\"\n");
    const auto base = array->url() + "/rest/v1/";
    const auto opened =
        curl({"-X", "POST", "-H", "X-Auth-Username: mover", "-H", "X-Auth-Password: secret", base + "auth"});
    ASSERT_EQ(opened.status, 200) << opened.text;
    const auto post = [&](const std::string& command, const json& options) {
        return curl(
            {"-H", "X-Auth-Token: " + opened.body["token"].get<std::string>(), "-d", options.dump(), base + command});
    };
    EXPECT_EQ(post("lssystem", json::object()).body["product_name"], "IBM FlashSystem 7300");
    EXPECT_EQ(post("mkhost", {{"name", "esx"}, {"fcwwpn", "21000024FF2F3266"}, {"force", true}}).body["id"], "0");
    EXPECT_EQ(post("mkvdiskhostmap/0", {{"host", "0"}, {"scsi", "5"}, {"force", true}}).body["id"], "5");
    EXPECT_TRUE(fabric.paths().contains({made["naa"], "21000024ff2f3266", 5}));
    const auto gone = post("rmvdiskhostmap/0", {{"host", "0"}});
    EXPECT_EQ(gone.status, 200);
    EXPECT_EQ(gone.text, "");
    EXPECT_EQ(post("rmvdiskhostmap/0", {{"host", "0"}}).status, 409);
    EXPECT_EQ(curl({"-X", "POST", base + "lssystem"}).status, 403);
    EXPECT_TRUE(fabric.paths().empty());
}

} // namespace
} // namespace lab::flashsystem
