// A simulated array on a desk: asked without a socket, beside a fabric in memory. For the rules of each simulator.
#pragma once

#include "tests/lab/arrays/arrays.hpp"
#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/tests/fakes.hpp"
#include "tests/lab/pki.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>

namespace lab {

class Desk : public testing::Test {
protected:
    using json = nlohmann::json;

    struct Reply {
        int status = 0;
        json body;
        std::map<std::string, std::string> headers;
    };

    explicit Desk(const std::string& kind)
        : directory_(testing::TempDir() + "xcopy-desk-" + kind + "-" + std::to_string(getpid())),
          pki_(directory_ / "pki")
    {
        array = make_array({{"kind", kind},
                            {"name", kind + "-a"},
                            {"user", "admin"},
                            {"password", "secret"},
                            {"serve", false},
                            {"directory", (directory_ / "volumes").string()}},
                           fabric, events_, pki_);
    }
    ~Desk() override
    {
        array.reset();
        std::filesystem::remove_all(directory_);
    }

    Reply ask(const std::string& method, const std::string& target, const json& body = nullptr)
    {
        auto request = make_request(method, target);
        request.headers = headers;
        request.body = body.is_null() ? "" : body.dump();
        const auto response = array->handle(request);
        return {response.status, json::parse(response.body, nullptr, false), response.headers};
    }
    json control(const json& order)
    {
        auto answer = array->handle_control(order);
        EXPECT_FALSE(answer.contains("error")) << answer;
        return answer;
    }
    void set(const json& switches) { control({{"verb", "set"}, {"switches", switches}}); }
    void advance_seconds(int seconds) { control({{"verb", "clock.advance"}, {"ms", seconds * 1000}}); }

    static constexpr const char* admin_secret = "Basic YWRtaW46c2VjcmV0"; // admin:secret
    static constexpr const char* admin_wrong = "Basic YWRtaW46d3Jvbmc=";  // admin:wrong
    static constexpr const char* wwpn = "21000024ff2f3266";
    static constexpr std::uint64_t mib8 = 8 << 20;

    std::map<std::string, std::string> headers; // lower-case names
    MemoryFabric fabric;

private:
    std::filesystem::path directory_;
    ScriptedEvents events_;
    Pki pki_;

protected:
    std::unique_ptr<ArraySim> array; // last: it goes first
};

} // namespace lab
