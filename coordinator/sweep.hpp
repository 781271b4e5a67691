// Undoes what dead runs left behind.
#pragma once

#include "coordinator/copy_order.hpp"

#include <string>
#include <vector>

namespace xcopy {

struct Swept {
    std::string job;
    std::string target_naa;
    std::string host;
    Outcome outcome = Outcome::unknown;   // of the copy, as far as it can be known
    std::vector<std::string> left_behind; // empty: everything is as it was found
    std::string why_not;                  // why nothing was done
};

// `only_job` empty: all jobs of the journal. The array must be the one the job was begun with.
std::vector<Swept> sweep(const Call& call, const std::string& vendor, const std::string& array_name,
                         const std::string& only_job, const Limits& limits, const Site& site);

} // namespace xcopy
