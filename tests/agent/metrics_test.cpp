#include "agent/metrics.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace xcopy {

TEST(Metrics, HaveOneHelpAndTypeEachBeforeTheirSamples)
{
    Counters counters;
    counters.requests[{"GET /v1/health", 200}] = 3;
    MetricsFacts facts;
    facts.clones[CloneState::running] = 2;
    const auto text = metrics_text(facts, counters);
    EXPECT_NE(text.find("xcopy_agent_clones{state=\"running\"} 2\n"), std::string::npos);
    EXPECT_NE(text.find("xcopy_agent_requests_total{route=\"GET /v1/health\",status=\"200\"} 3\n"), std::string::npos);

    std::set<std::string> helped;
    std::set<std::string> typed;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string first, kind, name;
        words >> first;
        if (first == "#") {
            words >> kind >> name;
            EXPECT_TRUE((kind == "HELP" ? helped : typed).insert(name).second) << line;
            continue;
        }
        EXPECT_TRUE(typed.contains(first.substr(0, first.find('{')))) << line;
    }
    EXPECT_EQ(helped, typed);
}

} // namespace xcopy
