// An ONTAP of two SVMs, asked without a socket.
#pragma once

#include "tests/lab/arrays/ontap/ontap.hpp"
#include "tests/lab/arrays/tests/fakes.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace lab::ontap {

using nlohmann::json;

struct Reply {
    int status = 0;
    json body;
    std::map<std::string, std::string> headers;

    std::string code() const { return body.contains("error") ? body["error"].value("code", "") : ""; }
};

class OntapTest : public testing::Test {
protected:
    OntapTest()
        : directory(testing::TempDir() + "xcopy-ontap-" + std::to_string(getpid())), pki(directory / "pki"),
          array(
              {{"kind", "ontap"},
               {"name", "ontap-a"},
               {"user", "admin"},
               {"password", "secret"},
               {"directory", (directory / "volumes").string()},
               {"svms", {"svm1", "svm2"}}},
              [](const ModelConfig& config) -> std::unique_ptr<VendorModel> { return std::make_unique<Ontap>(config); },
              fabric, events, pki)
    {}
    ~OntapTest() override { std::filesystem::remove_all(directory); }

    Reply ask(const std::string& method, const std::string& target, const json& body = nullptr,
              const std::map<std::string, std::string>& headers = {})
    {
        auto request = make_request(method, target);
        request.headers = headers;
        request.headers.emplace("authorization", "Basic YWRtaW46c2VjcmV0"); // admin:secret
        if (!body.is_null())
            request.body = body.dump();
        auto response = array.handle(request);
        return {response.status, json::parse(response.body, nullptr, false), response.headers};
    }
    json control(const json& order)
    {
        auto answer = array.handle_control(order);
        EXPECT_FALSE(answer.contains("error")) << answer;
        return answer;
    }
    void set(const json& switches) { control({{"verb", "set"}, {"switches", switches}}); }

    json new_lun(const std::string& name, const std::string& kind = "san", const std::string& svm = "svm1")
    {
        return control({{"verb", "create_lun"}, {"svm", svm}, {"name", name}, {"size", 1 << 20}, {"kind", kind}});
    }
    std::string new_igroup(const std::string& name, const std::vector<std::string>& initiators,
                           const std::string& os_type = "vmware", const std::string& svm = "svm1",
                           const std::string& protocol = "mixed")
    {
        json body = {{"svm", {{"name", svm}}}, {"name", name}, {"os_type", os_type}, {"protocol", protocol}};
        for (const auto& initiator : initiators)
            body["initiators"].push_back({{"name", initiator}});
        auto reply = ask("POST", "/api/protocols/san/igroups?return_records=true", body);
        EXPECT_EQ(reply.status, 201) << reply.body;
        return reply.status == 201 ? reply.body["records"][0].value("uuid", "") : "";
    }
    Reply map(const json& lun, const std::string& igroup, std::optional<int> number = std::nullopt,
              const std::string& svm = "svm1")
    {
        json body = {{"svm", {{"name", svm}}}, {"lun", {{"uuid", lun["uuid"]}}}, {"igroup", {{"uuid", igroup}}}};
        if (number)
            body["logical_unit_number"] = *number;
        return ask("POST", "/api/protocols/san/lun-maps?return_records=true", body);
    }
    Reply unmap(const json& lun, const std::string& igroup)
    {
        return ask("DELETE", "/api/protocols/san/lun-maps/" + lun["uuid"].get<std::string>() + "/" + igroup);
    }
    int number_of(const Reply& reply)
    {
        EXPECT_EQ(reply.status, 201) << reply.body;
        return reply.status == 201 ? reply.body["records"][0]["logical_unit_number"].get<int>() : -1;
    }
    std::size_t maps() { return control({{"verb", "state"}})["maps"].size(); }

    std::filesystem::path directory;
    MemoryFabric fabric;
    ScriptedEvents events;
    Pki pki;
    SimulatedArray array;

    static constexpr const char* esx1 = "iqn.1998-01.com.vmware:esx1";
    static constexpr const char* esx2 = "iqn.1998-01.com.vmware:esx2";
    static constexpr const char* node = "iqn.1993-08.org.debian:01:worker-1";
};

} // namespace lab::ontap
