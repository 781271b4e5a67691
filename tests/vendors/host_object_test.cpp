#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/host_object.hpp"
#include "vendors/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy {
namespace {

// Objects in memory, where an initiator belongs to one of them.
struct HostObjectTest : testing::Test {
    std::vector<ArrayHost> objects;
    std::vector<std::string> done;
    Spellings hidden; // owned by somebody who does not show
    rest::FakeClock clock;
    Call call;
    HostIdentity host{"4c4c4544-0042-4a10-8035-b4c04f4b3333",
                      "esx-1",
                      {{.kind = Initiator::Kind::fc, .wwpn = "21000024ff000002"},
                       {.kind = Initiator::Kind::fc, .wwpn = "21000024ff000001"},
                       {.kind = Initiator::Kind::iscsi, .name = "iqn.x:esx-1"}}};
    const std::string own = "xcopy-" + host.uuid;
    const std::string one = "21000024FF000001", two = "21000024FF000002";

    static Result<void> taken() { return Error{Errc::conflict, "taken"}; }
    bool is_hidden(const Spellings& names) const
    {
        return std::ranges::any_of(names, [&](const auto& name) { return std::ranges::count(hidden, name) > 0; });
    }
    Result<ArrayHost> ensure()
    {
        HostObjects how{.one_protocol = true, .spell = [](const Initiator& initiator) {
                            return initiator.wwpn.empty() ? initiator.name : upper(initiator.wwpn);
                        }};
        how.list = [&](const Spellings& wanted, const std::string& name, bool) {
            auto found = objects;
            std::erase_if(found, [&](const ArrayHost& object) {
                return object.name != name && !share_an_initiator(object.initiator_ids, wanted);
            });
            return Result<std::vector<ArrayHost>>(found);
        };
        how.write = [&](const ArrayHost* ours, const std::string& name, const Spellings& names) -> Result<void> {
            done.emplace_back(ours ? "add" : "create");
            if (is_hidden(names))
                return taken();
            if (!ours)
                objects.push_back({"9", name, {}});
            auto& ids = std::ranges::find(objects, name, &ArrayHost::name)->initiator_ids;
            ids.insert(ids.end(), names.begin(), names.end());
            return {};
        };
        return ensure_host_object({.call = call,
                                   .clock = clock,
                                   .after_error =
                                       [](const Error& error) {
                                           return error.code == Errc::conflict ? Afterwards::look_again
                                                                               : Afterwards::give_up;
                                       }},
                                  host, how);
    }
};

TEST_F(HostObjectTest, NobodyOwnsAnyAndOursIsMadeForFcAlone)
{
    const auto made = ensure();
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->name, own);
    EXPECT_EQ(objects.at(0).initiator_ids, (Spellings{one, two}));
    EXPECT_EQ(made->initiator_ids.size(), 3U) << "all of them, to recognise a mapping through another object";
    EXPECT_TRUE(ensure());
    EXPECT_EQ(done.size(), 1U);
}

TEST_F(HostObjectTest, SomebodyElsesObjectIsUsedAsItIsAndTheOneWithMostWins)
{
    objects = {{"1", "half", {"iqn.x:esx-1"}}, {"2", "customer", {one, two}}};
    EXPECT_EQ(ensure()->id, "2");
    objects = {{"1", "one-of-three", {one}}};
    EXPECT_EQ(ensure()->id, "1");
    EXPECT_TRUE(done.empty());
}

TEST_F(HostObjectTest, WhatOursLacksIsAddedUnlessSomebodyHasIt)
{
    objects = {{"1", own, {one}}};
    EXPECT_EQ(ensure()->id, "1");
    EXPECT_EQ(objects[0].initiator_ids, (Spellings{one, two}));

    objects = {{"1", own, {}}}; // it has lost them all
    EXPECT_EQ(ensure()->id, "1");
    EXPECT_EQ(objects[0].initiator_ids, (Spellings{one, two}));

    objects = {{"1", own, {one}}};
    hidden = {two};
    done.clear();
    EXPECT_EQ(ensure()->id, "1");
    EXPECT_EQ(objects[0].initiator_ids, Spellings{one});
    EXPECT_EQ(done.size(), 1U);
}

TEST_F(HostObjectTest, WhoCannotBeSeenIsSaid)
{
    hidden = {one};
    const auto refused = ensure();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::conflict);
    EXPECT_TRUE(objects.empty());
}

