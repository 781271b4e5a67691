// Copies inside the array, for those that can: every byte or no success.
#include "tests/vendors/contract/contract.hpp"

#include <algorithm>
#include <fstream>
#include <random>

namespace xcopy::contract {
namespace {

using nlohmann::json;
using Phase = ArrayCopyState::Phase;

class ContractCopies : public Contract {
protected:
    static constexpr std::uint64_t size = std::uint64_t{8} << 30; // sparse
    static constexpr std::size_t filled = std::size_t{3} << 20;   // at both ends

    static std::string bytes_of(const json& volume)
    {
        std::ifstream in(volume["file"].get<std::string>(), std::ios::binary);
        std::string bytes(2 * filled, '\0');
        in.read(bytes.data(), filled);
        in.seekg(static_cast<std::streamoff>(volume["size"].get<std::uint64_t>() - filled));
        in.read(bytes.data() + filled, filled);
        return bytes;
    }

    static void fill(const json& volume)
    {
        std::fstream out(volume["file"].get<std::string>(), std::ios::binary | std::ios::in | std::ios::out);
        std::mt19937_64 random(4711);
        std::string bytes(filled, '\0');
        std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
        out.write(bytes.data(), filled);
        out.seekp(static_cast<std::streamoff>(volume["size"].get<std::uint64_t>() - filled));
        out.write(bytes.data(), filled);
    }

    struct Disk {
        json source, target;
        ArrayCopy copy;
    };

    // A volume of that kind with content, and the empty volume of a PersistentVolume that nobody has mapped.
    static Disk prepare(Rig& rig, const std::string& kind, std::uint64_t source_size = size,
                        std::uint64_t target_size = size)
    {
        Disk disk;
        disk.source = rig.make_volume(kind + "-source", {{"kind", kind}, {"size", source_size}});
        disk.target = rig.make_volume("pvc-44444444-7a41-4c1b-9a2e-1b3c4d5e6f70", {{"size", target_size}});
        fill(disk.source);
        disk.copy.id = "44444444-7a41-4c1b-9a2e-1b3c4d5e6f70";
        const auto found = rig.driver().volume_copier()->find_source(rig.call, backing_in(disk.source["backing"]));
        EXPECT_TRUE(found) << found.error().message;
        const auto target = rig.driver().find_volume(rig.call, Rig::handle_in(disk.target["handles"][0]));
        EXPECT_TRUE(target) << target.error().message;
        if (found && target) {
            disk.copy.source = *found;
            disk.copy.target = *target;
        }
        return disk;
    }

    static DiskBacking backing_in(const json& backing)
    {
        return {backing["kind"] == "rdm" ? DiskBacking::Kind::rdm : DiskBacking::Kind::vvol, backing["id"]};
    }

    static std::vector<std::string> kinds(Rig& rig)
    {
        std::vector<std::string> kinds;
        if (auto* copier = rig.driver().volume_copier()) {
            if (copier->copies(DiskBacking::Kind::rdm))
                kinds.emplace_back("rdm");
            if (copier->copies(DiskBacking::Kind::vvol))
                kinds.emplace_back("vvol");
        }
        EXPECT_FALSE(kinds.empty()) << "Subject::copies is true";
        return kinds;
    }

