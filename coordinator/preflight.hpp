// Every check of a copy that can be made without changing anything on array or host.
#pragma once

#include "coordinator/copy_order.hpp"

#include <string>
#include <vector>

namespace xcopy {

enum class CheckState : std::uint8_t { pass, warn, fail };

std::string_view name(CheckState state);

struct Check {
    std::string what;
    CheckState state = CheckState::pass;
    std::string message;
    std::string remedy;
};

std::vector<Check> preflight(const Call& call, const CopyOrder& order, const Site& site);

} // namespace xcopy
