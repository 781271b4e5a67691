#include "coordinator/verdict.hpp"
#include "tests/coordinator/fakes/lab.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::test {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> as_found{"k8s"};

int steps_of_one_copy()
{
    Lab lab;
    lab.copy();
    return lab.steps.count();
}

TEST(CopyDisk, CopiesAndPutsEverythingBack)
{
    Lab lab;
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
    EXPECT_EQ(exit_code(report), exit_success);
    EXPECT_TRUE(lab.esx1().copied);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
    EXPECT_EQ(report.target_naa, lab.array.volume.naa);
    EXPECT_EQ(report.xcopy.use, XcopyUse::full);
    EXPECT_EQ(report.copy_ms, 2000);
}

// What vCenter said of the disk.
TEST(CopyDiskWithVcenter, ObjectsToANewCopyAndLetsOneThatBeganGoOn)
{
    Lab lab;
    lab.order.objection = Error{Errc::conflict, "the VM runs", "", "disk_in_use"};
    const auto refused = lab.copy();
    EXPECT_EQ(refused.outcome, Outcome::refused);
    EXPECT_EQ(refused.error->reason, "disk_in_use");
    EXPECT_EQ(lab.esx1().starts, 0);

    lab.order.objection.reset();
    lab.steps.die_after = steps_of_one_copy() / 2;
    EXPECT_THROW(lab.copy(), Death);
    lab.steps.die_after = 0;
    ASSERT_FALSE(lab.journal.records.empty());
    lab.order.objection = Error{Errc::not_found, "the VM is gone", "", "unknown_vm"};
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDiskWithVcenter, ARunningVmsOwnHostCopiesHoweverBusyItIs)
{
    Lab lab;
    lab.states.push_back(healthy_host("esx2"));
    lab.states.back().health.running = 3;
    lab.order.vm_host = "esx2";
    EXPECT_EQ(lab.copy().host, "esx2");
    lab.order.job = "pvc-2";
    lab.order.vm_host = "esx3";
    const auto refused = lab.copy();
    EXPECT_EQ(refused.outcome, Outcome::refused) << "not on another host, for the disk is open there";
    EXPECT_THAT(refused.error->message, HasSubstr("the VM runs on host 'esx3'"));
    lab.order.migration_host = "esx1";
    EXPECT_EQ(lab.copy().host, "esx1") << "what the administrator says goes first";
}

TEST(CopyDiskWithVcenter, TheDatastoreIsTheOneWithItsUuidWhateverItsName)
{
    Lab lab;
    lab.states.push_back(healthy_host("esx2"));
    lab.states.back().health.datastores.front().uuid =
        "5f3a0000-00000000-0000-000000000002"; // another one of that name
    EXPECT_EQ(lab.copy().error->reason, "ambiguous_datastore");
    lab.order.datastore_uuid = "5f3a0000-00000000-0000-000000000002";
    EXPECT_EQ(lab.copy().host, "esx2");
}

TEST(CopyDiskWithVcenter, NoTargetThatCarriesADatastoreOrIsTooSmall)
{
    Lab lab;
    lab.order.datastore_devices[lab.array.volume.naa] = "precious";
    const auto used = lab.copy();
    EXPECT_EQ(used.outcome, Outcome::refused);
    EXPECT_EQ(used.error->reason, "target_backs_datastore");
    EXPECT_THAT(used.error->message, HasSubstr("precious"));
    lab.order.datastore_devices.clear();
    lab.order.source_capacity = lab.array.volume.size_bytes + 1;
    EXPECT_EQ(lab.copy().error->reason, "target_smaller_than_source");
    lab.order.source_capacity = lab.array.volume.size_bytes;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
}

TEST(CopyDisk, AsksTheArrayOnlyWhatItNeeds)
{
    Lab lab;
    lab.copy();
    EXPECT_EQ(lab.steps.count("find_volume") + lab.steps.count("ensure_host") + lab.steps.count("used_by") +
                  lab.steps.count("map") + lab.steps.count("unmap") + lab.steps.count("mappings_of"),
              7);
}