    // To its end, as the coordinator watches it.
    static Result<ArrayCopyState> watch(Rig& rig, const ArrayCopy& copy, const Result<ArrayCopyState>& started)
    {
        auto* copier = rig.driver().volume_copier();
        auto state = started;
        int percent = 0;
        for (int i = 0; i < 1000 && state && state->phase == Phase::running; ++i) {
            EXPECT_GE(state->percent, percent) << "progress never goes back";
            EXPECT_LE(state->percent, 100);
            percent = state->percent;
            (void)rig.time().wait(rig.call, std::chrono::seconds(1));
            state = copier->look(rig.call, copy);
            if (state && state->phase == Phase::absent && copier->forgets_when_done())
                state->phase = Phase::done;
        }
        return state;
    }
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractCopies);

TEST_P(ContractCopies, EveryByteArrives)
{
    Rig first(subject());
    for (const auto& kind : kinds(first)) {
        Rig rig(subject());
        const auto disk = prepare(rig, kind);
        auto* copier = rig.driver().volume_copier();
        const auto checked = copier->check(rig.call, disk.copy);
        ASSERT_TRUE(checked) << checked.error().message;
        const auto ended = watch(rig, disk.copy, copier->start(rig.call, disk.copy));
        ASSERT_TRUE(ended) << ended.error().message;
        EXPECT_EQ(ended->phase, Phase::done) << ended->message;
        EXPECT_EQ(bytes_of(disk.target), bytes_of(disk.source)) << kind;
        const auto forgotten = copier->forget(rig.call, disk.copy);
        ASSERT_TRUE(forgotten) << forgotten.error().message;
        EXPECT_TRUE(copier->forget(rig.call, disk.copy)) << "twice";
        const auto again = rig.driver().find_volume(rig.call, Rig::handle_in(disk.target["handles"][0]));
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(again->naa, disk.copy.target.naa) << "the PersistentVolume's volume stays the same one";
        EXPECT_EQ(again->size_bytes, disk.copy.target.size_bytes);
    }
}

TEST_P(ContractCopies, StartedAgainByAnotherProcessItIsTakenUpAndNotBegunAnew)
{
    Rig first(subject());
    for (const auto& kind : kinds(first)) {
        Rig rig(subject());
        const auto disk = prepare(rig, kind);
        const auto started = rig.driver().volume_copier()->start(rig.call, disk.copy);
        ASSERT_TRUE(started) << started.error().message;
        if (started->phase != Phase::running)
            continue; // over at once
        (void)rig.time().wait(rig.call, std::chrono::seconds(1));
        const auto before = rig.driver().volume_copier()->look(rig.call, disk.copy);
        rig.new_driver();
        const auto again = rig.driver().volume_copier()->start(rig.call, disk.copy);
        ASSERT_TRUE(again) << again.error().message;
        if (before && before->phase == Phase::running && again->phase == Phase::running)
            EXPECT_GE(again->percent, before->percent) << kind;
        const auto ended = watch(rig, disk.copy, again);
        ASSERT_TRUE(ended) << ended.error().message;
        EXPECT_EQ(ended->phase, Phase::done) << ended->message;
        EXPECT_EQ(bytes_of(disk.target), bytes_of(disk.source)) << kind;
    }
}

TEST_P(ContractCopies, ACancelledCopyIsGoneAndNeverDone)
{
    Rig first(subject());
    for (const auto& kind : kinds(first)) {
        Rig rig(subject());
        const auto disk = prepare(rig, kind);
        auto* copier = rig.driver().volume_copier();
        const auto started = copier->start(rig.call, disk.copy);
        ASSERT_TRUE(started) << started.error().message;
        if (started->phase != Phase::running)
            continue;
        const auto cancelled = copier->cancel(rig.call, disk.copy);
        if (!cancelled) {
            EXPECT_EQ(cancelled.error().code, Errc::unsupported) << cancelled.error().message;
            continue;
        }
        EXPECT_TRUE(copier->cancel(rig.call, disk.copy)) << "twice";
        const auto now = copier->look(rig.call, disk.copy);
        ASSERT_TRUE(now) << now.error().message;
        EXPECT_TRUE(now->phase == Phase::absent || now->phase == Phase::failed) << kind;
        (void)rig.time().wait(rig.call, std::chrono::seconds(3600));
        EXPECT_NE(bytes_of(disk.target), bytes_of(disk.source)) << "it was really stopped";
    }
}

TEST_P(ContractCopies, ACopyThatFailsMidwayIsAFailure)
{
    Rig first(subject());
    for (const auto& kind : kinds(first)) {
        Rig rig(subject());
        const auto disk = prepare(rig, kind);
        rig.control({{"verb", "set"}, {"switches", {{"copy_fails", true}}}});
        auto* copier = rig.driver().volume_copier();
        const auto ended = watch(rig, disk.copy, copier->start(rig.call, disk.copy));
        if (ended) {
            EXPECT_EQ(ended->phase, Phase::failed) << kind;
            EXPECT_FALSE(ended->message.empty()) << kind;
        } else {
            expect_usable(rig, ended.error(), "copy fails");
        }
        EXPECT_NE(bytes_of(disk.target), bytes_of(disk.source)) << "or the test proves nothing";
        const auto cleared = copier->cancel(rig.call, disk.copy);
        EXPECT_TRUE(cleared || cleared.error().code == Errc::unsupported) << cleared.error().message;

        // And afterwards it can be done again.
        rig.control({{"verb", "set"}, {"switches", {{"copy_fails", false}}}});
        const auto again = watch(rig, disk.copy, copier->start(rig.call, disk.copy));
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(again->phase, Phase::done) << again->message;
        EXPECT_EQ(bytes_of(disk.target), bytes_of(disk.source)) << kind;
    }
}

TEST_P(ContractCopies, SizesThatWouldLoseBytesAreRefusedBeforehand)
{
    Rig first(subject());
    for (const auto& kind : kinds(first)) {
        Rig rig(subject());
        const auto disk = prepare(rig, kind, 2 * size, size);
        const auto state = rig.control({{"verb", "state"}});
        const auto checked = rig.driver().volume_copier()->check(rig.call, disk.copy);
        ASSERT_FALSE(checked) << kind;
        EXPECT_EQ(checked.error().code, Errc::unsupported) << checked.error().message;
        EXPECT_FALSE(checked.error().remedy.empty()) << checked.error().message;
        auto same = disk.copy;
        same.source = same.target;
        EXPECT_FALSE(rig.driver().volume_copier()->check(rig.call, same)) << "a volume onto itself";
        EXPECT_EQ(rig.control({{"verb", "state"}}), state) << "a check changes nothing";
    }
}

TEST_P(ContractCopies, ADiskOfAnotherArrayIsNotFound)
{
    Rig rig(subject());
    for (const auto& kind : kinds(rig))
        for (const std::string id : {"naa.6000c29f0000000000000000000000aa",
                                     "rfc4122.00000000-1111-4222-8333-444444444444", "", "..", "vml.02"}) {
            const auto found =
                rig.driver().volume_copier()->find_source(rig.call, backing_in({{"kind", kind}, {"id", id}}));
            EXPECT_FALSE(found) << id;
        }
}

TEST_P(ContractCopies, EveryTroubleWhileCopyingIsSuccessOrASentenceAndNeverHalfACopyCalledDone)
{
    Rig first(subject());
    int runs = 0;
    for (const auto& kind : kinds(first))
        for (Trouble trouble : all_troubles)
            for (int at = 1; at <= 40; ++at, ++runs) {
                Rig rig(subject());
                const auto disk = prepare(rig, kind);
                auto* copier = rig.driver().volume_copier();
                rig.wire().forget();
                rig.wire().trouble(trouble, at, 1);
                const auto ended = watch(rig, disk.copy, copier->start(rig.call, disk.copy));
                const bool reached = rig.wire().count() >= at;
                const auto what = std::string(name(trouble)) + " at request " + std::to_string(at) + " of " + kind;
                if (ended && ended->phase == Phase::done)
                    EXPECT_EQ(bytes_of(disk.target), bytes_of(disk.source)) << what;
                if (!ended)
                    expect_usable(rig, ended.error(), what);
                if (!ended || ended->phase != Phase::done) { // the next run
                    rig.new_driver();
                    copier = rig.driver().volume_copier();
                    const auto again = watch(rig, disk.copy, copier->start(rig.call, disk.copy));
                    ASSERT_TRUE(again) << what << ", then again: " << again.error().message;
                    EXPECT_EQ(again->phase, Phase::done) << what << ", then again: " << again->message;
                    EXPECT_EQ(bytes_of(disk.target), bytes_of(disk.source)) << what;
                }
                if (!reached || HasFailure())
                    break;
            }
    std::printf("[ contract ] %s: %d troubled copies\n", subject().vendor.c_str(), runs);
}

INSTANTIATE_TEST_SUITE_P(Arrays, ContractCopies, testing::ValuesIn(subjects_that_copy()), subject_name);

} // namespace
} // namespace xcopy::contract
