// Pure decisions, as tables.
#include "coordinator/choose_host.hpp"
#include "coordinator/choose_lun.hpp"
#include "coordinator/progress.hpp"
#include "coordinator/source.hpp"
#include "coordinator/survey.hpp"
#include "coordinator/target.hpp"
#include "coordinator/verdict.hpp"
#include "vendors/secret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* naa = "naa.600a098038313954492458313032502d";

TEST(ChooseLun, IsTheSameForTheSameVolume)
{
    EXPECT_EQ(choose_lun(naa, 1024, {}), choose_lun(naa, 1024, {}));
}

TEST(ChooseLun, StaysBelowTheLimitAndIsNeverZero)
{
    for (int i = 0; i < 1000; ++i)
        for (int limit : {2, 3, 16, 1024}) {
            const auto lun = choose_lun("naa." + std::to_string(i), limit, {});
            ASSERT_TRUE(lun);
            EXPECT_GE(*lun, 1);
            EXPECT_LT(*lun, limit);
        }
}

TEST(ChooseLun, TakesTheNextFreeOneAndWrapsAround)
{
    std::set<int> used;
    std::set<int> given;
    for (int i = 0; i < 7; ++i) {
        const auto lun = choose_lun(naa, 8, used);
        ASSERT_TRUE(lun);
        used.insert(*lun);
        given.insert(*lun);
    }
    EXPECT_THAT(given, ElementsAre(1, 2, 3, 4, 5, 6, 7));
    EXPECT_FALSE(choose_lun(naa, 8, used));
}

TEST(ChooseLun, HasNothingToGiveWhereTheLimitIsOne)
{
    EXPECT_FALSE(choose_lun(naa, 1, {}));
    EXPECT_FALSE(choose_lun(naa, 0, {}));
}

TEST(ChooseLun, SpreadsVolumes)
{
    std::set<int> given;
    for (int i = 0; i < 100; ++i)
        given.insert(*choose_lun("naa.600a0980000000000000000000000" + std::to_string(100 + i), 1024, {}));
    EXPECT_GT(given.size(), 80U);
}

TEST(LunLimit, IsTheSmallestOfHostArrayAndDefault)
{
    EXPECT_EQ(lun_limit(256, 4095), 256);
    EXPECT_EQ(lun_limit(4096, 4095), 1024);
    EXPECT_EQ(lun_limit(std::nullopt, 4095), 1024);
    EXPECT_EQ(lun_limit(1024, 254), 255);
}

TEST(CheckLun, NamesTheNumbersAndTheRemedy)
{
    EXPECT_TRUE(check_lun(1023, 1024, "esx1"));
    EXPECT_TRUE(check_lun(std::nullopt, 1024, "esx1"));
    const auto refused = check_lun(1024, 1024, "esx1");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("1024"));
    EXPECT_THAT(refused.error().remedy, HasSubstr("-i 1025"));
}

const CloneRequest ordered{.source = "/vmfs/volumes/u/a.vmdk", .target_naa = naa, .target_size = 1024};

CloneStatus status_of(CloneState state, std::optional<int> exit_status)
{
    CloneStatus status;
    status.state = state;
    status.exit_status = exit_status;
    status.source = ordered.source;
    status.target_naa = ordered.target_naa;
    status.target_size = ordered.target_size;
    status.percent = 100;
    return status;
}

TEST(Verdict, NeedsSucceededAndExitStatusZero)
{
    for (auto state : {CloneState::queued, CloneState::running, CloneState::cancelling, CloneState::succeeded,
                       CloneState::failed, CloneState::cancelled, CloneState::indeterminate})
        for (std::optional<int> exit_status : {std::optional<int>(), std::optional(0), std::optional(1)}) {
            const bool proven = state == CloneState::succeeded && exit_status == 0;
            EXPECT_EQ(verdict(ordered, status_of(state, exit_status)).has_value(), proven)
                << name(state) << " " << exit_status.value_or(-1);
        }
}

