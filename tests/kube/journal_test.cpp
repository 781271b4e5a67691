// The journal as a Lease, with no rights but those of Forklift's service account.
#include "coordinator/kube/lease_journal.hpp"
#include "tests/coordinator/fakes/lab.hpp"
#include "tests/kube/populator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace kube_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using xcopy::CopyRecord;
using xcopy::Errc;
using xcopy::JournalPage;
using xcopy::Result;
using xcopy::kube::LeaseJournal;
using xcopy::kube::LeaseJournalRules;
using xcopy::kube::Owner;

constexpr LeaseJournalRules hasty{.duration = 1s, .patience = 5s};

CopyRecord record(const std::string& job)
{
    CopyRecord one;
    one.job = job;
    one.vendor = "ontap";
    one.array = "a";
    one.volume = {.id = "1", .name = "lun", .naa = "naa.600a098038313954492458313032502d", .size_bytes = 1024};
    one.source = one.source_path = "/vmfs/volumes/ds/vm.vmdk";
    one.host = "esx1";
    one.mapping_intended = true;
    return one;
}

// One coordinator: a process of its own as far as the server can tell.
struct Coordinator {
    Coordinator(const std::string& name_space, std::map<std::string, Owner> owners, LeaseJournalRules rules = hasty)
        : populator(KubeApi::shared(), name_space),
          journal(xcopy::kube::Leases(*populator.api, name_space), std::move(owners), log, stop.get_token(), rules)
    {}

    Populator populator;
    xcopy::test::SilentLog log;
    std::stop_source stop;
    LeaseJournal journal;
};

class LeaseJournalTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        here = api.make_namespace();
        make_populator(api, here, "");
        disk = make_disk(api, here);
        owners = {{disk.uid, {disk.claim, disk.uid}}};
        name = "xcopy-journal-" + disk.uid;
    }

    Json lease() const { return api.get(lease_path(here, name)); }

    KubeApi& api = KubeApi::shared();
    std::string here;
    DiskObjects disk;
    std::map<std::string, Owner> owners;
    std::string name;
};

std::string why(const auto& result)
{
    return result ? std::string() : result.error().message;
}

TEST_F(LeaseJournalTest, WhatIsWrittenIsReadByTheNextOneAndBelongsToTheClaim)
{
    {
        Coordinator first(here, owners);
        auto page = first.journal.claim(disk.uid);
        ASSERT_TRUE(page) << why(page);
        EXPECT_FALSE((*page)->read()->has_value());
        EXPECT_FALSE((*page)->had_holder());
        const auto written = (*page)->write(record(disk.uid));
        ASSERT_TRUE(written) << why(written);
    }
    const auto metadata = lease().at("metadata");
    EXPECT_EQ(metadata.at("ownerReferences").at(0).at("uid"), disk.uid);
    EXPECT_THAT(metadata.at("finalizers"), ElementsAre("xcopy-coordinator/journal"));
    EXPECT_FALSE(lease().at("spec").contains("holderIdentity")) << "let go";

    Coordinator second(here, owners);
    EXPECT_THAT(*second.journal.jobs(), ElementsAre(disk.uid));
    auto page = second.journal.claim(disk.uid);
    ASSERT_TRUE(page) << why(page);
    const auto read = (*page)->read();
    ASSERT_TRUE(read && *read) << why(read);
    EXPECT_EQ((*read)->volume.naa, record(disk.uid).volume.naa);
    EXPECT_TRUE((*read)->mapping_intended);
    EXPECT_TRUE((*page)->had_holder());
    EXPECT_TRUE((*page)->remove());
    EXPECT_TRUE((*page)->remove()) << "removing the absent succeeds";
    EXPECT_FALSE((*page)->read()->has_value());
    EXPECT_THAT(*second.journal.jobs(), IsEmpty());
    EXPECT_FALSE(lease().at("metadata").contains("finalizers")) << "nothing keeps it when its claim goes";
}

TEST_F(LeaseJournalTest, OfTwoCoordinatorsOneWins)
{
    Coordinator one(here, owners);
    Coordinator other(here, owners);
    std::atomic<int> won{0};
    std::atomic<int> busy{0};
    std::vector<std::unique_ptr<JournalPage>> pages(2);
    const auto try_it = [&](Coordinator& who, std::unique_ptr<JournalPage>& page) {
        auto claimed = who.journal.claim(disk.uid);
        if (claimed) {
            ++won;
            page = std::move(*claimed);
        } else if (claimed.error().code == Errc::busy) {
            ++busy;
        }
    };
    std::jthread first([&] { try_it(one, pages[0]); });
    std::jthread second([&] { try_it(other, pages[1]); });
    first.join();
    second.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(busy, 1);
}