TEST_F(HostObjectTest, AHostWithoutAdaptersOrWithoutAUuidIsRefused)
{
    host.initiators = {{.kind = Initiator::Kind::sdc, .name = "x"}};
    EXPECT_EQ(ensure().error().code, Errc::unsupported);
    host.initiators = {{.kind = Initiator::Kind::iscsi, .name = "iqn.x:esx-1"}};
    host.uuid = "../x";
    EXPECT_EQ(ensure().error().code, Errc::bad_request);
}

// --- hosts that have to be read one by one

struct HostSearchTest : HostObjectTest {
    using Json = rest::Json;
    std::vector<std::string> read;
    std::vector<std::string> everyone{"node-1", "esx-9", "esx-1", "node-2"};

    static Result<std::vector<Json>> rows_of(const std::vector<std::string>& names, const std::string& port)
    {
        std::vector<Json> rows;
        for (const auto& name : names)
            rows.push_back({{"host", name}, {"port", port}});
        return rows;
    }

    Result<std::vector<ArrayHost>> search(const std::vector<std::string>& hinted = {})
    {
        HostSearch how;
        how.hints.push_back({[&] {
                                 auto rows = rows_of(hinted, one);
                                 rows->push_back({{"host", "not-hinted"}, {"port", "somebody's"}});
                                 return rows;
                             },
                             "host"});
        how.everyone = {[&] {
                            done.emplace_back("everyone");
                            return rows_of(everyone, "");
                        },
                        "host"};
        how.initiators_in = [](const std::vector<Json>& rows) {
            return Spellings{rest::text_at(rows.front(), "port")};
        };
        how.read = [&](const std::string& name) -> Result<std::optional<ArrayHost>> {
            read.push_back(name);
            if (name == "broken")
                return Error{Errc::unavailable, "no answer"};
            const auto found = std::ranges::find(objects, name, &ArrayHost::name);
            return found == objects.end() ? std::nullopt : std::optional(*found);
        };
        return holders_of({one, two}, own, host, how);
    }
};

TEST_F(HostSearchTest, AHintThatLeadsToAllOfThemSparesTheOthers)
{
    objects = {{"host:4", "esx-a", {one, two}}};
    const auto found = search({"", "esx-a", "esx-a", "esx-b"});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 1U);
    EXPECT_EQ(read, std::vector<std::string>{"esx-a"});
    EXPECT_TRUE(done.empty()) << "nobody asks for all hosts";
}

TEST_F(HostSearchTest, AHintThatLeadsToSomeIsEnoughToKnowWhoHasThem)
{
    objects = {{"host:4", "esx-a", {one}}, {"host:5", "esx-b", {two}}};
    EXPECT_EQ(search({"esx-a"})->size(), 1U);
    EXPECT_EQ(read, std::vector<std::string>{"esx-a"}) << "what a row with others' initiators names is not read";
    EXPECT_TRUE(done.empty());
}

TEST_F(HostSearchTest, WithoutHintsTheLikelyHostIsReadFirst)
{
    objects = {{"host:4", "esx-1", {one, two}}};
    EXPECT_EQ(search()->front().id, "host:4");
    EXPECT_EQ(read, std::vector<std::string>{"esx-1"});
}

TEST_F(HostSearchTest, WhereNobodyHasThemOursIsGivenEvenEmpty)
{
    EXPECT_TRUE(search()->empty());
    objects = {{"host:7", own, {}}};
    read.clear();
    ASSERT_EQ(search()->size(), 1U);
    EXPECT_EQ(read.back(), own);
}

TEST_F(HostSearchTest, AHintThatCannotBeHadEndsTheSearchUnlessTheArrayHasNoSuchList)
{
    HostSearch how;
    how.hints.push_back({[]() -> Result<std::vector<Json>> {
                             return Error{Errc::unsupported, "no such command"};
                         },
                         ""});
    how.everyone = {[&] { return rows_of(everyone, ""); }, "host"};
    how.read = [&](const std::string& name) -> Result<std::optional<ArrayHost>> {
        return ArrayHost{"host:" + name, name, {one, two}};
    };
    EXPECT_EQ(holders_of({one, two}, own, host, how).error().code, Errc::unsupported);
    how.is_no_hint = [](const Error& error) { return error.code == Errc::unsupported; };
    EXPECT_EQ(holders_of({one, two}, own, host, how)->size(), 1U);
}

TEST_F(HostSearchTest, AHostThatCannotBeReadIsNotNobody)
{
    EXPECT_EQ(search({"broken"}).error().code, Errc::unavailable);
    everyone = {"broken"};
    EXPECT_EQ(search().error().code, Errc::unavailable);
}

} // namespace
} // namespace xcopy
