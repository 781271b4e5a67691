#include "vendors/outcome.hpp"
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

} // namespace
} // namespace xcopy
