// What many measurements of one thing come to.
#pragma once

#include <cstdint>
#include <vector>

namespace bench {

// None of them takes an empty list.
double median(std::vector<double> values);
double percentile(std::vector<double> values, double share); // nearest rank: 0.99 of 200 is the 198th smallest
double worst(const std::vector<double>& values);

std::int64_t now_us(); // Unix time, as the lab's events have it

} // namespace bench
