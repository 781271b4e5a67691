// The simulated ONTAP as a program on the network meets it.
#include "tests/lab/arrays/arrays.hpp"
#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/tests/curl.hpp"
#include "tests/lab/arrays/tests/fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <thread>

namespace lab {

using nlohmann::json;

class OntapOverHttps : public testing::Test {
protected:
    OntapOverHttps()
        : directory(testing::TempDir() + "xcopy-https-" + std::to_string(getpid())), pki(directory / "pki"),
          array(make_array({{"kind", "ontap"},
                            {"name", "ontap-a"},
                            {"password", "secret"},
                            {"directory", directory / "volumes"},
                            {"setup",
                             {{{"verb", "create_lun"}, {"name", "pvc-1"}, {"size", 4096}},
                              {{"verb", "create_lun"}, {"name", "pvc-2"}, {"size", 4096}},
                              {{"verb", "create_lun"}, {"name", "pvc-3"}, {"size", 4096}}}}},
                           fabric, events, pki)),
          curl(directory / "curl", curl_config("admin:secret"))
    {}
    ~OntapOverHttps() override
    {
        array.reset();
        std::filesystem::remove_all(directory);
    }

    std::string curl_config(const std::string& user)
    {
        return "user = \"" + user + "\"\ncacert = \"" + pki.ca_file().string() + "\"\n";
    }
    CurlResult get(const std::string& target) { return curl({"-g", array->url() + target}); }
    CurlResult post(const std::string& target, const json& body)
    {
        return curl({"-H", "Content-Type: application/json", "-d", body.dump(), array->url() + target});
    }
    CurlResult erase(const std::string& target) { return curl({"-X", "DELETE", array->url() + target}); }

    std::string new_igroup(const std::string& name, const std::string& initiator)
    {
        auto made = post(igroups + "?return_records=true", {{"svm", {{"name", "svm1"}}},
                                                            {"name", name},
                                                            {"os_type", "vmware"},
                                                            {"initiators", {{{"name", initiator}}}}});
        EXPECT_EQ(made.status, 201) << made.text;
        return made.status == 201 ? made.body["records"][0].value("uuid", "") : "";
    }
    std::string lun_uuid(const std::string& path)
    {
        auto found = get(luns + "?name=" + path);
        EXPECT_EQ(found.body["num_records"], 1) << found.text;
        return found.body["records"][0].value("uuid", "");
    }
    CurlResult map(const std::string& lun, const std::string& igroup)
    {
        return post(maps + "?return_records=true",
                    {{"svm", {{"name", "svm1"}}}, {"lun", {{"uuid", lun}}}, {"igroup", {{"uuid", igroup}}}});
    }

    const std::string luns = "/api/storage/luns", igroups = "/api/protocols/san/igroups",
                      maps = "/api/protocols/san/lun-maps";
    const std::string esx1 = "iqn.1998-01.com.vmware:esx1";
    const std::string first = "/vol/trident_pvc_1/lun0", second = "/vol/trident_pvc_2/lun0";

    std::filesystem::path directory;
    MemoryFabric fabric;
    ScriptedEvents events;
    Pki pki;
    std::unique_ptr<ArraySim> array;
    Curl curl;
};

TEST_F(OntapOverHttps, AWrongPasswordIs401WithOntapsBody)
{
    Curl stranger(directory / "stranger", curl_config("admin:wrong"));
    auto refused = stranger({array->url() + "/api/cluster"});
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.body, (json{{"error", {{"message", "User is not authorized."}, {"code", "6691623"}}}}));
    EXPECT_NE(refused.head.find("WWW-Authenticate: Basic"), std::string::npos);
    EXPECT_EQ(get("/api/cluster").status, 200);
}

TEST_F(OntapOverHttps, TheCertificateIsGoodForItsAddressAndItsAuthorityOnly)
{
    Curl distrustful(directory / "distrustful", "cacert = \"" + pki.ca_file("other").string() + "\"\n");
    EXPECT_EQ(distrustful({array->url() + "/api/cluster"}).exit_status, 60);
    const auto port = array->url().substr(array->url().rfind(':') + 1);
    EXPECT_EQ(curl({"--resolve", "array.lab:" + port + ":127.0.0.1", "https://array.lab:" + port + "/"}).exit_status,
              60);
}

TEST_F(OntapOverHttps, TlsIs12OrNewer)
{
    EXPECT_EQ(curl({"--tls-max", "1.2", array->url() + "/api/cluster"}).status, 200);
    EXPECT_EQ(curl({"--tlsv1.3", array->url() + "/api/cluster"}).status, 200);
    EXPECT_EQ(curl({"--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", array->url() + "/api/cluster"}).exit_status,
              35);
}

TEST_F(OntapOverHttps, MapDuplicateUnmapAndUnmapAgain)
{
    const auto lun = lun_uuid(first), group = new_igroup("xcopy-esx1", esx1);
    auto mapped = map(lun, group);
    EXPECT_EQ(mapped.status, 201);
    EXPECT_NE(mapped.head.find("Location: " + maps + "/" + lun + "/" + group), std::string::npos) << mapped.head;
    ASSERT_EQ(fabric.presentations().size(), 1U);
    EXPECT_EQ(fabric.presentations()[0].initiator, esx1);

    auto again = map(lun, group);
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "1254207");

    auto gone = erase(maps + "/" + lun + "/" + group);
    EXPECT_EQ(gone.status, 200);
    EXPECT_EQ(gone.body, json::object());
    EXPECT_TRUE(fabric.presentations().empty());
    auto missing = erase(maps + "/" + lun + "/" + group);
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.code(), "5374922");
}

