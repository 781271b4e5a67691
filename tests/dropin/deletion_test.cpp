// Pods and claims that go while a disk is half copied: one writer on a device, nothing half done called done, nothing left.
#include "tests/dropin/rig.hpp"
#include "tests/kube/storage_objects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dropin {
namespace {

using kube_test::claim_path;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr int exit_cancelled = 4;
constexpr int exit_left_behind = 5;
constexpr auto grace = 30s;

// A disk whose clone stands at its half.
class HalfCopied {
public:
    explicit HalfCopied(const Release& release = release_main)
        : rig({.vms = {{"web", {{.file = "web/web.vmdk", .size = 64 * mib}}}}, .release = release})
    {
        rig.hold_at_half();
        rig.migrate_all();
        rig.until_held();
    }

    PodRun& pod(std::size_t number) { return *rig.runs_of(disk()).at(number); }
    Copy& disk() { return rig.copy(); }
    void until_ended(std::size_t number)
    {
        rig.until("the pod has ended", [&] { return pod(number).has_ended; });
    }
    void until_made_anew()
    {
        rig.until("the pod is made anew", [&] { return rig.runs_of(disk()).size() == 2; });
    }
    void remove_claim() { rig.api.remove(claim_path(rig.name_space, disk().state->disk.name)); }
    void until_gone()
    {
        rig.until("the claim is gone", [&] { return disk().state->is_gone; });
    }