TEST(CopyDisk, LeavesNothingBehindWhicheverStepFailsOnce)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step <= steps; ++step) {
        Lab lab;
        lab.steps.fail_at = step;
        const auto report = lab.copy();
        const std::string which = fmt::format("step {} ({})", step, lab.steps.name_of(step));
        EXPECT_EQ(lab.array.mapped_to(), as_found) << which;
        if (report.outcome == Outcome::succeeded)
            EXPECT_TRUE(lab.esx1().copied) << which;
        else
            EXPECT_NE(exit_code(report), exit_success) << which;
        EXPECT_LE(lab.esx1().starts, 1) << which;
        if (report.left_behind.empty())
            EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
    }
}

TEST(CopyDisk, IsFinishedByTheNextRunWhereverItDies)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step < steps; ++step) { // after the last step, removing the journal, the job is forgotten
        Lab lab;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.copy(), Death);
        const std::string which = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        lab.steps.calm();
        const auto report = lab.copy();
        EXPECT_EQ(report.outcome, Outcome::succeeded) << which << (report.error ? report.error->message : "");
        EXPECT_EQ(lab.esx1().starts, 1) << which;
        EXPECT_TRUE(lab.esx1().copied) << which;
        EXPECT_EQ(lab.array.mapped_to(), as_found) << which;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
    }
}

TEST(CopyDisk, KeepsAFailedVerdictWhereverItDies)
{
    Lab sample;
    sample.esx1().exit_status = 1;
    sample.copy();
    for (int step = 1; step < sample.steps.count(); ++step) {
        Lab lab;
        lab.esx1().exit_status = 1;
        lab.steps.die_after = step;
        EXPECT_THROW(lab.copy(), Death);
        lab.steps.calm();
        const auto report = lab.copy();
        EXPECT_EQ(report.outcome, Outcome::failed) << step;
        EXPECT_EQ(lab.array.mapped_to(), as_found) << step;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << step;
    }
}

