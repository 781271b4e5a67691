// Which versions of the protocol two programs can speak with each other.
#pragma once

#include "protocol/error.hpp"

#include <string_view>

namespace xcopy {

struct VersionRange {
    int min = 1;
    int max = 1;
};

// What this build speaks. Raise max for an addition, min only when support for an old peer ends.
constexpr VersionRange protocol_versions{.min = 1, .max = 1};

// The highest version both speak, or Errc::unsupported with a sentence that says which side must be upgraded.
Result<int> agree(VersionRange ours, VersionRange theirs, std::string_view peer);

} // namespace xcopy
