#include "coordinator/metrics/copy_metrics.hpp"

#include <algorithm>

namespace xcopy {

CopyMetrics::CopyMetrics(const CopyOrder& order, Observer& next)
    : next_(next), figures_{.owner_uid = order.job, .storage_vendor = order.vendor}
{}

void CopyMetrics::way(const Way& chosen)
{
    {
        const std::lock_guard lock(mutex_);
        figures_.clone_method = chosen.method;
        figures_.storage_protocol = chosen.protocol;
        figures_.agent_version = chosen.agent_version;
    }
    next_.way(chosen);
}

bool forklift_says_xcopy(const CopyReport& report)
{
    const bool by_host = !report.host.empty();
    return by_host && (report.xcopy.use == XcopyUse::full || report.xcopy.use == XcopyUse::partial);
}

// A number that Forklift has seen never becomes smaller, also where a copy begins again.
void CopyMetrics::progress(const Progress& now)
{
    {
        const std::lock_guard lock(mutex_);
        figures_.percent = std::max(figures_.percent, now.percent);
        if (now.bytes > 0 && !figures_.provisioned_bytes)
            figures_.provisioned_bytes = now.bytes;
        if (now.xcopy != XcopyUse::unknown)
            figures_.xcopy_used = now.xcopy != XcopyUse::none;
    }
    next_.progress(now);
}

void CopyMetrics::order(const CopyOrder& now)
{
    const std::lock_guard lock(mutex_);
    figures_.owner_uid = now.job;
    figures_.allocated_bytes = now.source_allocated;
    if (now.source_capacity > 0)
        figures_.provisioned_bytes = now.source_capacity;
}

void CopyMetrics::array(const ArrayInfo& info)
{
    const std::lock_guard lock(mutex_);
    figures_.array = info;
}

void CopyMetrics::end(const CopyReport& report)
{
    const std::lock_guard lock(mutex_);
    const bool success = !report.error;
    figures_.clone_method = report.method;
    figures_.xcopy_used = forklift_says_xcopy(report);
    if (report.bytes > 0 && !figures_.provisioned_bytes) // the target is as large as the disk, or larger
        figures_.provisioned_bytes = report.bytes;
    if (success)
        figures_.percent = 100;
    figures_.end = CopyFigures::End{success, static_cast<double>(report.wall_ms) / 1000};
}

std::string CopyMetrics::text() const
{
    const std::lock_guard lock(mutex_);
    return exposition(figures_);
}

} // namespace xcopy
