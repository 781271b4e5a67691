// The whole program in a cluster: the lab's hosts and array, a real API server, and a pod's surroundings. Its service account
// has the rights that Forklift gives it and no others.
#include "tests/end_to_end/site.hpp"
#include "tests/kube/pod.hpp"
#include "tests/kube/storage_objects.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kube_test {
namespace {

namespace fs = std::filesystem;
using e2e::mib;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class InACluster : public ::testing::Test {
protected:
    void SetUp() override
    {
        here = api.make_namespace();
        make_populator(api, here, "");
        token = api.token(here, "populator");
    }

    // A volume of the lab's array as the claim's: its UID is the job.
    e2e::Target claimed(std::uint64_t size, const std::string& name = "vm-disk-1")
    {
        auto target = site.make_target(size);
        target.job = make_disk(api, here, options_of(name, size, target.handle)).uid;
        return target;
    }

    // As Forklift starts it: nothing but --name=value, all of the rest from the environment.
    std::vector<std::string> arguments(const e2e::Disk& disk, const e2e::Target& target, const std::string& name) const
    {
        return {"populate",
                "--source-vmdk=" + disk.vmdk,
                "--target-namespace=" + here,
                "--owner-name=" + name,
                "--output=json",
                "--owner-uid=" + target.job,
                "--log-level=debug",
                fmt::format("--pvc-size={}", target.size)};
    }

    // In a pod the service account's files are where the kubelet puts them, and the root is read-only.
    std::unique_ptr<e2e::Process> in_pod(std::vector<std::string> more) const
    {
        auto environment = site.environment();
        environment.merge(pod_environment(api));
        environment.erase("XCOPY_STATE_DIR");
        environment["HOME"] = "/nowhere";
        auto argv = in_a_container({service_account(api, here, token, site.work() / "account")});
        argv.emplace_back(XCOPY_COORDINATOR_PROGRAM);
        argv.insert(argv.end(), more.begin(), more.end());
        return std::make_unique<e2e::Process>(std::move(argv), std::move(environment), site.work());
    }

    e2e::Ran populate(const e2e::Disk& disk, const e2e::Target& target, const std::string& name = "vm-disk-1") const
    {
        const auto run = in_pod(arguments(disk, target, name));
        run->go();
        return run->wait();
    }

    // A pod that is held in the middle of its clone, by the name "half"; killed when this goes.
    std::unique_ptr<e2e::Process> half_way(const e2e::Disk& disk, const e2e::Target& target)
    {
        site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", "half"}});
        auto pod = in_pod(arguments(disk, target, "vm-disk-1"));
        pod->go();
        site.lab.wait_held("half");
        return pod;
    }

    Json journal(const e2e::Target& target) const { return api.get(lease_path(here, "xcopy-journal-" + target.job)); }

    static int kube_requests(const e2e::Ran& ran)
    {
        int count = 0;
        for (const std::string_view path : {"/api/v1/", "/apis/coordination.k8s.io/"})
            for (auto at = ran.err.find(path); at != std::string::npos; at = ran.err.find(path, at + 1))
                ++count;
        return count;
    }

    KubeApi& api = KubeApi::shared();
    e2e::Site site;
    std::string here;
    std::string token;
};

TEST_F(InACluster, ACopyOntoAClaimNeedsNothingButTheServiceAccount)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 8 * mib);
    const auto target = claimed(8 * mib);
    const auto before = site.presentations(target);
    const auto ran = populate(disk, target);
    EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
    EXPECT_TRUE(e2e::same_bytes(disk.flat, target.file, disk.size));
    e2e::expect_nothing_left(site, target, before);
    EXPECT_FALSE(journal(target).at("metadata").contains("annotations")) << "done";
    EXPECT_FALSE(journal(target).at("metadata").contains("finalizers"));
    EXPECT_THAT(ran.err, Not(HasSubstr("forbidden")));
    EXPECT_THAT(ran.err, Not(HasSubstr(token)));
    const int requests = kube_requests(ran);
    RecordProperty("kube_requests_per_disk", requests);
    std::printf("kube_requests_per_disk %d\n", requests);
    EXPECT_LE(requests, 14) << ran.err;
}

TEST_F(InACluster, APodKilledInMidCloneIsFollowedByOneThatAdoptsTheSameWriter)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = claimed(32 * mib);
    const auto before = site.presentations(target);
    half_way(disk, target).reset();
    EXPECT_THAT(journal(target).at("metadata").at("finalizers"), ElementsAre("xcopy-coordinator/journal"));
    site.lab.release("half");
    const auto ran = populate(disk, target);
    EXPECT_EQ(ran.exit, 0) << ran.err << ran.out;
    EXPECT_THAT(ran.err, HasSubstr("holder is dead"));
    EXPECT_EQ(site.starts_on(target), 1);
    EXPECT_TRUE(e2e::same_bytes(disk.flat, target.file, disk.size));
    e2e::expect_nothing_left(site, target, before);
}

