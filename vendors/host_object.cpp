#include "vendors/host_object.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

using Kind = Initiator::Kind;

// Sorted, so that the order in which a host reports its adapters does not matter.
Spellings spelled(const HostIdentity& host, const HostObjects& objects, bool one_protocol)
{
    const bool has_fc = std::ranges::count(host.initiators, Kind::fc, &Initiator::kind) > 0;
    Spellings names;
    for (const Initiator& initiator : host.initiators)
        if (initiator.kind == Kind::fc || (initiator.kind == Kind::iscsi && !(one_protocol && has_fc)))
            names.push_back(objects.spell(initiator));
    std::ranges::sort(names);
    return names;
}

} // namespace

Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects)
{
    const auto wanted = spelled(host, objects, false);
    const auto for_ours = spelled(host, objects, objects.one_protocol);
    const auto name = "xcopy-" + host.uuid;
    if (wanted.empty())
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    if (!is_uuid(host.uuid))
        return Error{Errc::bad_request, fmt::format("host {}: '{}' is not a UUID", host.name, host.uuid)};

    Spellings missing;
    std::optional<ArrayHost> own;
    bool may_add = true;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        const auto owners = objects.owners(wanted);
        if (!owners)
            return owners.error();
        const auto [best, free] = owner_of(*owners, wanted);
        missing = for_ours;
        std::erase_if(missing, [&](const auto& one) { return std::ranges::count(free, one) == 0; });
        if (!best.id.empty() && (best.name != name || missing.empty() || !may_add))
            return std::optional(ArrayHost{best.id, best.name, wanted});
        auto found = best.id.empty() ? objects.named(name) : Result<std::optional<ArrayHost>>(best);
        if (!found)
            return found.error();
        own = std::move(*found);
        return std::optional<ArrayHost>();
    };
    const auto change = [&]() -> Result<void> {
        if (!own)
            return objects.create(name, missing);
        auto added = objects.add(*own, missing);
        if (!added && added.error().code != Errc::indeterminate)
            may_add = how.after_error(added.error()) != Afterwards::look_again;
        return added;
    };
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("make host {} known as {}", host.name, name));
}

} // namespace xcopy
