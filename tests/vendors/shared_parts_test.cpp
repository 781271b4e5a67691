#include "tests/vendors/fakes/scripted_transport.hpp"
#include "vendors/config_check.hpp"
#include "vendors/copying_driver.hpp"
#include "vendors/lists.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace xcopy {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;
using rest::Json;

struct TryEachTest : testing::Test {
    Words done;

    Result<void> act(const std::string& word)
    {
        done.push_back(word);
        if (word.starts_with("bad"))
            return Error{Errc::conflict, word, "", word};
        return word == "stop" ? Result<void>(Error{Errc::cancelled, word}) : Result<void>();
    }
    Result<void> all(const Words& words)
    {
        return try_each(words, [&](const std::string& word) { return act(word); });
    }
    Result<void> all_until_stopped(const Words& words)
    {
        return try_each(
            words, [&](const std::string& word) { return act(word); },
            [](const Error& error) { return error.code == Errc::cancelled; });
    }
};

TEST_F(TryEachTest, ARefusalDoesNotKeepTheOthersFromItAndAllRefusalsAreSaid)
{
    EXPECT_TRUE(all({"a", "b"}));
    const auto refused = all({"bad1", "c", "stop", "bad2", "d"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "bad1; stop; bad2");
    EXPECT_EQ(refused.error().reason, "bad1");
    EXPECT_EQ(done, (Words{"a", "b", "bad1", "c", "stop", "bad2", "d"}));
}

TEST_F(TryEachTest, WhatIsNotAboutTheItemAloneEndsAll)
{
    const auto ended = all_until_stopped({"bad1", "stop", "d"});
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, Errc::cancelled);
    EXPECT_EQ(done, (Words{"bad1", "stop"}));
}

struct LookUntilShownTest : testing::Test {
    rest::FakeClock clock;
    Call call;
    int looks = 0;

    Result<Words> look(int shown_at)
    {
        constexpr std::chrono::milliseconds pauses[] = {1ms, 2ms};
        return look_until_shown(call, clock, pauses, [&]() -> Result<Words> {
            ++looks;
            if (shown_at == 0)
                return Error{Errc::denied, "no list"};
            return looks >= shown_at ? Words{"x"} : Words();
        });
    }
};

TEST_F(LookUntilShownTest, LooksOncePerPauseAndNoLongerThanNeeded)
{
    EXPECT_EQ(look(1)->size(), 1U);
    EXPECT_EQ(looks, 1);
    looks = 0;
    EXPECT_EQ(look(3)->size(), 1U);
    EXPECT_EQ(looks, 3);
    looks = 0;
    EXPECT_TRUE(look(4)->empty());
    EXPECT_EQ(looks, 3);
}

TEST_F(LookUntilShownTest, AnErrorIsNotNothing)
{
    EXPECT_EQ(look(0).error().code, Errc::denied);
    EXPECT_EQ(looks, 1);
}

TEST(JoinedLists, OfKeysThatAreAnOutcome)
{
    const auto twice = [](const std::string& key) { return Result<Records>(Records{key, key + key}); };
    EXPECT_EQ(*joined(Result<Words>(Words{"a", "b"}), twice), (Records{"a", "aa", "b", "bb"}));
    EXPECT_EQ(joined(Result<Words>(Error{Errc::denied, "no"}), twice).error().code, Errc::denied);
}

TEST(FirstTextAt, IsThatOfTheFirstFieldThatHasOne)
{
    const Json record{{"empty", ""}, {"b", "x"}, {"c", "y"}};
    EXPECT_EQ(rest::first_text_at(record, {"a", "empty", "b", "c"}), "x");
    EXPECT_EQ(rest::first_text_at(record, {"a", "empty"}), "");
}

TEST(NamesAt, AreThoseOfTextsAndOfObjects)
{
    const auto json = Json::parse(R"({"list":["a",{"name":"b"},"",{"name":""},{"other":"c"},7]})");
    EXPECT_EQ(rest::names_at(json, "list"), (Words{"a", "b"}));
}

TEST(EqualSizes, TheRemedyFitsEveryArrayWhereNoneIsGiven)
{
    const ArrayCopy copy{"c", {"1", "a", "naa.1", "", 5}, {"2", "b", "naa.2", "", 6}};
    EXPECT_NE(check_equal_sizes(copy).error().remedy.find("5 bytes large"), std::string::npos);
    EXPECT_EQ(check_equal_sizes(copy, "grow it").error().remedy, "grow it");
}

TEST(HexOf, TwoDigitsForEachByte)
{
    EXPECT_EQ(hex_of("a$\xff"), "6124ff");
    EXPECT_EQ(hex_of(""), "");
}

TEST(LinkedPages, KnowTheWayToTheNext)
{
    const auto split = rest::linked_pages("records", "_links.next.href");
    const auto page = split({.body = Json::parse(R"({"records":[{"a":1}],"_links":{"next":{"href":"/x?start=1"}}})")});
    EXPECT_EQ(page.records.size(), 1U);
    EXPECT_EQ(page.next, "/x?start=1");
    EXPECT_TRUE(split({}).records.empty());
}

TEST(PercentAt, IsThatOfTheFirstFieldThatHasOne)
{
    const Json record{{"rate", 140}, {"other", 7}, {"text", "x"}};
    EXPECT_EQ(percent_at(record, {"rate", "other"}), 100);
    EXPECT_EQ(percent_at(record, {"text", "other"}), 7);
    EXPECT_EQ(percent_at(record, {"none"}), 0);
}

TEST(NaaDigits, AreThoseOfThisVendorAlone)
{
    const auto digits = [](const char* id) {
        return naa_digits({DiskBacking::Kind::rdm, id}, "60060e80", "a volume of a Hitachi array");
    };
    EXPECT_EQ(*digits("naa.60060E80123456780000000000000102"), "60060e80123456780000000000000102");
    for (const char* other : {"naa.600a0980123456780000000000000102", "naa.60060e8012345678", ""})
        EXPECT_EQ(digits(other).error().code, Errc::not_found) << other;
}

TEST(ListOfASecret, ItemsAreTakenApartAndWhatDoesNotFitIsSaid)
{
    ArrayConfig config{.extra = {{"LIST", "a1, b2 ,c"}}};
    ConfigCheck check(config, "Array", "array");
    const auto items = check.list("LIST", ',', " *([a-z])(\\d) *", "letter and digit");
    EXPECT_EQ(items, (std::vector<Words>{{"a", "1"}, {"b", "2"}}));
    const auto rules = check.rules();
    ASSERT_FALSE(rules);
    EXPECT_NE(rules.error().message.find("LIST: 'c' is no letter and digit"), std::string::npos);
    EXPECT_TRUE(check.list("ABSENT", ',', ".*", "x").empty());
}

} // namespace
} // namespace xcopy