    Rig rig;
};

std::string text_of(const PodRun& pod)
{
    return pod.ran.err + pod.ran.out;
}

void expect_left_running(const PodRun& pod)
{
    EXPECT_EQ(pod.ran.exit, exit_left_behind) << text_of(pod);
    EXPECT_LT(pod.ended - pod.asked_to_end, grace);
    EXPECT_THAT(text_of(pod), HasSubstr("copy left running"));
}

void expect_cancelled(HalfCopied& half, const PodRun& pod)
{
    EXPECT_EQ(pod.ran.exit, exit_cancelled) << text_of(pod);
    EXPECT_LT(pod.ended - pod.asked_to_end, grace);
    EXPECT_EQ(half.rig.starts_on(half.disk()), 1);
    EXPECT_FALSE(half.disk().state->is_done);
    EXPECT_TRUE(half.rig.journal_of(half.disk()).is_null());
    expect_clean(half.rig, half.disk());
}

void expect_taken_up(HalfCopied& half)
{
    EXPECT_EQ(half.rig.starts_on(half.disk()), 1) << half.rig.log_of(half.disk());
    half.rig.let_go();
    half.rig.until_settled();
    expect_copied(half.rig, half.disk());
    EXPECT_THAT(text_of(half.pod(1)), HasSubstr("clone adopted"));
    EXPECT_EQ(half.rig.starts_on(half.disk()), 1);
}

TEST(Deletion, ADeletedPodLeavesItsCloneToTheOneMadeInItsPlace)
{
    HalfCopied half;
    half.rig.remove_pod(half.disk());
    half.until_ended(0);
    expect_left_running(half.pod(0));
    half.until_made_anew();
    expect_taken_up(half);
}

TEST(Deletion, ADrainedNodesPodIsEvictedAndItsCloneTakenUp)
{
    HalfCopied half;
    half.rig.remove_pod(half.disk(), true);
    half.until_ended(0);
    expect_left_running(half.pod(0));
    half.until_made_anew();
    expect_taken_up(half);
}

TEST(Deletion, WithTheClaimGoneTheCloneIsCancelledAndNothingIsLeft)
{
    HalfCopied half;
    half.remove_claim();
    half.until_gone();
    expect_cancelled(half, half.pod(0));
}

TEST(Deletion, WithTheClaimHeldByAFinalizerTheCloneIsCancelledToo)
{
    HalfCopied half(release_2_9);
    half.remove_claim();
    EXPECT_TRUE(half.rig.cluster->claim(*half.disk().state).at("metadata").contains("deletionTimestamp"));
    half.until_gone();
    expect_cancelled(half, half.pod(0));
}

// A node short of memory: the pod has failed for good, nobody makes it anew, and the plan is given up.
TEST(Deletion, WhatAnEvictionByTheKubeletLeavesIsSwept)
{
    HalfCopied half;
    half.rig.kubelet->evict(half.rig.pod_of(half.disk()));
    half.rig.until_settled();
    expect_left_running(half.pod(0));
    EXPECT_TRUE(half.disk().state->has_failed);
    half.remove_claim();
    half.until_gone();
    EXPECT_FALSE(half.rig.journal_of(half.disk()).is_null()) << "it is still needed";
    const auto swept = half.rig.run_pod(half.disk(), {"sweep", "--target-namespace=" + half.rig.name_space,
                                                      "--storage-vendor-product=" + half.disk().state->disk.vendor});
    EXPECT_EQ(swept.exit, 0) << swept.err << swept.out;
    EXPECT_TRUE(half.rig.journal_of(half.disk()).is_null());
    expect_clean(half.rig, half.disk());
}

// The pod left its clone to one that is never made: with the claim goes all that Forklift knows of the disk.
TEST(Deletion, WhatADrainedPodLeavesIsSweptWhenTheClaimGoesBeforeTheNextPodIsMade)
{
    HalfCopied half;
    half.rig.remove_pod(half.disk(), true);
    half.rig.until("the pod is asked to end", [&] { return half.pod(0).was_asked_to_end; });
    half.pod(0).process->wait_until_ended(); // no controller looks meanwhile
    half.remove_claim();
    half.until_gone();
    EXPECT_EQ(half.rig.runs_of(half.disk()).size(), 1U);
    expect_left_running(half.pod(0));

    const auto journal = half.rig.journal_of(half.disk());
    ASSERT_FALSE(journal.is_null()) << "owned by the claim, and yet kept";
    EXPECT_TRUE(journal.at("metadata").contains("deletionTimestamp"));
    EXPECT_NE(half.rig.site.presentations(half.disk().target), half.disk().presentations_before)
        << "there is something to find";
    for (const bool is_first : {true, false}) {
        const auto swept =
            half.rig.run_pod(half.disk(), {"sweep", "--target-namespace=" + half.rig.name_space, "--output=json",
                                           "--storage-vendor-product=" + half.disk().state->disk.vendor});
        EXPECT_EQ(swept.exit, 0) << swept.err << swept.out;
        EXPECT_EQ(swept.out.find(half.disk().state->disk.uid) != std::string::npos, is_first) << swept.out;
        EXPECT_TRUE(half.rig.journal_of(half.disk()).is_null());
        expect_clean(half.rig, half.disk());
    }
    EXPECT_EQ(half.rig.starts_on(half.disk()), 1);
    EXPECT_FALSE(half.disk().state->is_done);
}

// Forklift 2.9 starts a failed pod again.
TEST(Deletion, AKilledPodsCloneIsTakenUpWhenItsHolderHasBeenSilentForLongEnough)
{
    HalfCopied half(release_2_9);
    half.rig.kubelet->kill(half.rig.pod_of(half.disk()));
    half.until_ended(0);
    half.until_made_anew();
    expect_taken_up(half);
    EXPECT_THAT(text_of(half.pod(1)), HasSubstr("holder is dead"));
}

// kubectl delete --force, or a node that is cut off: the pod is gone for everybody but itself. How long the API server believes
// its token decides whether the second pod sees it alive and leaves, or finds it silent and takes its clone up.
TEST(Deletion, APodThatRunsOnUnseenIsNeverASecondWriter)
{
    HalfCopied half;
    half.rig.api.remove(pod_path(half.rig.name_space, half.rig.pod_of(half.disk())) + "?gracePeriodSeconds=0");
    half.until_made_anew();
    auto& second = half.pod(1);
    half.rig.until("the second has taken it up, or left", [&] {
        return second.has_ended || second.process->errors_so_far().find("clone adopted") != std::string::npos;
    });
    EXPECT_FALSE(half.pod(0).process->has_ended());
    if (second.has_ended) {
        EXPECT_THAT(text_of(second), HasSubstr("another coordinator is working on job"));
        EXPECT_EQ(second.ran.exit, 3);
        EXPECT_FALSE(half.disk().state->is_done);
    } else {
        half.rig.let_go();
        half.rig.until("the claim is filled", [&] { return half.disk().state->is_settled(); });
        expect_copied(half.rig, half.disk());
    }
    EXPECT_EQ(half.rig.starts_on(half.disk()), 1);
    EXPECT_TRUE(half.rig.site.lab.violations().empty());
}

// The claim cannot be asked: it may live.
TEST(Deletion, APodThatEndsWhileTheApiServerIsDownLeavesItsClone)
{
    HalfCopied half(release_2_9);
    half.rig.api.stop_server();
    half.rig.kubelet->evict(half.rig.pod_of(half.disk()));
    half.pod(0).process->wait_until_ended();
    half.rig.api.start_server();
    half.until_made_anew();
    expect_left_running(half.pod(0));
    EXPECT_THAT(text_of(half.pod(0)), HasSubstr("not known whether the claim is being deleted"));
    expect_taken_up(half);
}

} // namespace
} // namespace dropin
