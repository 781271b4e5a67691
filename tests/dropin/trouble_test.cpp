// What happens around a copy: vCenter, API server and sign-in that fail or change while pods run.
#include "tests/dropin/rig.hpp"
#include "tests/kube/storage_objects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace dropin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

RigOptions one_disk(Secret storage = {})
{
    return {.vms = {{"web", {{.file = "web/web.vmdk", .size = 64 * mib}}}}, .storage = std::move(storage)};
}

void hold_half(Rig& rig)
{
    rig.hold_at_half();
    rig.migrate_all();
    rig.until_held();
}

void expect_taken_to_its_end(Rig& rig)
{
    rig.let_go();
    rig.until_settled();
    expect_all_copied(rig);
    EXPECT_EQ(rig.copy().state->pods, 1);
    EXPECT_EQ(rig.starts_on(rig.copy()), 1);
}

// --- vCenter

TEST(Vcenter, GoneAfterTheStartIsNotMissed)
{
    Rig rig(one_disk());
    hold_half(rig);
    rig.vcenter->stop();
    expect_taken_to_its_end(rig);
}

TEST(Vcenter, GoneBeforeTheStartNothingIsDoneAndItIsSaid)
{
    Rig rig(one_disk({{"XCOPY_VSPHERE_TIMEOUT", "1"}}));
    rig.migrate_all();
    rig.vcenter->stop();
    rig.until_settled();
    expect_refused(rig, rig.copy(), "vCenter https://127.0.0.1:");
}

TEST(Vcenter, ASessionThatExpiresIsMadeAnewOnce)
{
    Rig rig(one_disk());
    rig.vcenter->trouble({{"method", "RetrievePropertiesEx"},
                          {"fault", "NotAuthenticated"},
                          {"where", "missing"},
                          {"skip", 1},
                          {"count", 1}});
    rig.run();
    expect_all_copied(rig);
    EXPECT_EQ(std::ranges::count(rig.vcenter->requests(), "Login"), 2);
}

TEST(Vcenter, WithAnotherCertificateIsNotToldThePassword)
{
    Rig rig(one_disk({{"XCOPY_VSPHERE_THUMBPRINT", std::string(64, 'b')}}));
    rig.run();
    expect_refused(rig, rig.copy(), "not the one that was pinned");
    EXPECT_EQ(std::ranges::count(rig.vcenter->requests(), "Login"), 0);
}

TEST(Vcenter, AVmThatMovedBetweenPlanAndStartIsCopiedWhereItRunsNow)
{
    Rig rig({.vms = {{"warm", {{.file = "warm/warm.vmdk", .snapshots = 1}}, "poweredOn", "esx1"}}});
    rig.migrate_all({.warm = true});
    rig.vcenter->order({{"do", "move"}, {"vm", "warm"}, {"host", "esx2"}});
    EXPECT_EQ(rig.copy().state->disk.source_host, rig.vcenter->id("host esx1")) << "what the plan says";
    rig.until_settled();
    expect_all_copied(rig);
    EXPECT_EQ(rig.host_of(rig.copy()), "esx2");
}

TEST(Vcenter, ADiskThatARunningVmWritesToIsRefused)
{
    Rig rig({.vms = {{"hot", {{"hot/hot.vmdk"}}, "poweredOn"}}});
    rig.run();
    expect_refused(rig, rig.copy(), "would be torn");
}

// --- the API server

TEST(ApiServer, RestartedInMidCopyIsWaitedFor)
{
    Rig rig(one_disk());
    hold_half(rig);
    rig.api.stop_server();
    rig.let_go(); // the clone ends while nothing can be written
    rig.site.lab.call({{"do", "events.wait"}, {"where", "esx."}, {"what", "^vmkfstools"}, {"count", 2}});
    rig.api.start_server();
    expect_taken_to_its_end(rig);
}

// As when the signing key is changed: the token that the pod began with is worth nothing any more.
TEST(ApiServer, ATokenThatWasRotatedIsReadAgain)
{
    Rig rig(one_disk());
    hold_half(rig);
    const auto account = "/api/v1/namespaces/" + rig.name_space + "/serviceaccounts";
    rig.api.remove(account + "/populator");
    rig.api.create(account, {{"metadata", {{"name", "populator"}}}});
    rig.kubelet->rotate_token(rig.pod_of(rig.copy()));
    expect_taken_to_its_end(rig);
}

TEST(ApiServer, RightsWithoutLeasesAreSaidBeforeAnythingIsChanged)
{
    Rig rig(one_disk());
    const auto role = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + rig.name_space + "/roles/populator-pvc-reader";
    rig.api.merge(role, {{"rules", Json::array({{{"apiGroups", {""}},
                                                 {"resources", {"persistentvolumeclaims"}},
                                                 {"verbs", {"get", "list", "watch"}}}})}});
    rig.run();
    EXPECT_TRUE(rig.copy().state->has_failed);
    EXPECT_THAT(rig.log_of(rig.copy()), AllOf(HasSubstr("leases"), HasSubstr("\"copy-offload failed\" err=\"")));
    EXPECT_EQ(rig.starts_on(rig.copy()), 0);
    expect_clean(rig, rig.copy());
}

} // namespace
} // namespace dropin
