// From a claim to its CSI volume, and who may ask for it.
#include "coordinator/kube/claim.hpp"
#include "tests/kube/populator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace kube_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using xcopy::Errc;
using xcopy::kube::find_claim_target;

class ClaimTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        here = api.make_namespace();
        make_populator(api, here, "");
        populator = std::make_unique<Populator>(api, here);
    }

    auto find(const DiskObjects& disk, const std::string& uid = "")
    {
        return find_claim_target(xcopy::Call{}.within(30s), *populator->api, here, disk.claim, uid);
    }

    KubeApi& api = KubeApi::shared();
    std::string here;
    std::unique_ptr<Populator> populator;
};

TEST_F(ClaimTest, TheVolumeOfThePrimeClaimIsFoundInThreeRequests)
{
    const auto disk = make_disk(api, here, {.handle = "pvc-77", .attributes = {{"internalName", "trident_pvc_77"}}});
    const auto target = find(disk, disk.uid);
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_EQ(target->volume.handle.handle, "pvc-77");
    EXPECT_EQ(target->volume.handle.attribute("internalName"), "trident_pvc_77");
    EXPECT_EQ(target->claim.uid, disk.uid);
    EXPECT_EQ(target->claim.size_bytes, std::uint64_t{10} << 30);
    EXPECT_EQ(populator->wire.count(), 3);
}

TEST_F(ClaimTest, AClaimWithAVolumeOfItsOwnNeedsNoPrime)
{
    const auto disk = make_disk(api, here, {.handle = "own", .through_prime = false, .forklift = false});
    const auto target = find(disk);
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_EQ(target->volume.handle.handle, "own");
    EXPECT_EQ(populator->wire.count(), 2);
}

TEST_F(ClaimTest, IsRefusedWithAReason)
{
    EXPECT_EQ(find({.claim = "none"}).error().code, Errc::not_found);
    EXPECT_EQ(find(make_disk(api, here, {.name = "unbound", .bound = false})).error().reason, "claim_unbound");
    EXPECT_EQ(find(make_disk(api, here, {.name = "no-prime", .through_prime = false, .bound = false})).error().reason,
              "claim_unbound");
    EXPECT_EQ(find(make_disk(api, here, {.name = "files", .volume_mode = "Filesystem"})).error().reason,
              "claim_not_block");
    EXPECT_EQ(find(make_disk(api, here, {.name = "other-uid"}), "12345").error().reason, "claim_replaced");

    const auto handed_over = make_disk(api, here, {.name = "handed-over"});
    api.merge(volume_path(handed_over.volume),
              {{"metadata", {{"annotations", {{"forklift.konveyor.io/populated-from", "x/y"}}}}}});
    EXPECT_EQ(find(handed_over).error().reason, "volume_populated");

    const auto going = make_disk(api, here, {.name = "going"});
    api.merge(claim_path(here, going.claim), {{"metadata", {{"finalizers", {"test/stays"}}}}});
    api.remove(claim_path(here, going.claim));
    EXPECT_EQ(find(going).error().reason, "claim_going");
    EXPECT_TRUE(*xcopy::kube::is_claim_going({}, *populator->api, here, going.claim, going.uid));

    const auto stolen = make_disk(api, here, {.name = "stolen"});
    api.merge(volume_path(stolen.volume), {{"spec", {{"claimRef", {{"name", "somebody-else"}, {"uid", "1"}}}}}});
    EXPECT_EQ(find(stolen).error().reason, "volume_of_other_claim");
}

TEST_F(ClaimTest, KnowsWhetherItIsStillWanted)
{
    const auto disk = make_disk(api, here);
    const auto going = [&](const std::string& uid) {
        return *xcopy::kube::is_claim_going({}, *populator->api, here, disk.claim, uid);
    };
    EXPECT_FALSE(going(disk.uid));
    EXPECT_TRUE(going("another"));
    api.remove(claim_path(here, disk.claim));
    EXPECT_TRUE(going(disk.uid));
}

TEST_F(ClaimTest, AForbiddenCallSaysWhichRightIsMissing)
{
    const auto elsewhere = api.make_namespace();
    const auto disk = make_disk(api, elsewhere);
    const auto target = find_claim_target({}, *populator->api, elsewhere, disk.claim, "");
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().code, Errc::denied);
    EXPECT_THAT(target.error().message, HasSubstr("cannot get resource \"persistentvolumeclaims\""));
    EXPECT_THAT(target.error().message, HasSubstr("populator"));
}

TEST_F(ClaimTest, ARotatedTokenIsUsedAtOnce)
{
    const auto disk = make_disk(api, here);
    const auto file = api.folder() / ("token-" + here);
    std::ofstream(file) << "expired";
    auto access = populator->access;
    access.token = {};
    access.token_file = file;
    const auto good = api.token(here, "populator");
    int requests = 0;
    populator->wire.before = [&](const auto&) {
        if (++requests == 1) // the kubelet is just replacing it
            std::ofstream(file) << good;
    };
    const auto cluster = xcopy::kube::connect(access, populator->wire);
    const auto target = find_claim_target({}, *cluster, here, disk.claim, "");
    EXPECT_TRUE(target) << target.error().message;
    EXPECT_EQ(requests, 4) << "one refused and repeated";

    std::ofstream(file) << "expired";
    const auto refused = find_claim_target({}, *cluster, here, disk.claim, "");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "kube_unauthorized");
    EXPECT_THAT(refused.error().message, ::testing::Not(HasSubstr(good)));
}

TEST_F(ClaimTest, AKubeconfigWithAClientCertificateWorks)
{
    const auto disk = make_disk(api, here);
    const auto me = api.client_certificate("storage-admin");
    const auto file = api.folder() / ("config-" + here);
    std::ofstream(file) << fmt::format(
        "apiVersion: v1\nkind: Config\ncurrent-context: t\ncontexts: [{{name: t, context: {{cluster: t, "
        "user: t, namespace: {}}}}}]\nclusters: [{{name: t, cluster: {{server: '{}', "
        "certificate-authority: '{}'}}}}]\nusers: [{{name: t, user: {{client-certificate: '{}', "
        "client-key: '{}'}}}}]\n",
        here, api.url(), api.ca_file().string(), me.cert_file.string(), me.key_file.string());
    const auto access = xcopy::kube::read_kubeconfig(file);
    ASSERT_TRUE(access) << access.error().message;
    const auto cluster = xcopy::kube::connect(*access, populator->wire);
    const auto target = find_claim_target({}, *cluster, here, disk.claim, "");
    ASSERT_FALSE(target);
    EXPECT_THAT(target.error().message, HasSubstr("User \"storage-admin\" cannot get")) << "known, and without rights";
}

TEST_F(ClaimTest, AServerOfAnotherAuthorityIsNotTrusted)
{
    auto access = populator->access;
    access.tls.ca_file.clear();
    const auto cluster = xcopy::kube::connect(access, populator->wire);
    const auto target = find_claim_target({}, *cluster, here, "x", "");
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().reason, "untrusted_certificate");
}

} // namespace
} // namespace kube_test
