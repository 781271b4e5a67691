#include "vendors/host_object.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

using Kind = Initiator::Kind;

// Sorted, so that the order in which a host reports its adapters does not matter.
Spellings spelled(const HostIdentity& host, const HostObjects& objects, bool of_one_protocol)
{
    const bool has_fc = std::ranges::count(host.initiators, Kind::fc, &Initiator::kind) > 0;
    Spellings names;
    for (const Initiator& initiator : host.initiators)
        if (initiator.kind != Kind::sdc && (!of_one_protocol || !has_fc || initiator.kind == Kind::fc))
            names.push_back(objects.spell(initiator));
    std::ranges::sort(names);
    return names;
}

void remove_those_of(Spellings& names, const ArrayHost& host)
{
    std::erase_if(names, [&](const auto& name) { return std::ranges::count(host.initiator_ids, name) > 0; });
}

} // namespace

std::ptrdiff_t common_initiators(const Spellings& some, const Spellings& others)
{
    return std::ranges::count_if(some, [&](const auto& one) { return std::ranges::count(others, one) > 0; });
}

Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects)
{
    const auto wanted = spelled(host, objects, false);
    const auto ours = spelled(host, objects, objects.one_protocol);
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
        missing = ours;
        const ArrayHost* best = nullptr;
        for (const ArrayHost& one : *owners) {
            remove_those_of(missing, one);
            if (!best || common_initiators(wanted, one.initiator_ids) > common_initiators(wanted, best->initiator_ids))
                best = &one;
        }
        if (best && (best->name != name || missing.empty() || !may_add))
            return std::optional(ArrayHost{best->id, best->name, wanted});
        auto found = best ? Result<std::optional<ArrayHost>>(*best) : objects.named(name);
        if (!found)
            return found.error();
        own = std::move(*found);
        return std::optional<ArrayHost>();
    };
    const auto change = [&]() -> Result<void> {
        if (!own)
            return objects.create(name, missing);
        auto added = objects.add(*own, missing);
        may_add = bool(added) || !objects.is_taken(added.error());
        return added;
    };
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("make host {} known", name));
}

} // namespace xcopy
