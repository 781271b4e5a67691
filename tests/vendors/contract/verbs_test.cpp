// What every array must do when all goes well, and when somebody else is there already.
#include "tests/vendors/contract/contract.hpp"

#include <algorithm>

namespace xcopy::contract {
namespace {

using nlohmann::json;

class ContractWithHosts : public Contract {};    // those that make a host's object where there is none
class ContractWithoutHosts : public Contract {}; // where somebody else must have made it

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ContractWithoutHosts);

TEST_P(Contract, TellsWhatItIs)
{
    Rig rig(subject());
    const auto info = rig.driver().info(rig.call);
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_FALSE(info->vendor.empty());
    EXPECT_FALSE(info->product.empty());
    EXPECT_FALSE(info->version.empty());
}

TEST_P(Contract, FindsTheVolumeByEveryHandleTheCsiDriverWrites)
{
    Rig rig(subject());
    rig.make_volume("pvc-00000000-7a41-4c1b-9a2e-1b3c4d5e6f70"); // another one
    ASSERT_FALSE(rig.volume["handles"].empty());
    for (const auto& handle : rig.volume["handles"]) {
        const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(handle));
        ASSERT_TRUE(found) << handle << ": " << found.error().message;
        EXPECT_EQ(json(found->naa), rig.volume["naa"]) << handle;
        EXPECT_EQ(json(found->size_bytes), rig.volume["size"]) << handle;
        EXPECT_FALSE(found->id.empty());
        EXPECT_FALSE(found->name.empty());
    }
}

TEST_P(Contract, NaaEqualsTheWorkedExamples)
{
    ASSERT_FALSE(subject().naa_examples.empty());
    for (const auto& example : subject().naa_examples) {
        Rig rig(subject());
        const auto made = rig.make_volume("pvc-11111111-7a41-4c1b-9a2e-1b3c4d5e6f70", example.create);
        const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(made["handles"][0]));
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(found->naa, example.naa);
        EXPECT_EQ(made["naa"], json(example.naa)) << "the simulator's own idea";
    }
}

TEST_P(Contract, AMissingVolumeIsSaidToBeMissing)
{
    Rig rig(subject());
    const auto handle = Rig::handle_in(rig.volume["handles"][0]);
    rig.control({{"verb", "unmap"}, {"volume", rig.volume["naa"]}, {"host", "worker-1"}});
    rig.control({{"verb", "volume.remove"}, {"volume", rig.volume["naa"]}});
    const auto found = rig.driver().find_volume(rig.call, handle);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::not_found) << found.error().message;
    expect_usable(rig, found.error(), "missing volume");
}

TEST_P(Contract, AHandleOfAnotherArrayIsRefusedBeforeAnyChange)
{
    Rig rig(subject());
    const auto before = rig.control({{"verb", "state"}});
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.control({{"verb", "foreign_handle"}})));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, subject().foreign) << found.error().message;
    EXPECT_FALSE(found.error().remedy.empty()) << found.error().message;
    EXPECT_EQ(rig.control({{"verb", "state"}}), before);
}

TEST_P(Contract, HandlesThatMakeNoSenseAreRefusedAndNeverBecomePartOfAPath)
{
    Rig rig(subject());
    const auto good = Rig::handle_in(rig.volume["handles"][0]);
    for (const std::string bad :
         {"", "..", "../../x", "a/b?c=d", "x\r\ny: z", "--", "$$", ";", "'", "\"", "%00", "*"}) {
        rig.wire().forget();
        auto handle = good;
        handle.handle = bad;
        for (auto& [key, value] : handle.attributes)
            value = bad;
        const auto found = rig.driver().find_volume(rig.call, handle);
        EXPECT_FALSE(found) << bad;
        for (const auto& line : rig.wire().sent())
            EXPECT_EQ(line.find(".."), std::string::npos) << line;
    }
}

TEST_P(Contract, TheHostIsEnsuredOnceWhateverTheOrderOfItsPorts)
{
    Rig rig(subject());
    const auto first = rig.ensure();
    ASSERT_TRUE(first) << first.error().message;
    const auto state = rig.control({{"verb", "state"}});
    auto host = rig.host();
    std::ranges::reverse(host.initiators);
    const auto again = rig.driver().ensure_host(rig.call, host);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->id, first->id);
    EXPECT_EQ(rig.control({{"verb", "state"}}), state) << "the second time changes nothing";
}

