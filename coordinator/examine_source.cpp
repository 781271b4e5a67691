#include "coordinator/examine_source.hpp"

#include "protocol/datastores.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

Result<void> examine_source(const Call& call, const CopyOrder& order, ChosenHost& chosen, Log& log)
{
    if (auto good = check_holds_mappings(chosen.datastore.name, chosen.datastore.type); !good)
        return std::move(good.error()).in("look at the source");
    auto source = chosen.host->source(call.within(order.limits.look_up), chosen.source_path);
    if (!source && source.error().reason == unknown_call_reason) {
        log.warn("source not examined beforehand",
                 {{"job", order.job}, {"host", chosen.name}, {"why", source.error().message}});
        return {};
    }
    if (!source)
        return source.error().in("look at the source");
    chosen.source_path = source->path;
    chosen.source = std::move(*source);
    return {};
}

Result<void> check_source_fits(const ChosenHost& chosen, const Volume& target)
{
    if (!chosen.source)
        return {};
    const Source& source = *chosen.source;
    if (std::ranges::count(source.devices, target.naa))
        return Error{Errc::conflict, fmt::format("target {} is the device on which {} lies", target.naa, source.path),
                     "check the volume handle and the array", "target_is_source"};
    if (target.size_bytes < source.size_bytes)
        return Error{Errc::conflict,
                     fmt::format("volume '{}' ({}) is smaller than the disk: it has {} bytes, {} has {} bytes",
                                 target.name, target.naa, target.size_bytes, source.path, source.size_bytes),
                     fmt::format("make the PersistentVolumeClaim at least {} bytes large", source.size_bytes),
                     "target_smaller_than_source"};
    return {};
}

} // namespace xcopy
