// The rig itself: what the other tests rest upon.
#include "tests/kube/storage_objects.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kube_test {
namespace {

using xcopy::rest::Method;

int status_as(KubeApi& api, const std::string& token, Method method, const std::string& path,
              const std::string& body = "")
{
    const auto wire = xcopy::rest::curl_transport();
    const auto reply =
        wire->send(xcopy::Call{}.within(std::chrono::seconds(30)),
                   {.method = method,
                    .url = api.url() + path,
                    .headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}},
                    .body = body},
                   {.ca_file = api.ca_file().string()});
    return reply ? reply->status : 0;
}

TEST(KubeRig, ThePopulatorMayDoWhatForkliftAllowsItAndNothingElse)
{
    auto& api = KubeApi::shared();
    const auto here = api.make_namespace();
    make_populator(api, here, "");
    const auto disk = make_disk(api, here);
    const auto token = api.token(here, "populator");

    EXPECT_EQ(status_as(api, token, Method::get, claim_path(here, disk.claim)), 200);
    EXPECT_EQ(status_as(api, token, Method::get, volume_path(disk.volume)), 200);
    EXPECT_EQ(status_as(api, token, Method::post, lease_path(here), R"({"metadata":{"name":"mine"}})"), 201);

    EXPECT_EQ(status_as(api, token, Method::get, volume_path()), 403) << "to list volumes";
    EXPECT_EQ(status_as(api, token, Method::remove, lease_path(here, "mine")), 403) << "to delete leases";
    EXPECT_EQ(status_as(api, token, Method::get, fmt::format("/api/v1/namespaces/{}/secrets", here)), 403);
    EXPECT_EQ(status_as(api, token, Method::post, fmt::format("/api/v1/namespaces/{}/events", here), "{}"), 403);
    EXPECT_EQ(status_as(api, token, Method::get, lease_path("default")), 403);
    EXPECT_EQ(status_as(api, "wrong", Method::get, claim_path(here, disk.claim)), 401);
}

} // namespace
} // namespace kube_test
