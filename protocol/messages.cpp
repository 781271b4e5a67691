#include "protocol/messages.hpp"

namespace xcopy {

ErrorReply reply_from(const Error& error)
{
    return {error.code, error.message, error.remedy, error.reason};
}

Error error_from(const ErrorReply& reply)
{
    return {reply.code, reply.message, reply.remedy, reply.reason};
}

bool operator==(const CloneRequest& a, const CloneRequest& b)
{
    return a.source == b.source && a.target_naa == b.target_naa && a.target_size == b.target_size &&
           a.time_limit_s == b.time_limit_s && a.orphan_ttl_s == b.orphan_ttl_s;
}

bool is_final(CloneState state)
{
    switch (state) {
    case CloneState::queued:
    case CloneState::running:
    case CloneState::cancelling:
        return false;
    case CloneState::succeeded:
    case CloneState::failed:
    case CloneState::cancelled:
    case CloneState::indeterminate:
        return true;
    }
    return false;
}

std::string_view name(Severity value)
{
    switch (value) {
    case Severity::info:
        return "info";
    case Severity::warning:
        return "warning";
    case Severity::error:
        return "error";
    }
    return "error";
}

std::string_view name(RescanKind value)
{
    return value == RescanKind::add ? "add" : "delete";
}

std::string_view name(CloneState value)
{
    switch (value) {
    case CloneState::queued:
        return "queued";
    case CloneState::running:
        return "running";
    case CloneState::cancelling:
        return "cancelling";
    case CloneState::succeeded:
        return "succeeded";
    case CloneState::failed:
        return "failed";
    case CloneState::cancelled:
        return "cancelled";
    case CloneState::indeterminate:
        return "indeterminate";
    }
    return "indeterminate";
}

std::string_view name(XcopyUse value)
{
    switch (value) {
    case XcopyUse::unknown:
        return "unknown";
    case XcopyUse::none:
        return "none";
    case XcopyUse::partial:
        return "partial";
    case XcopyUse::full:
        return "full";
    }
    return "unknown";
}

bool same_size(std::uint64_t on_the_array, std::uint64_t seen_by_host)
{
    constexpr std::uint64_t mib = 1024 * 1024;
    return on_the_array == seen_by_host || (seen_by_host % mib == 0 && on_the_array / mib == seen_by_host / mib);
}

} // namespace xcopy