TEST(CopyDisk, MayBeRunAgainAfterItSucceeded)
{
    Lab lab;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, ReportsAFailingVmkfstools)
{
    Lab lab;
    lab.esx1().exit_status = 1;
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_THAT(report.error->message, HasSubstr("43%"));
    EXPECT_TRUE(report.target_touched);
    EXPECT_EQ(exit_code(report), exit_failed);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, CancelsOnTheHostWhenStopped)
{
    Lab lab;
    std::stop_source stop;
    lab.esx1().on_watch = [&] { stop.request_stop(); };
    const auto report = lab.copy(stop.get_token());
    EXPECT_EQ(report.outcome, Outcome::cancelled);
    EXPECT_EQ(exit_code(report), exit_cancelled);
    EXPECT_EQ(lab.steps.count("cancel_clone"), 1);
    EXPECT_FALSE(lab.esx1().copied);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

// A pod that is drained while its claim lives.
TEST(CopyDisk, WhereverItIsStoppedTheNextRunTakesTheSameCloneUp)
{
    const int steps = steps_of_one_copy();
    for (int step = 1; step <= steps; ++step) {
        Lab lab;
        std::stop_source stop;
        lab.may_leave = [] { return true; };
        lab.steps.after = [&](int done) {
            if (done == step)
                stop.request_stop();
        };
        const auto report = lab.copy(stop.get_token());
        const std::string which = fmt::format("stopped after step {} ({})", step, lab.steps.name_of(step));
        EXPECT_EQ(lab.steps.count("cancel_clone"), 0) << which;
        const bool is_left = report.error && is_left_running(*report.error);
        EXPECT_EQ(is_left, lab.esx1().starts == 1 && report.outcome != Outcome::succeeded) << which;
        if (is_left)
            EXPECT_EQ(exit_code(report), exit_left_behind) << which;
        else
            EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
        if (report.outcome == Outcome::succeeded)
            continue;
        EXPECT_NE(exit_code(report), exit_success) << which;
        lab.steps.calm();
        EXPECT_EQ(lab.copy().outcome, Outcome::succeeded) << which;
        EXPECT_EQ(lab.esx1().starts, 1) << which;
        EXPECT_TRUE(lab.esx1().copied) << which;
        EXPECT_EQ(lab.array.mapped_to(), as_found) << which;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << which;
    }
}

TEST(CopyDisk, IsNotAskedWhetherItMayLeaveWhatFailed)
{
    Lab lab;
    lab.esx1().exit_status = 1;
    lab.may_leave = []() -> bool { throw std::logic_error("asked"); };
    EXPECT_EQ(lab.copy().outcome, Outcome::failed);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, RidesOutAnAgentThatRestarts)
{
    Lab lab;
    lab.order.limits.agent_lost = std::chrono::minutes(1);
    int lost = 3;
    lab.esx1().watch_fault = [&]() -> std::optional<Error> {
        if (lost-- > 0)
            return Error{Errc::unavailable, "connection refused", "", "connect_refused"};
        return std::nullopt;
    };
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
}

// An upgrade of a host's agent drains it first.
TEST(CopyDiskWithDrainedHosts, AnotherHostCopies)
{
    Lab lab;
    lab.states.push_back(healthy_host("esx2"));
    lab.states.back().health.running = 3;
    lab.esx1().health.drained_s = 60;
    EXPECT_EQ(lab.copy().host, "esx2");
    EXPECT_EQ(lab.log.text.find("waits"), std::string::npos) << lab.log.text;
}

TEST(CopyDiskWithDrainedHosts, WithoutAnotherTheCopyWaitsSaysSoAndMapsNothingMeanwhile)
{
    Lab lab;
    lab.esx1().health.drained_s = 60;
    int asked = 0;
    lab.esx1().on_health = [&] {
        EXPECT_EQ(lab.array.mapped_to(), as_found);
        if (++asked == 4)
            lab.esx1().health.drained_s = 0;
    };
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(asked, 4);
    EXPECT_THAT(lab.log.text, HasSubstr("the copy waits for a host"));
    EXPECT_THAT(lab.log.text, HasSubstr("is drained and takes no orders for 60 s more"));
}

TEST(CopyDiskWithDrainedHosts, AStopEndsTheWaitBeforeAnythingWasChanged)
{
    Lab lab;
    std::stop_source stop;
    lab.esx1().health.drained_s = 60;
    lab.esx1().on_health = [&] { stop.request_stop(); };
    const auto report = lab.copy(stop.get_token());
    EXPECT_EQ(report.outcome, Outcome::cancelled);
    EXPECT_EQ(report.error->reason, "drained");
    EXPECT_EQ(lab.steps.count("map"), 0);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDiskWithDrainedHosts, AnOrderThatMeetsADrainIsGivenAgainUntilItIsTaken)
{
    Lab lab;
    lab.esx1().drained_starts = 3;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_EQ(lab.steps.count("start_clone"), 4);
    EXPECT_THAT(lab.log.text, HasSubstr("host takes no orders, the clone waits"));
}

TEST(CopyDiskWithDrainedHosts, ACopyThatWasBegunIsTakenUpWithoutWaiting)
{
    Lab lab;
    lab.steps.die_after = steps_of_one_copy() / 2;
    EXPECT_THROW(lab.copy(), Death);
    lab.steps.calm();
    lab.esx1().health.drained_s = 60;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, LeavesEverythingInPlaceWhenTheHostIsNotHeardAnyMore)
{
    Lab lab;
    lab.esx1().watch_fault = [] { return Error{Errc::unavailable, "connection refused", "", "connect_refused"}; };
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::indeterminate);
    EXPECT_EQ(exit_code(report), exit_left_behind);
    EXPECT_EQ(lab.steps.count("unmap"), 0); // a writer may be alive
    EXPECT_EQ(lab.steps.count("detach"), 0);
    EXPECT_EQ(lab.journal.records.size(), 1U);

    lab.esx1().watch_fault = nullptr;
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, StartsOverOnceWhenTheHostLostTheClone)
{
    Lab lab;
    bool rebooted = false;
    lab.esx1().on_watch = [&] {
        if (!std::exchange(rebooted, true)) {
            lab.esx1().clones.clear();
            lab.esx1().attached.clear();
        }
    };
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 2);
}

