#include "agent/metrics.hpp"

#include <fmt/format.h>

#include <fstream>
#include <unistd.h>

namespace xcopy {

namespace {

void head(std::string& out, const char* name, const char* type, const char* help)
{
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

template <class Value> void single(std::string& out, const char* name, const char* type, const char* help, Value value)
{
    head(out, name, type, help);
    out += fmt::format("{} {}\n", name, value);
}

} // namespace

std::string metrics_text(const MetricsFacts& facts, const Counters& counters)
{
    std::string out;
    head(out, "xcopy_agent_build_info", "gauge", "Version of this agent.");
    out += fmt::format("xcopy_agent_build_info{{version=\"{}\"}} 1\n", XCOPY_VERSION);
    head(out, "xcopy_agent_clones", "gauge", "Clones this agent remembers, by state.");
    for (int i = 0; i <= static_cast<int>(CloneState::indeterminate); ++i) {
        const auto state = static_cast<CloneState>(i);
        const auto found = facts.clones.find(state);
        out += fmt::format("xcopy_agent_clones{{state=\"{}\"}} {}\n", name(state),
                           found == facts.clones.end() ? 0 : found->second);
    }
    single(out, "xcopy_agent_clones_running", "gauge", "Clones being written now.", facts.running);
    single(out, "xcopy_agent_clones_queued", "gauge", "Clones waiting for their turn.", facts.queued);
    single(out, "xcopy_agent_drained_seconds", "gauge", "For how much longer no order is taken.", facts.drained_s);
    single(out, "xcopy_agent_clones_started_total", "counter", "Supervisors started.", counters.clones_started);
    single(out, "xcopy_agent_clones_refused_total", "counter", "Orders refused by a guard.", counters.clones_refused);
    single(out, "xcopy_agent_rescans_total", "counter", "Times the host was told to rescan.", counters.rescans);
    single(out, "xcopy_agent_attaches_total", "counter", "Devices attached.", counters.attaches);
    single(out, "xcopy_agent_detaches_total", "counter", "Devices detached.", counters.detaches);
    single(out, "xcopy_agent_connections", "gauge", "Open connections.", facts.connections);
    single(out, "xcopy_agent_connections_refused_total", "counter", "Connections closed because too many were open.",
           facts.connections_refused);
    single(out, "xcopy_agent_handshakes_failed_total", "counter", "TLS handshakes that failed.",
           facts.handshakes_failed);
    single(out, "xcopy_agent_resident_memory_bytes", "gauge", "Resident memory.", facts.resident_bytes);
    single(out, "xcopy_agent_uptime_seconds", "gauge", "Time since the agent started.", facts.uptime_s);
    head(out, "xcopy_agent_requests_total", "counter", "Requests answered, by route and status.");
    for (const auto& [key, count] : counters.requests)
        out +=
            fmt::format("xcopy_agent_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first, key.second, count);
    return out;
}

std::uint64_t resident_bytes()
{
    std::ifstream file("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    if (!(file >> total >> resident))
        return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace xcopy