TEST_F(InACluster, OfTwoPodsOnOneDiskOneWritesAndTheOtherSaysWhoDoes)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = claimed(32 * mib);
    const auto before = site.presentations(target);
    const auto first = half_way(disk, target);
    const auto second = populate(disk, target);
    EXPECT_EQ(second.exit, 3) << second.err;
    EXPECT_THAT(second.err, HasSubstr("another coordinator is working on job"));
    site.lab.release("half");
    EXPECT_EQ(first->wait().exit, 0);
    EXPECT_EQ(site.starts_on(target), 1);
    e2e::expect_nothing_left(site, target, before);
}

TEST_F(InACluster, WhatADeadPodBeganIsSweptAfterItsClaimIsGone)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 32 * mib);
    const auto target = claimed(32 * mib);
    const auto before = site.presentations(target);
    half_way(disk, target).reset();
    api.remove(claim_path(here, "vm-disk-1"));
    api.remove(lease_path(here, "xcopy-journal-" + target.job)); // as the garbage collector does
    site.lab.release("half");
    const auto sweep = in_pod({"sweep", "--target-namespace=" + here, "--output=json"});
    sweep->go();
    const auto swept = sweep->wait();
    EXPECT_EQ(swept.exit, 0) << swept.err << swept.out;
    EXPECT_THAT(swept.out, HasSubstr(target.job));
    e2e::expect_nothing_left(site, target, before);
    EXPECT_EQ(api.ask(xcopy::rest::Method::get, lease_path(here, "xcopy-journal-" + target.job)).status, 404);
}

TEST_F(InACluster, RefusesAContradictionAndAForbiddenNamespaceBeforeAnythingIsChanged)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 8 * mib);
    const auto target = claimed(8 * mib);
    auto wrong = arguments(disk, target, "vm-disk-1");
    wrong.emplace_back("--volume-handle=something-else");
    const auto contradiction = in_pod(wrong);
    contradiction->go();
    const auto refused = contradiction->wait();
    EXPECT_EQ(refused.exit, 3) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("--volume-handle says"));

    auto other = target;
    other.job = "00000000-0000-4000-8000-000000000000";
    const auto replaced = populate(disk, other);
    EXPECT_EQ(replaced.exit, 3);
    EXPECT_THAT(replaced.err, HasSubstr("deleted and made anew"));

    const auto elsewhere =
        in_pod({"populate", "--source-vmdk=" + disk.vmdk, "--target-namespace=default", "--owner-name=x"});
    elsewhere->go();
    const auto forbidden = elsewhere->wait();
    EXPECT_EQ(forbidden.exit, 3);
    EXPECT_THAT(forbidden.err, HasSubstr("cannot get resource"));
    EXPECT_EQ(site.starts_on(target), 0);
}

TEST_F(InACluster, AKubeconfigServesAnOperatorOnAWorkstation)
{
    const auto disk = site.make_disk("vm 1/disk.vmdk", 8 * mib);
    const auto target = claimed(8 * mib);
    const auto file = site.work() / "kubeconfig";
    std::ofstream(file) << "apiVersion: v1\nkind: Config\ncurrent-context: t\n"
                        << "contexts: [{name: t, context: {cluster: t, user: t, namespace: " << here << "}}]\n"
                        << "clusters: [{name: t, cluster: {server: '" << api.url() << "', certificate-authority: '"
                        << api.ca_file().string() << "'}}]\nusers: [{name: t, user: {token: " << token << "}}]\n";
    const auto run = site.coordinator({"populate", "--kubeconfig=" + file.string(), "--owner-name=vm-disk-1",
                                       "--source-vmdk=" + disk.vmdk, "--output=json"});
    EXPECT_EQ(run.exit, 0) << run.err << run.out;
    EXPECT_TRUE(e2e::same_bytes(disk.flat, target.file, disk.size));
    EXPECT_THAT(run.out, HasSubstr(target.job)) << "the job is the claim's UID";
    const auto checks = site.coordinator(
        {"preflight", "--kubeconfig=" + file.string(), "--owner-name=vm-disk-1", "--source-vmdk=" + disk.vmdk});
    EXPECT_EQ(checks.exit, 0) << checks.err << checks.out;
}

} // namespace
} // namespace kube_test
