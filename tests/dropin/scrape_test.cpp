// Progress and result as Forklift comes to know them: one look every 5 s, one pod a claim, its own patterns. Nothing here is hurried.
#include "tests/dropin/rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace dropin {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto interval = 5s;            // contract 2.1
constexpr auto nobody_comes_after = 15s; // of a second pod: two looks after the first answer was to be had

RigOptions two_vms(const Release& release)
{
    return {.vms = {{"watched", {{.file = "watched/watched.vmdk", .size = 64 * mib}}},
                    {"unseen", {{.file = "unseen/unseen.vmdk", .size = 64 * mib}}, "poweredOff", "esx2"}},
            .release = release,
            .scrape_every = interval};
}

class ForkliftsInterval : public testing::TestWithParam<Release> {};

// While one is watched from start to end, the other's pod is drained; what follows it is not looked at.
TEST_P(ForkliftsInterval, ShowsProgressAndResultOfAFirstPodAndKeepsNoSecondOneWaiting)
{
    Rig rig(two_vms(GetParam()));
    rig.hold_at_half();
    rig.migrate_all();
    rig.until_held(2);
    auto& watched = rig.copy(0);
    auto& unseen = rig.copy(1);
    rig.remove_pod(unseen, true);
    rig.until("the drained pod's place is taken", [&] { return rig.runs_of(unseen).size() == 2; });
    auto& second = *rig.runs_of(unseen).at(1);
    rig.until("it runs for longer than anybody would wait before he looks",
              [&] { return std::chrono::steady_clock::now() > second.begun + nobody_comes_after; });
    EXPECT_THAT(watched.state->progress(), Contains(50));
    EXPECT_EQ(rig.cluster->status(*watched.state).value("progress", ""), "50");

    rig.let_go();
    rig.until_settled();
    expect_copied(rig, watched);
    expect_copied(rig, unseen);
    EXPECT_THAT(rig.log_of(watched), Not(HasSubstr("nobody asked"))) << "its end was seen";
    EXPECT_THAT(watched.state->texts().back(), HasSubstr("copy_duration_seconds{"));
    const auto& first = *rig.runs_of(watched).front();
    EXPECT_LE(watched.state->texts().size(), static_cast<std::size_t>((first.ended - first.begun) / interval) + 2)
        << "nothing here looks more often";

    EXPECT_EQ(rig.starts_on(unseen), 1);
    EXPECT_THAT(second.ran.err, HasSubstr("an earlier pod of this claim was the one that is scraped"));
    EXPECT_THAT(second.ran.err, HasSubstr("final_wait_ms=0"));
}

INSTANTIATE_TEST_SUITE_P(Releases, ForkliftsInterval, testing::Values(release_2_9, release_main),
                         [](const auto& tested) {
                             std::string name = "v" + std::string(tested.param.name);
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

// A controller that was started anew looks at whichever pod is there: that one waits for it.
TEST(ForkliftsController, StartedAnewLearnsTheResultFromASecondPod)
{
    Rig rig({.vms = {{"web", {{.file = "web/web.vmdk", .size = 64 * mib}}}}, .scrape_every = interval});
    rig.hold_at_half();
    rig.migrate_all();
    rig.until_held();
    rig.remove_pod(rig.copy(), true);
    rig.until("its place is taken", [&] { return rig.runs_of(rig.copy()).size() == 2; });
    rig.cluster->start_anew();
    auto& second = *rig.runs_of(rig.copy()).at(1);
    rig.until("the copy went on",
              [&] { return second.process->errors_so_far().find("clone adopted") != std::string::npos; });
    rig.let_go();
    rig.until_settled();
    expect_copied(rig, rig.copy());
    EXPECT_THAT(second.ran.err, Not(HasSubstr("nobody asked")));
    const auto status = rig.cluster->status(*rig.copy().state);
    EXPECT_EQ(status.value("progress", ""), "100");
    EXPECT_EQ(status.value("result", ""), "success");
    EXPECT_EQ(status.value("xcopyUsed", ""), "1");
}

} // namespace
} // namespace dropin
