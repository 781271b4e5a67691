#include "vendors/lists.hpp"
#include "vendors/outcome.hpp"
#include "vendors/remembered.hpp"
#include "vendors/text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace xcopy {
namespace {

using Words = std::vector<std::string>;

TEST(Each, TakesValuesLeavesOutNothingsAndStopsAtTheFirstError)
{
    const Result<Words> words(Words{"1", "x", "22"});
    EXPECT_EQ(*each(words, [](const std::string& word) { return word.size(); }), (std::vector<std::size_t>{1, 1, 2}));
    EXPECT_EQ(*each(words, [](const std::string& word) { return to_int(word); }), (std::vector<int>{1, 22}));

    int asked = 0;
    const auto refused = each(words, [&](const std::string& word) -> Result<std::optional<int>> {
        ++asked;
        if (word == "x")
            return Error{Errc::failed, "no number"};
        return to_int(word);
    });
    EXPECT_EQ(refused.error().message, "no number");
    EXPECT_EQ(asked, 2);

    const Result<Words> none(Error{Errc::denied, "no list"});
    EXPECT_EQ(each(none, [](const std::string& word) { return to_int(word); }).error().code, Errc::denied);
}

TEST(HexToInt, IsAllOfItOrNothing)
{
    EXPECT_EQ(hex_to_int("00FF"), 255);
    EXPECT_EQ(hex_to_int("0"), 0);
    for (const char* bad : {"", "x", "12 ", "-1", "0x1", "12345678"})
        EXPECT_EQ(hex_to_int(bad), std::nullopt) << bad;
}

TEST(Lists, KeepWhatCountsAndPassTheErrorOn)
{
    const Records all{{{"name", "a"}, {"id", 1}}, {{"name", "A"}, {"id", 2}}, {{"id", 3}}};
    EXPECT_EQ(*kept(all, "name", "a"), Records{all[0]});
    EXPECT_EQ(kept(all, [](const rest::Json& one) { return rest::number_at(one, "id") > 1; })->size(), 2U);
    EXPECT_EQ(kept(Result<Records>(Error{Errc::denied, "no"}), "name", "a").error().code, Errc::denied);
}

TEST(OrNone, OnlyTheErrorThatIsMeantIsNone)
{
    const Result<Words> missing = Error{Errc::not_found, "no such host", "", "v_17"};
    const Result<Words> lost = Error{Errc::unavailable, "no answer", "", "v_18"};
    EXPECT_TRUE(or_none(missing, is_not_found)->empty());
    EXPECT_TRUE(or_none(missing, "v_17")->empty());
    EXPECT_EQ(or_none(lost, is_not_found).error().code, Errc::unavailable);
    EXPECT_EQ(or_none(lost, "v_17").error().code, Errc::unavailable);
    EXPECT_EQ(*or_none(Result<Words>(Words{"1"}), is_not_found), Words{"1"});
}

TEST(OneByOne, StopsAtTheFirstErrorAndDoesNothingWithoutAList)
{
    int steps = 0;
    const auto step = [&](const std::string& word) {
        ++steps;
        return word == "x" ? Result<void>(Error{Errc::failed, "x"}) : Result<void>();
    };
    EXPECT_FALSE(one_by_one(Result<Words>(Words{"1", "x", "2"}), step));
    EXPECT_EQ(steps, 2);
    EXPECT_FALSE(one_by_one(Result<Words>(Error{Errc::failed, "no list"}), step));
    EXPECT_EQ(steps, 2);
    EXPECT_TRUE(one_by_one(Result<Words>(Words{"1"}), step));
}

TEST(Remembered, TheLastOneCounts)
{
    Remembered<std::string, int> tasks;
    EXPECT_EQ(tasks.get("a"), std::nullopt);
    tasks.put("a", 1);
    tasks.put("a", 2);
    EXPECT_EQ(tasks.get("a"), 2);
}

TEST(Text, WordsOfAListAndUuidsWithoutDashes)
{
    EXPECT_TRUE(is_listed("18", "16,18,29"));
    for (const auto* word : {"", "1", "8", "16,18"})
        EXPECT_FALSE(is_listed(word, "16,18,29")) << word;
    EXPECT_EQ(as_uuid("0123456789abcdef0123456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef");
    for (const auto* none : {"", "0123456789abcdef", "0123456789abcdef0123456789abcdeg"})
        EXPECT_EQ(as_uuid(none), "") << none;
}

TEST(Text, TheFirstPartThatFitsAForm)
{
    constexpr const char* code = R"(CMMVC\d{4}[EW])";
    EXPECT_EQ(first_match("xCMMVC12 CMMVC6071E CMMVC5878E.", code), "CMMVC6071E");
    for (const auto* none : {"", "CMMVC6071", "CMMVC6071X", "cmmvc6071e"})
        EXPECT_EQ(first_match(none, code), "") << none;
}

TEST(Text, PartsAreJoinedAsTheyAreSplit)
{
    EXPECT_EQ(join({"a", "", "b"}, ":"), "a::b");
    EXPECT_EQ(split(join({"a", "", "b"}, ","), ','), (std::vector<std::string>{"a", "", "b"}));
    EXPECT_EQ(join({}, ":"), "");
}

TEST(FirstOf, IsNothingWhereThereIsNone)
{
    EXPECT_EQ(first_of(std::vector<int>{4, 5}), 4);
    EXPECT_EQ(first_of(std::vector<int>()), std::nullopt);
}

} // namespace
} // namespace xcopy
