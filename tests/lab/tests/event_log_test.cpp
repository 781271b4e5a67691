#include "tests/lab/event_log.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lab {
namespace {

using std::chrono::seconds;

Event on_host(const std::string& what)
{
    return {"host:esx1", what};
}

TEST(EventLog, AFaultMeetsTheNthMatchAndAsManyMoreAsAsked)
{
    EventLog log;
    log.add_rule(rule_from_json({{"what", "^esxcli"}, {"nth", 2}, {"count", 2}, {"fault", {{"tool_exit", 7}}}}));
    std::vector<bool> faults;
    for (const auto* what : {"esxcli a", "vsish b", "esxcli c", "esxcli d", "esxcli e"})
        faults.push_back(log.before(on_host(what)).has_value());
    EXPECT_EQ(faults, (std::vector<bool>{false, false, true, true, false}));
}

TEST(EventLog, ARuleForAfterLeavesBeforeAlone)
{
    EventLog log;
    log.add_rule(rule_from_json({{"when", "after"}, {"fault", {{"http_status", 503}}}}));
    EXPECT_FALSE(log.before(on_host("x")));
    const auto fault = log.after(on_host("x"));
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->http_status, 503);
}

TEST(EventLog, AKillAtANumberMeetsThatEventWhicheverItIs)
{
    EventLog log;
    std::vector<nlohmann::json> killed;
    log.set_killer([&](const nlohmann::json& whom) { killed.push_back(whom); });
    log.add_rule(rule_from_json({{"number", 2}, {"kill", {{"host", "esx1"}}}}));
    log.before(on_host("x"));
    EXPECT_TRUE(killed.empty());
    log.after(on_host("x"));
    log.before(on_host("y"));
    EXPECT_EQ(killed.size(), 1U);
}

TEST(EventLog, AHeldEventGoesOnWhenItIsReleased)
{
    EventLog log;
    log.add_rule(rule_from_json({{"hold", "door"}}));
    std::jthread held([&] { log.before(on_host("x")); });
    EXPECT_TRUE(log.wait_held("door", 1, seconds(20)));
    EXPECT_EQ(log.release("door"), 1);
    held.join();
    EXPECT_FALSE(log.wait_held("door", 1, seconds(0)));
}

TEST(EventLog, HistoryNumbersBeforeAndAfterOverTheWholeLab)
{
    EventLog log;
    log.before(on_host("x"));
    log.after(on_host("x"));
    const auto history = log.history(0);
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[1].at("number"), 2);
    EXPECT_EQ(history[1].at("when"), "after");
    EXPECT_EQ(log.history(1).size(), 1U);
}

TEST(EventLog, ARuleThatDoesNothingOrHoldsUnknownWordsIsRefused)
{
    EXPECT_THROW(rule_from_json({{"what", "x"}}), std::invalid_argument);
    EXPECT_THROW(rule_from_json({{"hodl", "x"}}), std::invalid_argument);
    EXPECT_THROW(rule_from_json({{"what", "("}, {"hold", "x"}}), std::regex_error);
}

} // namespace
} // namespace lab