TEST_P(ContractWithoutHosts, WhereAHostCannotBeMadeItIsSaidHowToMakeIt)
{
    Rig rig(subject());
    auto host = rig.host();
    for (auto& initiator : host.initiators) {
        initiator.wwpn = initiator.wwpn.empty() ? "" : "21000024ffffffff";
        initiator.name = initiator.name.empty() ? "" : initiator.name + "-other";
    }
    const auto ensured = rig.driver().ensure_host(rig.call, host);
    ASSERT_FALSE(ensured);
    expect_usable(rig, ensured.error(), "unknown host");
}

TEST_P(ContractWithHosts, AnInitiatorThatBelongsToAnotherObjectStaysThere)
{
    Rig rig(subject());
    rig.control({{"verb", "host.create"},
                 {"name", "customer-esx"},
                 {"os_type", "vmware"}, // for those that ask
                 {"initiators", {on_fabric(subject().initiators[0]), on_fabric(subject().initiators[1])}}});
    const auto before = rig.hosts();
    const auto ensured = rig.ensure();
    ASSERT_TRUE(ensured) << ensured.error().message;
    EXPECT_EQ(rig.hosts(), before);
    if (subject().reuses_owner)
        EXPECT_EQ(ensured->name, "customer-esx");
    const auto run = rig.run_disk();
    EXPECT_FALSE(run.error) << run.error->message;
    EXPECT_TRUE(run.reached_host);
    EXPECT_EQ(rig.hosts(), before);
}

TEST_P(Contract, MapsTwiceUnmapsTwiceAndLeavesTheMappingsOfOthers)
{
    Rig rig(subject());
    const std::string naa = rig.volume["naa"];
    const auto foreign = rig.foreign(naa);
    ASSERT_FALSE(foreign.empty());
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto host = rig.ensure();
    ASSERT_TRUE(found && host);
    const auto listed = rig.driver().mappings_of(rig.call, *found);
    ASSERT_TRUE(listed) << listed.error().message;
    ASSERT_EQ(listed->size(), 1U);

    std::optional<int> lun;
    for (int round = 0; round < 2; ++round) {
        const auto mapped = rig.driver().map(rig.call, *found, *host, round == 0 ? std::optional(7) : lun);
        ASSERT_TRUE(mapped) << mapped.error().message;
        if (round > 0)
            EXPECT_EQ(mapped->lun, lun);
        lun = mapped->lun;
        if (rig.driver().lun_numbers())
            EXPECT_EQ(lun, 7);
        EXPECT_TRUE(rig.reaches_host(naa));
        EXPECT_EQ(rig.foreign(naa), foreign);
        const auto now = rig.driver().mappings_of(rig.call, *found);
        ASSERT_TRUE(now);
        EXPECT_EQ(now->size(), 2U);
    }
    for (int round = 0; round < 2; ++round) {
        const auto unmapped = rig.driver().unmap(rig.call, *found, *host);
        ASSERT_TRUE(unmapped) << unmapped.error().message;
        EXPECT_FALSE(rig.reaches_host(naa));
        EXPECT_EQ(rig.mappings(naa), foreign);
    }
    const auto after = rig.driver().mappings_of(rig.call, *found);
    ASSERT_TRUE(after);
    ASSERT_EQ(after->size(), 1U);
    EXPECT_EQ(after->front().host.id, listed->front().host.id);
    EXPECT_EQ(after->front().lun, listed->front().lun);
}

// What the coordinator does when a mapping that it found is missing afterwards.
TEST_P(Contract, AMappingThatWasFoundCanBeMadeAgain)
{
    Rig rig(subject());
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto listed = rig.driver().mappings_of(rig.call, *found);
    ASSERT_TRUE(listed && listed->size() == 1);
    const auto before = rig.mappings(rig.volume["naa"]);
    rig.control({{"verb", "unmap"}, {"volume", rig.volume["naa"]}, {"host", "worker-1"}});
    const auto mapped = rig.driver().map(rig.call, *found, listed->front().host, listed->front().lun);
    ASSERT_TRUE(mapped) << mapped.error().message;
    EXPECT_EQ(rig.mappings(rig.volume["naa"]), before);
}