TEST_F(LeaseJournalTest, ADeadHoldersJobIsTakenOverAndTheDeadWriteNothingAnyMore)
{
    auto dead = std::make_unique<Coordinator>(here, owners);
    auto page = dead->journal.claim(disk.uid);
    ASSERT_TRUE(page);
    ASSERT_TRUE((*page)->write(record(disk.uid)));
    // It is cut off, not gone: it believes that the job is still its own.
    std::atomic<bool> cut = true;
    dead->populator.wire.before = [&](const auto&) {
        while (cut)
            std::this_thread::sleep_for(1ms); // its requests hang
    };
    Coordinator next(here, owners);
    auto taken = next.journal.claim(disk.uid);
    ASSERT_TRUE(taken) << why(taken);
    EXPECT_TRUE((*taken)->read()->has_value());
    cut = false;
    const auto late = (*page)->write(record(disk.uid));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().reason, "journal_taken_over");
    page->reset(); // nor does it let go what is not its own
    EXPECT_TRUE((*taken)->write(record(disk.uid)));
    EXPECT_EQ(lease().at("spec").at("leaseTransitions"), 1);
}

TEST_F(LeaseJournalTest, AStopEndsTheWaitForAHolder)
{
    Coordinator holder(here, owners);
    auto page = holder.journal.claim(disk.uid);
    ASSERT_TRUE(page);
    holder.populator.wire.die();
    Coordinator waiting(here, owners, {.duration = 60s, .patience = 5s});
    waiting.stop.request_stop();
    EXPECT_EQ(waiting.journal.claim(disk.uid).error().code, Errc::cancelled);
}

TEST_F(LeaseJournalTest, RidesOutAnyRequestThatFailsOnceOrLosesItsReply)
{
    for (const auto fault : {FaultyWire::Fault::refused, FaultyWire::Fault::reply_lost})
        for (int at = 1; at <= 5; ++at) {
            const auto which = make_disk(api, here, {.name = fmt::format("d{}-{}", static_cast<int>(fault), at)});
            Coordinator faulty(here, {{which.uid, {which.claim, which.uid}}}, {.duration = 15s, .patience = 5s});
            faulty.populator.wire.fault_at = at;
            faulty.populator.wire.fault = fault;
            {
                auto page = faulty.journal.claim(which.uid);
                ASSERT_TRUE(page) << at << why(page);
                auto changed = record(which.uid);
                auto written = (*page)->write(changed);
                ASSERT_TRUE(written) << at << why(written);
                changed.outcome = xcopy::Outcome::succeeded;
                written = (*page)->write(changed);
                ASSERT_TRUE(written) << at << why(written);
            }
            Coordinator next(here, {});
            auto page = next.journal.claim(which.uid);
            ASSERT_TRUE(page) << at << why(page);
            ASSERT_TRUE((*page)->read()->has_value()) << at;
            EXPECT_EQ((**(*page)->read()).outcome, xcopy::Outcome::succeeded) << at;
        }
}

TEST_F(LeaseJournalTest, SaysSoWhenNothingGetsThroughAnyMore)
{
    Coordinator faulty(here, owners, {.duration = 1s, .patience = 300ms});
    auto page = faulty.journal.claim(disk.uid);
    ASSERT_TRUE(page);
    faulty.populator.wire.die();
    EXPECT_EQ((*page)->write(record(disk.uid)).error().code, Errc::unavailable);
    EXPECT_EQ(faulty.journal.claim(disk.uid).error().code, Errc::unavailable);
    EXPECT_FALSE(faulty.journal.jobs());
}

