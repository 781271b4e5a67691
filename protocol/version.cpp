#include "protocol/version.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

Result<int> agree(VersionRange ours, VersionRange theirs, std::string_view peer)
{
    const int low = std::max(ours.min, theirs.min);
    const int high = std::min(ours.max, theirs.max);
    if (low <= high)
        return high;
    const bool peer_is_older = theirs.max < ours.min;
    return Error{Errc::unsupported,
                 fmt::format("{} speaks protocol {} to {}, this program speaks {} to {}", peer, theirs.min, theirs.max,
                             ours.min, ours.max),
                 peer_is_older ? fmt::format("upgrade {}", peer) : fmt::format("use a coordinator as new as {}", peer),
                 "protocol_mismatch"};
}

} // namespace xcopy
