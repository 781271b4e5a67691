#include "coordinator/metrics/final_wait.hpp"

#include <algorithm>

namespace xcopy {

std::chrono::milliseconds final_wait(const ScrapesSoFar& so_far)
{
    using std::chrono::milliseconds;
    if (!so_far.had_earlier_pod || so_far.asked > 0)
        return last_scrape;
    const milliseconds nobody_comes_after = first_answer_after + 2 * scrape_interval;
    return std::clamp<milliseconds>(nobody_comes_after - so_far.served, milliseconds(0), last_scrape);
}

} // namespace xcopy