TEST_F(LeaseJournalTest, OutlivesItsClaimWhileThereIsSomethingToUndo)
{
    {
        Coordinator first(here, owners);
        auto page = first.journal.claim(disk.uid);
        ASSERT_TRUE((*page)->write(record(disk.uid)));
    }
    api.remove(claim_path(here, disk.claim));
    api.remove(lease_path(here, name)); // as a garbage collector does then
    EXPECT_TRUE(lease().at("metadata").contains("deletionTimestamp"));

    Coordinator sweeper(here, {}); // knows no claim
    EXPECT_THAT(*sweeper.journal.jobs(), ElementsAre(disk.uid));
    {
        auto page = sweeper.journal.claim(disk.uid);
        ASSERT_TRUE(page) << why(page);
        auto changed = record(disk.uid);
        changed.outcome = xcopy::Outcome::failed;
        EXPECT_TRUE((*page)->write(changed));
        EXPECT_TRUE((*page)->remove());
    }
    EXPECT_EQ(api.ask(xcopy::rest::Method::get, lease_path(here, name)).status, 404) << "then it goes";
    EXPECT_EQ(sweeper.journal.claim(disk.uid).error().code, Errc::not_found);
}

TEST_F(LeaseJournalTest, IsWrittenAgainWhenSomebodyRemovedItByForce)
{
    Coordinator first(here, owners);
    auto page = first.journal.claim(disk.uid);
    ASSERT_TRUE((*page)->write(record(disk.uid)));
    api.merge(lease_path(here, name), {{"metadata", {{"finalizers", nullptr}}}});
    api.remove(lease_path(here, name));
    ASSERT_TRUE((*page)->write(record(disk.uid)));
    EXPECT_TRUE(lease().at("metadata").at("annotations").contains("xcopy-coordinator/record"));
}

TEST_F(LeaseJournalTest, SurvivesSomebodyElsesLabelOnIt)
{
    Coordinator first(here, owners);
    auto page = first.journal.claim(disk.uid);
    api.merge(lease_path(here, name), {{"metadata", {{"labels", {{"team", "storage"}}}}}});
    ASSERT_TRUE((*page)->write(record(disk.uid)));
    EXPECT_EQ(lease().at("metadata").at("labels").at("team"), "storage");
}

TEST_F(LeaseJournalTest, HoldsALongListOfMappingsAndRefusesWhatALeaseCannotHold)
{
    Coordinator first(here, owners);
    auto page = first.journal.claim(disk.uid);
    auto large = record(disk.uid);
    for (int i = 0; i < 500; ++i)
        large.mappings_before.push_back({{.id = fmt::format("host-{}", i), .name = std::string(300, 'n')}, i});
    ASSERT_TRUE((*page)->write(large)) << "some 200 KB";
    EXPECT_EQ((**(*page)->read()).mappings_before.size(), 500U);
    for (int i = 0; i < 500; ++i)
        large.mappings_before.push_back({{.id = fmt::format("more-{}", i), .name = std::string(300, 'n')}, i});
    EXPECT_EQ((*page)->write(large).error().reason, "journal_too_large");
}

TEST_F(LeaseJournalTest, RefusesWhatCannotNameALeaseAndARecordItCannotRead)
{
    Coordinator first(here, owners);
    for (const std::string bad : {"", "../x", "UPPER", "ends-", "a/b"})
        EXPECT_EQ(first.journal.claim(bad).error().code, Errc::bad_request) << bad;
    auto page = first.journal.claim(disk.uid);
    ASSERT_TRUE((*page)->write(record(disk.uid)));
    page->reset();
    api.merge(lease_path(here, name), {{"metadata", {{"annotations", {{"xcopy-coordinator/record", "{\"job\":1"}}}}}});
    page = first.journal.claim(disk.uid);
    ASSERT_TRUE(page);
    EXPECT_EQ((*page)->read().error().reason, "journal_unreadable");
}

TEST_F(LeaseJournalTest, IsHeldAcrossARestartOfTheApiServer)
{
    Coordinator first(here, owners, {.duration = 1s, .patience = 60s});
    auto page = first.journal.claim(disk.uid);
    ASSERT_TRUE(page);
    api.stop_server();
    Result<void> written = xcopy::Error{};
    std::jthread writing([&] { written = (*page)->write(record(disk.uid)); });
    while (first.populator.wire.count() < 4) // it was refused and tries again
        std::this_thread::sleep_for(1ms);
    api.start_server();
    writing.join();
    EXPECT_TRUE(written) << why(written);
}

// copy_disk with this journal: the process dies after each step of a copy, and the next one finishes it.
class Stepped final : public xcopy::Journal {
public:
    Stepped(xcopy::Journal& inner, xcopy::test::Steps& steps) : inner_(inner), steps_(steps) {}

