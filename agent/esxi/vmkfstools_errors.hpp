// What vmkfstools' error numbers mean and what helps (facts/esxi.md 6.1).
#pragma once

#include "protocol/error.hpp"

#include <optional>
#include <string_view>

namespace xcopy {

// From a line such as "Failed to clone disk: Failed to lock the file (16392)."; nullopt where the number, or its being
// a number at all, tells us nothing.
std::optional<Error> explain_vmkfstools(std::string_view line);

// Whether the same clone may work a little later: a source just powered off stays locked for some seconds.
bool may_pass_by_itself(const Error& error);

} // namespace xcopy
