// The settings about a cluster, for the list in config.cpp.
#pragma once

#include "coordinator/config.hpp"

#include <string>
#include <vector>

namespace xcopy::kube {

std::vector<Setting> settings();

bool asks_for_cluster(const Config&, const Environment&); // for the target, or for the journal
void check(const Config&, const Environment&, Needs, std::vector<std::string>& problems);

} // namespace xcopy::kube