TEST(Verdict, HundredPercentWithoutExitStatusIsNotSuccess)
{
    EXPECT_EQ(verdict(ordered, status_of(CloneState::succeeded, std::nullopt)).error().code, Errc::indeterminate);
}

TEST(Verdict, RejectsAnotherSourceTargetOrSize)
{
    auto source = status_of(CloneState::succeeded, 0);
    source.source = "/vmfs/volumes/u/b.vmdk";
    auto target = status_of(CloneState::succeeded, 0);
    target.target_naa = "naa.600a098038313954492458313032502e";
    auto size = status_of(CloneState::succeeded, 0);
    size.target_size = 512;
    for (const auto& other : {source, target, size})
        EXPECT_EQ(verdict(ordered, other).error().reason, "other_clone");
}

TEST(ExitCode, IsZeroOnlyAfterSuccess)
{
    const auto code = [](Outcome outcome, std::vector<std::string> left) {
        CopyReport report;
        report.outcome = outcome;
        report.left_behind = std::move(left);
        return exit_code(report);
    };
    EXPECT_EQ(code(Outcome::succeeded, {}), 0);
    EXPECT_EQ(code(Outcome::succeeded, {"a mapping"}), 0);
    EXPECT_EQ(code(Outcome::unknown, {}), 1);
    EXPECT_EQ(code(Outcome::failed, {}), 1);
    EXPECT_EQ(code(Outcome::indeterminate, {}), 1);
    EXPECT_EQ(code(Outcome::refused, {}), 3);
    EXPECT_EQ(code(Outcome::cancelled, {}), 4);
    for (auto outcome :
         {Outcome::unknown, Outcome::failed, Outcome::refused, Outcome::cancelled, Outcome::indeterminate})
        EXPECT_EQ(code(outcome, {"a mapping"}), 5);
}

TEST(Policy, RequireNeedsProofThatTheArrayCopied)
{
    for (auto use : {XcopyUse::unknown, XcopyUse::none, XcopyUse::partial, XcopyUse::full}) {
        XcopyVerdict xcopy;
        xcopy.use = use;
        EXPECT_TRUE(check_policy(XcopyPolicy::prefer, xcopy));
        const bool by_array = use == XcopyUse::partial || use == XcopyUse::full;
        EXPECT_EQ(check_policy(XcopyPolicy::require, xcopy).has_value(), by_array);
    }
}

HostView sees(std::string host, int load = 0, int errors = 0)
{
    return {.name = std::move(host), .sees_source = true, .datastore_uuid = "u1", .load = load, .errors = errors};
}

const Error no_route{Errc::unavailable, "no route"};

std::string chosen(const std::vector<HostView>& hosts, const std::string& wanted = "", const std::string& job = "j")
{
    const auto choice = choose_host(hosts, wanted, job, "ds1");
    return choice ? hosts[choice->index].name : choice.error().reason;
}

TEST(ChooseHost, TakesTheLeastLoadedHealthyOneThatSeesTheDatastore)
{
    HostView blind{.name = "blind"};
    HostView down{.name = "down", .unreachable = no_route};
    EXPECT_EQ(chosen({blind, down, sees("a", 3), sees("b", 1), sees("c", 0, 1)}), "b");
    EXPECT_EQ(chosen({sees("c", 0, 1)}), "c");
}

TEST(ChooseHost, TakesADrainedOneOnlyWhereThereIsNoOther)
{
    auto drained = sees("a");
    drained.drained_s = 60;
    EXPECT_EQ(chosen({drained, sees("b", 9, 2)}), "b");
    EXPECT_EQ(chosen({drained}), "a");
    EXPECT_EQ(chosen({drained, sees("b")}, "a"), "a") << "what the administrator says goes first";
}

