// Answers the calls that the filter hands over, writes down what it refuses.
#pragma once

#include "agent/esxi/unique_fd.hpp"

#include <string>

namespace xcopy::userworld {

// Returns when no process lives under the filter any more. `record` may be empty.
void answer_calls(const UniqueFd& listener, const std::string& record);

} // namespace xcopy::userworld