TEST(CopyDisk, GivesUpWhenTheHostLosesTheCloneTwice)
{
    Lab lab;
    lab.esx1().on_watch = [&] { lab.esx1().clones.clear(); };
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.error->reason, "clone_lost");
    EXPECT_EQ(lab.esx1().starts, 2);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
}

// Over SSH the script, its datastore or what vCenter knows of that may be what is not found.
TEST(CopyDisk, OnlyTheHostsOwnWordThatThereIsNoCloneCounts)
{
    for (const char* reason : {"no_script", "broken_script", "unknown_datastore", "vsphere_invalid_datastore", ""}) {
        SCOPED_TRACE(reason);
        Lab lab;
        lab.esx1().watch_fault = [&] { return Error{Errc::not_found, "not found", "", reason}; };
        EXPECT_EQ(lab.copy().outcome, Outcome::indeterminate);
        EXPECT_EQ(lab.steps.count("unmap"), 0);
        EXPECT_EQ(lab.steps.count("detach"), 0);
        EXPECT_EQ(lab.steps.count("forget_clone"), 1) << "before it was ordered";
        lab.esx1().watch_fault = nullptr;
        EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
        EXPECT_EQ(lab.esx1().starts, 1);
        EXPECT_THAT(lab.leftovers(), IsEmpty());
    }
}

TEST(CopyDisk, ADetachThatFoundNoScriptDidNotDetach)
{
    Lab lab;
    lab.steps.always_fail = "detach";
    lab.steps.error = Errc::not_found;
    lab.steps.reason = "no_script";
    EXPECT_THAT(lab.copy().left_behind, Not(IsEmpty()));
    EXPECT_EQ(lab.steps.count("unmap"), 0);
    lab.steps.calm();
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, NeverUnmapsBeforeTheDeviceIsDetached)
{
    Lab lab;
    lab.steps.always_fail = "detach";
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::succeeded); // every byte is there, and the report says what is left
    EXPECT_EQ(exit_code(report), exit_success);
    EXPECT_FALSE(report.left_behind.empty());
    EXPECT_EQ(lab.steps.count("unmap"), 0);
    EXPECT_EQ(lab.journal.records.size(), 1U);

    lab.steps.calm();
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

CloneStatus clone_without_journal(const Lab& lab, CloneState state)
{
    CloneStatus status;
    status.id = lab.order.job;
    status.revision = 1;
    status.state = state;
    status.exit_status = state == CloneState::succeeded ? std::optional(0) : std::nullopt;
    status.source = "/vmfs/volumes/5f3a0000-00000000-0000-000000000001/vm 1/disk.vmdk";
    status.target_naa = lab.array.volume.naa;
    status.target_size = lab.array.volume.size_bytes;
    return status;
}

TEST(CopyDisk, DoesNotTrustAnOldSuccessThatNoJournalKnowsOf)
{
    Lab lab;
    lab.esx1().clones["pvc-1"] = clone_without_journal(lab, CloneState::succeeded);
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_TRUE(lab.esx1().copied);
}

TEST(CopyDisk, UnmapsWhenItMayNotAttach)
{
    Lab lab;
    lab.steps.always_fail = "attach";
    lab.steps.error = Errc::denied;
    EXPECT_EQ(exit_code(lab.copy()), exit_failed);
    EXPECT_EQ(lab.steps.count("detach"), 0);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, AdoptsARunningCloneOfTheJobOnWhicheverHostItIs)
{
    Lab lab;
    lab.states.push_back(healthy_host("esx2"));
    auto& esx2 = lab.states.back();
    esx2.clones["pvc-1"] = clone_without_journal(lab, CloneState::running);
    esx2.orders["pvc-1"] = {.source = esx2.clones["pvc-1"].source,
                            .target_naa = lab.array.volume.naa,
                            .target_size = lab.array.volume.size_bytes};
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::succeeded) << (report.error ? report.error->message : "");
    EXPECT_EQ(report.host, "esx2");
    EXPECT_EQ(lab.esx1().starts + esx2.starts, 0);
}