TEST_F(OntapOverHttps, LowestFreeNumberAndOneInitiatorOnce)
{
    const auto one = lun_uuid(first), two = lun_uuid(second);
    const auto group = new_igroup("xcopy-esx1", esx1), other = new_igroup("all-esx", esx1);
    EXPECT_EQ(map(one, group).body["records"][0]["logical_unit_number"], 0);
    EXPECT_EQ(map(two, group).body["records"][0]["logical_unit_number"], 1);
    EXPECT_EQ(map(one, other).code(), "1254193");
}

TEST_F(OntapOverHttps, PagesAreFetchedVerbatim)
{
    std::set<std::string> names;
    std::string target = luns + "?name=/vol/*&fields=serial_number&max_records=1";
    int pages = 0;
    for (; !target.empty() && pages < 9; ++pages) {
        auto page = get(target);
        ASSERT_EQ(page.status, 200) << page.text;
        for (const auto& record : page.body["records"])
            names.insert(record["name"]);
        target = page.body["_links"].contains("next") ? page.body["_links"]["next"]["href"].get<std::string>() : "";
    }
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(names.size(), 3U);
}

TEST_F(OntapOverHttps, EventsSurroundTheEffectAndFaultsAreHonoured)
{
    const auto lun = lun_uuid(first), group = new_igroup("xcopy-esx1", esx1);
    events.fault("before POST " + maps, {.http_status = 503, .http_body = "busy", .retry_after = "7"});
    auto busy = map(lun, group);
    EXPECT_EQ(busy.status, 503);
    EXPECT_EQ(busy.text, "busy");
    EXPECT_NE(busy.head.find("Retry-After: 7"), std::string::npos);
    EXPECT_TRUE(fabric.presentations().empty());

    events.fault("before POST " + maps, {.drop_connection = true});
    EXPECT_NE(map(lun, group).exit_status, 0);
    EXPECT_TRUE(fabric.presentations().empty());

    events.fault("after POST " + maps, {.drop_connection = true});
    EXPECT_NE(map(lun, group).exit_status, 0);
    EXPECT_EQ(fabric.presentations().size(), 1U); // done, and nobody was told

    events.fault("after GET " + luns, {.http_body = "{\"records\": ["});
    auto torn = get(luns);
    EXPECT_EQ(torn.status, 200);
    EXPECT_TRUE(torn.body.is_discarded());

    EXPECT_EQ(events.seen().back(), "after array:ontap-a GET " + luns);
    auto requests = array->handle_control({{"verb", "requests"}});
    EXPECT_EQ(requests["POST " + maps], 3);
    array->handle_control({{"verb", "forget_requests"}});
    EXPECT_TRUE(array->handle_control({{"verb", "requests"}}).empty());
}

TEST_F(OntapOverHttps, OneConnectionServesManyRequests)
{
    const auto url = array->url() + "/api/cluster";
    auto both = curl({url, "-o", directory / "second", "-w", "%{num_connects}", url}); // one new connection, then none
    EXPECT_EQ(both.status, 10);
}

TEST_F(OntapOverHttps, ClientsAtOnceGetDifferentNumbers)
{
    const auto group = new_igroup("xcopy-esx1", esx1);
    std::vector<std::string> uuids;
    for (int i = 0; i < 6; ++i)
        uuids.push_back(array->handle_control(
            {{"verb", "create_lun"}, {"name", "many-" + std::to_string(i)}, {"size", 4096}})["uuid"]);
    std::vector<CurlResult> results(uuids.size());
    {
        std::vector<std::jthread> clients;
        for (std::size_t i = 0; i < uuids.size(); ++i)
            clients.emplace_back([&, i] {
                Curl own(directory / ("client-" + std::to_string(i)), curl_config("admin:secret"));
                const json body = {
                    {"svm", {{"name", "svm1"}}}, {"lun", {{"uuid", uuids[i]}}}, {"igroup", {{"uuid", group}}}};
                results[i] = own({"-d", body.dump(), array->url() + maps + "?return_records=true"});
            });
    }
    std::set<int> numbers;
    for (const auto& result : results) {
        ASSERT_EQ(result.status, 201) << result.text;
        numbers.insert(result.body["records"][0]["logical_unit_number"].get<int>());
    }
    EXPECT_EQ(numbers, (std::set{0, 1, 2, 3, 4, 5}));
}

TEST_F(OntapOverHttps, StoppingDoesNotWaitForASilentClient)
{
    const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(array->url().substr(array->url().rfind(':') + 1))));
    ASSERT_EQ(connect(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(get("/api/cluster").status, 200); // accepted after the silent one
    array.reset();
    char byte = 0;
    EXPECT_LE(recv(silent, &byte, 1, 0), 0);
    close(silent);
}

TEST_F(OntapOverHttps, ATakenPortAndAWrongConfigAreToldWithASentence)
{
    const auto port = std::stoi(array->url().substr(array->url().rfind(':') + 1));
    const json good = {{"kind", "ontap"}, {"name", "b"}, {"password", "x"}, {"directory", directory / "b"}};
    auto fault_of = [&](const json& change) -> std::string {
        auto config = good;
        config.update(change);
        try {
            make_array(config, fabric, events, pki);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(fault_of(json::object()), "");
    EXPECT_NE(fault_of({{"port", port}}).find("Address already in use"), std::string::npos);
    EXPECT_NE(fault_of({{"kind", "tape"}}).find("tape"), std::string::npos);
    EXPECT_NE(fault_of({{"switches", {{"colour", 1}}}}).find("colour"), std::string::npos);
    EXPECT_NE(fault_of({{"password", nullptr}}), "");
}

} // namespace lab