    Result<std::unique_ptr<JournalPage>> claim(const std::string& job) override
    {
        auto page = inner_.claim(job);
        if (!page)
            return page.error();
        return std::unique_ptr<JournalPage>(std::make_unique<Page>(std::move(*page), steps_));
    }
    Result<std::vector<std::string>> jobs() override { return inner_.jobs(); }
    std::string where() const override { return inner_.where(); }

private:
    class Page final : public JournalPage {
    public:
        Page(std::unique_ptr<JournalPage> inner, xcopy::test::Steps& steps) : inner_(std::move(inner)), steps_(steps) {}

        Result<std::optional<CopyRecord>> read() override { return inner_->read(); }
        Result<void> write(const CopyRecord& record) override
        {
            return steps_.run("journal", [&] { return inner_->write(record); });
        }
        Result<void> remove() override
        {
            return steps_.run("journal removed", [&] { return inner_->remove(); });
        }

    private:
        std::unique_ptr<JournalPage> inner_;
        xcopy::test::Steps& steps_;
    };

    xcopy::Journal& inner_;
    xcopy::test::Steps& steps_;
};

xcopy::CopyReport copy(xcopy::test::Lab& lab, Coordinator& who)
{
    Stepped journal(who.journal, lab.steps);
    lab.steps.on_death = [&] { who.populator.wire.die(); };
    const auto hosts = lab.connect();
    return xcopy::copy_disk(
        {.job = lab.order.job}, lab.order,
        {.array = lab.array, .hosts = hosts, .journal = journal, .log = lab.log, .observer = lab.observer});
}

TEST_F(LeaseJournalTest, ACopyIsFinishedByTheNextCoordinatorWhereverTheFirstOneDies)
{
    int steps = 0;
    for (int step = 0; step == 0 || step < steps; ++step) {
        const auto which = make_disk(api, here, {.name = fmt::format("dies-after-{}", step)});
        const std::map<std::string, Owner> owner{{which.uid, {which.claim, which.uid}}};
        xcopy::test::Lab lab;
        lab.order.job = which.uid;
        {
            Coordinator first(here, owner);
            lab.steps.die_after = step;
            if (step == 0) {
                EXPECT_EQ(copy(lab, first).outcome, xcopy::Outcome::succeeded);
                steps = lab.steps.count();
                continue;
            }
            EXPECT_THROW(copy(lab, first), xcopy::test::Death);
        }
        const auto where = fmt::format("died after step {} ({})", step, lab.steps.name_of(step));
        lab.steps.calm();
        Coordinator next(here, owner);
        const auto report = copy(lab, next);
        EXPECT_EQ(report.outcome, xcopy::Outcome::succeeded) << where << (report.error ? report.error->message : "");
        EXPECT_EQ(lab.esx1().starts, 1) << where;
        EXPECT_TRUE(lab.esx1().copied) << where;
        EXPECT_THAT(lab.array.mapped_to(), ElementsAre("k8s")) << where;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << where;
        EXPECT_THAT(*next.journal.jobs(), IsEmpty()) << where;
    }
    EXPECT_GT(steps, 20);
}

TEST_F(LeaseJournalTest, ACopyLeavesNothingBehindWhicheverRequestNeverGetsThrough)
{
    int requests = 0;
    for (int from = 0; from == 0 || from <= requests; ++from) {
        const auto which = make_disk(api, here, {.name = fmt::format("fails-from-{}", from)});
        const std::map<std::string, Owner> owner{{which.uid, {which.claim, which.uid}}};
        xcopy::test::Lab lab;
        lab.order.job = which.uid;
        {
            Coordinator first(here, owner, {.duration = 1s, .patience = 100ms});
            first.populator.wire.dead_from = from;
            const auto report = copy(lab, first);
            if (from == 0) {
                requests = first.populator.wire.count() + 1; // and the one that lets go
                continue;
            }
            const bool put_back = lab.array.mapped_to() == std::vector<std::string>{"k8s"} && lab.leftovers().empty();
            EXPECT_TRUE(put_back || !report.left_behind.empty()) << from << " kept silent";
        }
        lab.steps.calm();
        Coordinator next(here, owner);
        const auto report = copy(lab, next);
        EXPECT_EQ(report.outcome, xcopy::Outcome::succeeded) << from << (report.error ? report.error->message : "");
        EXPECT_THAT(lab.array.mapped_to(), ElementsAre("k8s")) << from;
        EXPECT_THAT(lab.leftovers(), IsEmpty()) << from;
    }
    EXPECT_GT(requests, 6);
}

} // namespace
} // namespace kube_test