TEST(CopyDisk, UsesAMappingThatWasThereAndLeavesIt)
{
    Lab lab;
    lab.array.mappings.push_back({{.id = "ig-uuid-esx1", .name = "cluster"}, 9});
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_THAT(lab.array.mapped_to(), ElementsAre("ig-uuid-esx1", "k8s"));
    EXPECT_EQ(lab.steps.count("map") + lab.steps.count("unmap") + lab.steps.count("detach"), 0);
}

TEST(CopyDisk, LeavesAMappingThroughAnotherObjectOfTheArray)
{
    Lab lab;
    lab.array.already_reaches_host = {{{.id = "cluster", .name = "cluster"}, 9}};
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.steps.count("unmap") + lab.steps.count("detach"), 0);
}

TEST(CopyDisk, ReCreatesAMappingThatGotLost)
{
    Lab lab;
    lab.esx1().on_watch = [&] {
        std::erase_if(lab.array.mappings, [](const Mapping& m) { return m.host.id == "k8s"; });
    };
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
}

TEST(CopyDisk, ChoosesAnotherLunNumberWhenTheFirstIsTaken)
{
    Lab first;
    int lun = 0;
    first.esx1().on_watch = [&] { lun = *first.array.mappings.back().lun; };
    first.copy();

    Lab lab;
    lab.array.taken_unseen = {lun, lun + 1};
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.steps.count("map"), 3);
}