TEST(ChooseHost, SpreadsJobsOverEquallyLoadedHosts)
{
    std::set<std::string> used;
    for (int i = 0; i < 50; ++i)
        used.insert(chosen({sees("a"), sees("b"), sees("c")}, "", std::to_string(i)));
    EXPECT_EQ(used.size(), 3U);
}

TEST(ChooseHost, ObeysOrRefusesTheOneAskedFor)
{
    HostView blind{.name = "blind"};
    HostView down{.name = "down", .unreachable = no_route};
    const std::vector<HostView> hosts{blind, down, sees("a", 0), sees("b", 9)};
    EXPECT_EQ(chosen(hosts, "b"), "b");
    EXPECT_EQ(chosen(hosts, "blind"), "datastore_not_seen");
    EXPECT_EQ(chosen(hosts, "down"), "host_unreachable");
    EXPECT_EQ(chosen(hosts, "nobody"), "unknown_host");
}

TEST(ChooseHost, StaysWithARunningCloneOfTheJob)
{
    auto running = sees("b", 9);
    running.has_job = true;
    EXPECT_EQ(chosen({sees("a"), running}), "b");
    EXPECT_EQ(chosen({sees("a"), running}, "a"), "job_elsewhere");
}

TEST(ChooseHost, RefusesANameThatMeansDifferentDatastores)
{
    auto other = sees("b");
    other.datastore_uuid = "u2";
    EXPECT_EQ(chosen({sees("a"), other}), "ambiguous_datastore");
    EXPECT_EQ(chosen({sees("a"), other}, "b"), "b");
}

TEST(ChooseHost, SaysWhenNobodyAnswers)
{
    EXPECT_EQ(chosen({HostView{.name = "down", .unreachable = no_route}}), "no_host");
    EXPECT_EQ(chosen({HostView{.name = "blind"}}), "datastore_not_seen");
}

TEST(ParseSource, UnderstandsBothSpellings)
{
    const auto brackets = parse_source("[ds 1] vm 1/a/disk.vmdk");
    ASSERT_TRUE(brackets);
    EXPECT_EQ(brackets->datastore, "ds 1");
    EXPECT_EQ(brackets->file, "vm 1/a/disk.vmdk");
    const auto path = parse_source("/vmfs/volumes/ds 1/disk.vmdk");
    ASSERT_TRUE(path);
    EXPECT_EQ(path->datastore, "ds 1");
    EXPECT_EQ(path->file, "disk.vmdk");
}

TEST(ParseSource, RefusesWhatIsNotADescriptorBelowADatastore)
{
    for (const char* text : {"",
                             "disk.vmdk",
                             "[ds]",
                             "[ds] ",
                             "[ds disk.vmdk",
                             "[] a.vmdk",
                             "[..] a.vmdk",
                             "[ds] ../a.vmdk",
                             "[ds] a/../b.vmdk",
                             "[ds] /a.vmdk",
                             "[ds] a//b.vmdk",
                             "[ds] .vmdk",
                             "[ds] a.vmx",
                             "[ds] a-flat.vmdk",
                             "[ds] a-ctk.vmdk",
                             "[ds] a\nb.vmdk",
                             "/vmfs/volumes/",
                             "/vmfs/volumes/ds",
                             "/vmfs/volumes//a.vmdk",
                             "/etc/passwd.vmdk",
                             "[a/b] c.vmdk"})
        EXPECT_FALSE(parse_source(text)) << text;
    EXPECT_FALSE(parse_source("[ds] " + std::string(4000, 'a') + ".vmdk"));
}

TEST(CheckSize, AcceptsRoundingUpButNoOtherVolume)
{
    constexpr std::uint64_t gib = 1ULL << 30;
    Volume volume;
    volume.size_bytes = 10 * gib;
    EXPECT_TRUE(check_size(volume, 10 * gib));
    EXPECT_TRUE(check_size(volume, 0));
    EXPECT_TRUE(check_size(volume, 3 * gib)); // PowerFlex: steps of 8 GiB
    EXPECT_EQ(check_size(volume, 10 * gib + 1).error().reason, "target_too_small");
    volume.size_bytes = 100 * gib;
    EXPECT_EQ(check_size(volume, 10 * gib).error().reason, "target_size_differs");
    volume.size_bytes = 0;
    EXPECT_FALSE(check_size(volume, 0));
}

