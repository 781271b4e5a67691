#include "agent/config.hpp"

#include <gtest/gtest.h>

namespace xcopy {

TEST(Config, OfAnEmptyObjectIsTheDefault)
{
    const auto config = parse_config("{}");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->listen, "[::]:18443");
    EXPECT_EQ(config->max_running, 4);
    EXPECT_FALSE(config->state_dir.empty());
    EXPECT_TRUE(check_values(*config).empty());
}

TEST(Config, IgnoresUnknownSettingsAndRefusesWrongTypes)
{
    EXPECT_TRUE(parse_config(R"({"of_tomorrow": 1})"));
    EXPECT_FALSE(parse_config(R"({"max_running": "four"})"));
    EXPECT_FALSE(parse_config("not json"));
}

TEST(Config, TakesAddressesAndNoNames)
{
    EXPECT_EQ(parse_listen("[::]:18443")->address, "::");
    EXPECT_EQ(parse_listen("127.0.0.1:0")->port, 0);
    EXPECT_EQ(parse_listen("[fe80::1]:443")->port, 443);
    for (const char* bad : {"", ":", "localhost:1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:70000", "1.2.3.4:1x", "::1:5"})
        EXPECT_FALSE(parse_listen(bad)) << bad;
}

TEST(Config, EveryProblemHasARemedy)
{
    Config config;
    config.listen = "x";
    config.state_dir = "relative";
    config.max_connections = 4096;
    const auto problems = check_values(config);
    EXPECT_EQ(problems.size(), 3u);
    for (const auto& problem : problems)
        EXPECT_FALSE(problem.remedy.empty()) << problem.setting;
}

} // namespace xcopy