TEST(CopyDisk, FailsWithTheNumbersWhenTheArrayChoseOneAboveMaxLun)
{
    Lab lab;
    lab.array.chooses_lun = false;
    lab.array.own_choice = 1500;
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_THAT(report.error->message, HasSubstr("1500"));
    EXPECT_THAT(report.error->remedy, HasSubstr("1501"));
    EXPECT_EQ(lab.esx1().starts, 0);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

// Every one of these is refused before anything is changed.
struct Refusal {
    std::string name;
    std::function<void(Lab&)> arrange;
    std::string reason;
};

class Refuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refuses, BeforeAnythingIsChanged)
{
    Lab lab;
    GetParam().arrange(lab);
    const auto mapped = lab.array.mapped_to();
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::refused);
    EXPECT_EQ(exit_code(report), exit_refused);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->reason, GetParam().reason) << report.error->message;
    EXPECT_EQ(lab.steps.count("ensure_host") + lab.steps.count("map") + lab.steps.count("attach"), 0);
    EXPECT_EQ(lab.array.mapped_to(), mapped);
    EXPECT_THAT(lab.journal.records, IsEmpty());
    EXPECT_THAT(lab.journal.claimed, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    CopyDisk, Refuses,
    ::testing::Values(
        Refusal{"AnotherArray",
                [](Lab& lab) {
                    lab.array.refusal = Error{Errc::conflict, "other array", "", "wrong_array"};
                },
                "wrong_array"},
        Refusal{"WrongCredentials",
                [](Lab& lab) {
                    lab.array.refusal = Error{Errc::denied, "401", "", "wrong_credentials"};
                },
                "wrong_credentials"},
        Refusal{"TargetThatBacksADatastore",
                [](Lab& lab) {
                    lab.states.push_back(healthy_host("esx2"));
                    lab.states.back().health.datastores.push_back(
                        {.name = "other", .uuid = "u", .devices = {lab.array.volume.naa}});
                },
                "target_backs_datastore"},
        Refusal{"TargetDeviceInUse",
                [](Lab& lab) {
                    Device device;
                    device.name = lab.array.volume.naa;
                    device.used_by = {"coredump"};
                    lab.esx1().other_devices[device.name] = device;
                },
                "target_backs_datastore"},
        Refusal{"TargetThatIsTheSource",
                [](Lab& lab) { lab.array.volume.naa = "naa.600a0980aaaaaaaaaaaaaaaaaaaaaaaa"; }, "target_is_source"},
        Refusal{"TargetAnotherJobWritesTo",
                [](Lab& lab) {
                    lab.states.push_back(healthy_host("esx2"));
                    CloneStatus other;
                    other.id = "pvc-2";
                    other.state = CloneState::running;
                    other.target_naa = lab.array.volume.naa;
                    lab.states.back().clones["pvc-2"] = other;
                },
                "target_busy"},
        Refusal{"TargetTooSmall", [](Lab& lab) { lab.array.volume.size_bytes -= 512; }, "target_too_small"},
        Refusal{"TargetOfQuiteAnotherSize", [](Lab& lab) { lab.array.volume.size_bytes *= 10; }, "target_size_differs"},
        Refusal{"MalformedSource", [](Lab& lab) { lab.order.source = "disk.vmdk"; }, "bad_source"},
        Refusal{"MissingSource",
                [](Lab& lab) {
                    lab.esx1().source_fault = Error{Errc::not_found, "no such file", "", "source_missing"};
                },
                "source_missing"},
        Refusal{"SourceThatCannotBeCloned",
                [](Lab& lab) {
                    lab.esx1().source_fault = Error{Errc::unsupported, "sparse", "", "vmdk_kind_unsupported"};
                },
                "vmdk_kind_unsupported"},
        Refusal{"SourceOnAShare", [](Lab& lab) { lab.esx1().health.datastores.front().type = "NFS41"; },
                "datastore_not_vmfs"},
        Refusal{"SourceLargerThanTheTarget", [](Lab& lab) { lab.esx1().source.size_bytes += 512; },
                "target_smaller_than_source"},
        Refusal{"TargetOnWhichTheSourceLies",
                [](Lab& lab) { lab.esx1().source.devices.push_back(lab.array.volume.naa); }, "target_is_source"},
        Refusal{"UnknownDatastore", [](Lab& lab) { lab.order.source = "[nowhere] vm/disk.vmdk"; },
                "datastore_not_seen"},
        Refusal{"UnknownHost", [](Lab& lab) { lab.order.migration_host = "esx9"; }, "unknown_host"},
        Refusal{"XcopyRequiredButOff",
                [](Lab& lab) {
                    lab.order.xcopy = XcopyPolicy::require;
                    lab.esx1().health.vaai.hardware_accelerated_move = 0;
                },
                "vaai_off"},
        Refusal{"RoleThatMayOnlyRead",
                [](Lab& lab) {
                    lab.steps.always_fail = "forget_clone";
                    lab.steps.reason = "role";
                },
                "role"},
        Refusal{"BadNaa", [](Lab& lab) { lab.array.volume.naa = "naa.12"; }, "bad_device_name"}),
    [](const auto& info) { return info.param.name; });

TEST(CopyDisk, OrdersTheCanonicalSource)
{
    Lab lab;
    lab.esx1().source.path = "/vmfs/volumes/u/where it really is.vmdk";
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().source_asked, "/vmfs/volumes/5f3a0000-00000000-0000-000000000001/vm 1/disk.vmdk");
    EXPECT_EQ(lab.esx1().orders.at("pvc-1").source, "/vmfs/volumes/u/where it really is.vmdk");
}

TEST(CopyDisk, GoesOnWithAWarningWhenTheAgentIsTooOldToBeAskedForTheSource)
{
    Lab lab;
    lab.esx1().source_fault = Error{Errc::unsupported, "too old", "", std::string(unknown_call_reason)};
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_THAT(lab.log.text, HasSubstr("too old"));
}

TEST(CopyDisk, TriesADatastoreOfAKindThatNobodyKnows)
{
    for (const char* type : {"", "OTHER", "VMFS-7"}) {
        Lab lab;
        lab.esx1().health.datastores.front().type = type;
        EXPECT_EQ(lab.copy().outcome, Outcome::succeeded) << type;
    }
}

