#include "agent/esxi/xcopy_verdict.hpp"

#include "agent/esxi/vsish.hpp"

#include <initializer_list>
#include <limits>
#include <string_view>

namespace xcopy {

namespace {

using Names = std::initializer_list<std::string_view>;

// The unit of the block counters is taken to be 512 bytes, like every block count of ESXi's SCSI layer; unverified.
constexpr std::uint64_t block_bytes = 512;

struct Delta {
    std::optional<std::uint64_t> value; // absent: not on both sides
    bool reset = false;                 // the device was claimed anew in between: the counters began again
};

Delta delta(const CountersAround& around, Names names)
{
    if (!around.before || !around.after)
        return {};
    const auto before = counter(*around.before, names);
    const auto after = counter(*around.after, names);
    if (!before || !after)
        return {};
    if (*after < *before)
        return {.value = std::nullopt, .reset = true};
    return {.value = *after - *before};
}

std::optional<std::uint64_t> bytes(const Delta& blocks)
{
    if (!blocks.value || *blocks.value > std::numeric_limits<std::uint64_t>::max() / block_bytes)
        return std::nullopt;
    return *blocks.value * block_bytes;
}

// Ordinary writes that accompany any copy: headers, the odd unaligned tail.
bool is_small(std::uint64_t host_bytes, std::uint64_t copied_bytes)
{
    return host_bytes <= std::uint64_t{1024} * 1024 + copied_bytes / 20;
}

} // namespace

XcopyVerdict xcopy_verdict(const CountersAround& source, const CountersAround& target, std::uint64_t copied_bytes)
{
    const Delta writes = delta(target, {"cloneWriteOps", "cloneWrites", "cloneWrite"});
    const Delta reads = delta(source, {"cloneReadOps", "cloneReads", "cloneRead"});
    const Delta failed_writes = delta(target, {"failedCloneOps", "cloneFailedOps", "cloneFailed"});
    const Delta failed_reads = delta(source, {"failedCloneOps", "cloneFailedOps", "cloneFailed"});
    const Delta host_blocks = delta(target, {"blocksWritten"});
    const Delta array_blocks = delta(target, {"cloneBlocksWritten"});

    XcopyVerdict verdict{.clone_write_ops = writes.value.value_or(0),
                         .clone_read_ops = reads.value.value_or(0),
                         .failed_clone_ops = failed_writes.value.value_or(0) + failed_reads.value.value_or(0),
                         .bytes_by_array = bytes(array_blocks),
                         .bytes_by_host = bytes(host_blocks)};
    const bool target_reset = writes.reset || failed_writes.reset || host_blocks.reset || array_blocks.reset;
    verdict.use = XcopyUse::unknown; // also where some went through the array and whether all did cannot be told
    if (!writes.value || target_reset)
        return verdict;
    if (*writes.value == 0)
        verdict.use = XcopyUse::none;
    else if (verdict.failed_clone_ops > 0)
        verdict.use = XcopyUse::partial;
    else if (verdict.bytes_by_host)
        verdict.use = is_small(*verdict.bytes_by_host, copied_bytes) ? XcopyUse::full : XcopyUse::partial;
    return verdict;
}

} // namespace xcopy
