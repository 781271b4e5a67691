// GET /v1/metrics: Prometheus text exposition.
#pragma once

#include "agent/counters.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace xcopy {

struct MetricsFacts {
    std::map<CloneState, int> clones;
    int running = 0;
    int queued = 0;
    std::int64_t drained_s = 0;
    int connections = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t resident_bytes = 0;
    double uptime_s = 0;
};

std::string metrics_text(const MetricsFacts&, const Counters&);

std::uint64_t resident_bytes(); // of this process; 0 when the kernel does not tell

} // namespace xcopy