TEST(CopyDisk, FinishesWhatWasBegunEvenIfTheSourceIsNoLongerThere)
{
    Lab lab;
    lab.esx1().watch_fault = [] { return Error{Errc::unavailable, "gone", "", "connect_refused"}; };
    EXPECT_EQ(lab.copy().outcome, Outcome::indeterminate);
    lab.esx1().watch_fault = nullptr;
    lab.esx1().source_fault = Error{Errc::not_found, "no such file", "", "source_missing"};
    EXPECT_EQ(lab.copy().outcome, Outcome::succeeded);
    EXPECT_EQ(lab.esx1().starts, 1);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, WantsFreshSettingsWhereXcopyIsRequired)
{
    Lab lab;
    lab.copy();
    EXPECT_EQ(lab.esx1().asked_health, HealthAge::cached);
    lab.order.xcopy = XcopyPolicy::require;
    lab.copy();
    EXPECT_EQ(lab.esx1().asked_health, HealthAge::fresh);
}

TEST(CopyDisk, RefusesASecondCoordinatorOnTheSameJob)
{
    Lab lab;
    const auto page = lab.journal.claim(lab.order.job);
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::refused);
    EXPECT_EQ(report.error->reason, "job_claimed");
    EXPECT_EQ(lab.steps.count(), 0);
}

TEST(CopyDisk, RefusesAnotherCopyUnderAJobThatIsNotPutBack)
{
    Lab lab;
    lab.esx1().watch_fault = [] { return Error{Errc::unavailable, "gone", "", "connect_refused"}; };
    lab.copy();
    lab.order.source = "[ds 1] vm 2/disk.vmdk";
    const auto report = lab.copy();
    EXPECT_EQ(report.error->reason, "other_copy");
    EXPECT_THAT(report.error->message, HasSubstr("vm 1/disk.vmdk"));
    EXPECT_THAT(report.error->message, HasSubstr("vm 2/disk.vmdk"));
    EXPECT_EQ(exit_code(report), exit_left_behind);
    EXPECT_EQ(lab.steps.count("unmap"), 0);
}

TEST(CopyDisk, RefusesAnotherVolumeUnderAJobThatIsNotPutBack)
{
    Lab lab;
    lab.esx1().watch_fault = [] { return Error{Errc::unavailable, "gone", "", "connect_refused"}; };
    lab.copy();
    lab.array.volume.naa = "naa.600a0980bbbbbbbbbbbbbbbbbbbbbbbb";
    const auto report = lab.copy();
    EXPECT_EQ(report.error->reason, "other_copy");
    EXPECT_EQ(lab.esx1().starts, 1);
}

TEST(CopyDisk, ReportsACopyByTheHost)
{
    Lab lab;
    lab.esx1().xcopy = XcopyUse::none;
    EXPECT_EQ(lab.copy().xcopy.use, XcopyUse::none);
    lab.order.xcopy = XcopyPolicy::require;
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_EQ(report.error->reason, "xcopy_not_used");
}

TEST(CopyDisk, DoesNotCancelWhatTheHostNeverStarted)
{
    Lab lab;
    lab.esx1().start_fault = Error{Errc::unsupported, "this VMDK kind cannot be cloned", "", "vmdk_kind"};
    const auto report = lab.copy();
    EXPECT_EQ(report.outcome, Outcome::failed);
    EXPECT_FALSE(report.target_touched);
    EXPECT_EQ(lab.steps.count("cancel_clone"), 0);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
}

TEST(CopyDisk, RefusesADeviceOfAnotherSizeThanTheVolume)
{
    Lab lab;
    lab.esx1().seen_size = 1;
    const auto report = lab.copy();
    EXPECT_EQ(report.error->reason, "device_differs");
    EXPECT_EQ(lab.esx1().starts, 0);
    EXPECT_EQ(lab.array.mapped_to(), as_found);
}

} // namespace

} // namespace xcopy::test
