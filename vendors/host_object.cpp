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
    for (const Initiator& one : host.initiators)
        if (one.kind == Kind::fc || (one.kind == Kind::iscsi && !(one_protocol && has_fc)))
            names.push_back(objects.spell(one));
    std::ranges::sort(names);
    return names;
}

void add(Spellings& names, const Spellings& more)
{
    for (const auto& name : more)
        if (std::ranges::count(names, name) == 0)
            names.push_back(name);
}

} // namespace

Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects)
{
    const auto wanted = spelled(host, objects, false);
    const auto for_ours = spelled(host, objects, objects.one_protocol);
    const auto name = own_name(host.uuid, objects.longest_name);
    if (wanted.empty())
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    if (!is_uuid(host.uuid))
        return Error{Errc::bad_request, fmt::format("host {}: '{}' is not a UUID", host.name, host.uuid)};

    Spellings missing;
    std::optional<ArrayHost> own;
    bool may_add = true;
    bool everyone = false;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        const auto holders = objects.list(wanted, name, everyone);
        if (!holders)
            return holders.error();
        const auto ours = std::ranges::find(*holders, name, &ArrayHost::name);
        own = ours == holders->end() ? std::nullopt : std::optional(*ours);
        auto [best, free] = owner_of(*holders, wanted);
        missing = for_ours;
        std::erase_if(missing, [&](const auto& one) { return std::ranges::count(free, one) == 0; });
        if (best.id.empty() || (best.name == name && !missing.empty() && may_add))
            return std::optional<ArrayHost>();
        add(best.initiator_ids, wanted);
        return std::optional(std::move(best));
    };
    const auto change = [&]() -> Result<void> {
        auto changed = objects.write(own ? &*own : nullptr, name, missing);
        everyone = !changed;
        if (own && !changed && changed.error().code != Errc::indeterminate)
            may_add = how.after_error(changed.error()) != Afterwards::look_again;
        return changed;
    };
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : Error(ensured.error()).in(fmt::format("make host {} known as {}", host.name, name));
}

std::string own_name(std::string_view id, std::size_t longest)
{
    constexpr std::string_view prefix = "xcopy-";
    std::string end = lower(id);
    if (end.size() + prefix.size() > longest)
        std::erase(end, '-');
    return std::string(prefix) + end.substr(end.size() - std::min(end.size(), longest - prefix.size()));
}

} // namespace xcopy
