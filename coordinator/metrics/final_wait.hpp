// How long a copy that is over keeps its metrics for the scrape that tells Forklift the end (facts/forklift-contract.md 2).
#pragma once

#include <chrono>
#include <cstdint>

namespace xcopy {

constexpr auto scrape_interval = std::chrono::seconds(5);
constexpr auto first_answer_after =
    std::chrono::seconds(5); // of this process: before, Forklift may not have seen its pod run
constexpr auto last_scrape = std::chrono::seconds(10);

struct ScrapesSoFar {
    bool had_earlier_pod = false;       // of the same claim
    std::uint64_t asked = 0;            // since this process started, also what is not answered yet
    std::chrono::milliseconds served{}; // for that long /metrics could be asked for
};

// Who asks comes again, and of a claim's first pod everybody waits for that. Of a later one Forklift takes no notice, for it watches a
// claim's pod once; unless its controller was started anew: then it asks as soon as it sees the pod. So where nobody has asked a
// later pod within two intervals after the first answer was to be had, nobody will.
std::chrono::milliseconds final_wait(const ScrapesSoFar&);

} // namespace xcopy
