// What /v1/metrics counts. Touched on the reactor thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace xcopy {

struct Counters {
    std::uint64_t rescans = 0; // times the host was told to rescan, each perhaps serving many requests
    std::uint64_t attaches = 0;
    std::uint64_t detaches = 0;
    std::uint64_t clones_started = 0;
    std::uint64_t clones_refused = 0; // by a guard
    std::uint64_t connections_refused = 0;
    std::uint64_t handshakes_failed = 0;
    std::map<std::pair<std::string, int>, std::uint64_t> requests; // by route and status
};

} // namespace xcopy