TEST(Adapters, AreThoseWithAPathToTheSource)
{
    Health health;
    health.adapters = {{"vmhba0", "vmw_ahci", "link-n/a", "sata.vmhba0", ""},
                       {"vmhba1", "qlnativefc", "link-down", "fc.20000024ff000002:21000024ff000002", ""},
                       {"vmhba2", "qlnativefc", "link-up", "fc.20000024ff000001:21000024ff000001", ""},
                       {"vmhba64", "iscsi_vmk", "online", "iqn.1998-01.com.vmware:esx1", ""}};
    Device source;
    source.paths = {{"", "vmhba64", "active", "iscsi", 1}, {"", "vmhba2", "dead", "fc", 1}};
    EXPECT_THAT(adapters_for(health, source), ElementsAre("vmhba64"));
    EXPECT_THAT(adapters_for(health, std::nullopt), ElementsAre("vmhba2", "vmhba64"));
}

TEST(Way, NamesTheProtocolOfTheAdaptersInUse)
{
    ChosenHost host;
    host.health.agent_version = "0.1.0";
    host.health.adapters = {{"vmhba2", "qlnativefc", "link-up", "fc.20000024ff000001:21000024ff000001", ""},
                            {"vmhba64", "iscsi_vmk", "online", "iqn.1998-01.com.vmware:esx1", ""}};
    EXPECT_EQ(way_over(host).protocol, "") << "none is in use";
    host.adapters = {"vmhba2"};
    EXPECT_EQ(way_over(host).protocol, "fc");
    EXPECT_EQ(way_over(host).agent_version, "0.1.0");
    EXPECT_EQ(way_over(host).method, "agent");
    host.adapters = {"vmhba64"};
    EXPECT_EQ(way_over(host).protocol, "iscsi");
    host.adapters = {"vmhba2", "vmhba64"};
    EXPECT_EQ(way_over(host).protocol, "") << "both";
}

TEST(ProgressLines, ComeEveryFivePercentOrTenSeconds)
{
    using std::chrono::seconds;
    EXPECT_FALSE(worth_a_line(10, 14, seconds(9)));
    EXPECT_TRUE(worth_a_line(10, 15, seconds(0)));
    EXPECT_TRUE(worth_a_line(10, 10, seconds(10)));
    EXPECT_TRUE(worth_a_line(98, 100, seconds(0)));
    EXPECT_FALSE(worth_a_line(100, 100, seconds(0)));
}

TEST(ProgressBar, ShowsRateTimeLeftAndHost)
{
    const auto bar = progress_bar({.host = "esx1", .percent = 25, .bytes = 400ULL << 20, .xcopy = XcopyUse::full},
                                  std::chrono::seconds(10));
    EXPECT_THAT(bar, HasSubstr(" 25%"));
    EXPECT_THAT(bar, HasSubstr("10.0 MiB/s"));
    EXPECT_THAT(bar, HasSubstr("0:30 left"));
    EXPECT_THAT(bar, HasSubstr("esx1"));
    EXPECT_THAT(bar, HasSubstr("xcopy full"));
}

TEST(LogLine, CannotBeForgedByAValue)
{
    EXPECT_EQ(Log::line("clone started", {{"job", "a1"}, {"source", "[ds 1] a\nb \"x\".vmdk"}, {"n", 3}}),
              "clone started job=a1 source=\"[ds 1] a b \\\"x\\\".vmdk\" n=3");
    EXPECT_EQ(Log::line("x", {{"password", Secret("hunter2")}}), "x password=***");
}

} // namespace

} // namespace xcopy