TEST_P(Contract, ALunNumberThatIsTakenIsBusySoThatAnotherIsChosen)
{
    Rig rig(subject());
    if (!rig.driver().lun_numbers())
        return; // the array chooses
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto host = rig.ensure();
    ASSERT_TRUE(found && host);
    const auto other = rig.make_volume("pvc-22222222-7a41-4c1b-9a2e-1b3c4d5e6f70");
    const auto blocker = rig.driver().find_volume(rig.call, Rig::handle_in(other["handles"][0]));
    ASSERT_TRUE(rig.driver().map(rig.call, *blocker, *host, 12));
    const auto used = rig.driver().lun_numbers()->used_by(rig.call, *host);
    ASSERT_TRUE(used) << used.error().message;
    EXPECT_TRUE(used->contains(12));
    const auto refused = rig.driver().map(rig.call, *found, *host, 12);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::busy) << refused.error().message;
    EXPECT_FALSE(rig.reaches_host(rig.volume["naa"]));
    const auto free = rig.driver().map(rig.call, *found, *host, 13);
    ASSERT_TRUE(free) << free.error().message;
    EXPECT_EQ(free->lun, 13);
    EXPECT_GE(rig.driver().lun_numbers()->highest(), 255);
}

TEST_P(Contract, IdsThatAreNoneNeverReachTheArray)
{
    Rig rig(subject());
    const auto found = rig.driver().find_volume(rig.call, Rig::handle_in(rig.volume["handles"][0]));
    const auto host = rig.ensure();
    ASSERT_TRUE(found && host);
    const auto state = rig.control({{"verb", "state"}});
    for (const std::string bad : {"", "..", "a/b", "?", "*", "x y"}) {
        rig.wire().forget();
        auto volume = *found;
        volume.id = bad;
        auto other = *host;
        other.id = bad;
        EXPECT_FALSE(rig.driver().unmap(rig.call, volume, *host)) << bad;
        EXPECT_FALSE(rig.driver().unmap(rig.call, *found, other)) << bad;
        EXPECT_FALSE(rig.driver().map(rig.call, volume, *host, 5)) << bad;
        EXPECT_FALSE(rig.driver().map(rig.call, *found, other, 5)) << bad;
        EXPECT_EQ(rig.wire().count(), 0) << bad;
    }
    EXPECT_EQ(rig.control({{"verb", "state"}}), state);
}

TEST_P(Contract, EverythingHoldsWhicheverWayTheFactsTurnOut)
{
    const auto choices = Rig(subject()).control({{"verb", "switches"}})["uncertain"];
    int runs = 0;
    for (const auto& [name, values] : choices.items())
        for (std::size_t i = 1; i < values.size(); ++i) {
            const auto what = name + " = " + values[i].dump();
            Rig rig(subject(), {{name, values[i]}});
            const auto foreign = rig.foreign(rig.volume["naa"]);
            for (const auto& handle : rig.volume["handles"])
                EXPECT_TRUE(rig.driver().find_volume(rig.call, Rig::handle_in(handle))) << what << " " << handle;
            for (int twice = 0; twice < 2; ++twice) {
                const auto run = rig.run_disk();
                EXPECT_FALSE(run.error) << what << ": " << run.step << ": " << run.error->message;
                EXPECT_FALSE(run.undoing) << what << ": " << run.undoing->message;
                expect_nothing_lost(rig, run, foreign, what);
                ++runs;
            }
        }
    std::printf("[ contract ] %s: %d runs over %zu uncertain facts\n", subject().vendor.c_str(), runs, choices.size());
}

INSTANTIATE_TEST_SUITE_P(Arrays, Contract, testing::ValuesIn(subjects()), subject_name);
INSTANTIATE_TEST_SUITE_P(Arrays, ContractWithHosts, testing::ValuesIn(subjects_that(true)), subject_name);
INSTANTIATE_TEST_SUITE_P(Arrays, ContractWithoutHosts, testing::ValuesIn(subjects_that(false)), subject_name);

} // namespace
} // namespace xcopy::contract
