#include "vendors/host_object.hpp"

#include "vendors/lists.hpp"
#include "vendors/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace xcopy {

namespace {

using Kind = Initiator::Kind;

HostIdentity without_iscsi(HostIdentity host)
{
    std::erase_if(host.initiators, [](const Initiator& one) { return one.kind == Kind::iscsi; });
    return host;
}

void add(Spellings& names, const Spellings& more)
{
    for (const auto& name : more)
        if (std::ranges::count(names, name) == 0)
            names.push_back(name);
}

} // namespace

Result<Spellings> spelled(const HostIdentity& host, const std::function<std::string(const Initiator&)>& spell)
{
    Spellings names;
    for (const Initiator& one : host.initiators)
        if (one.kind == Kind::fc || one.kind == Kind::iscsi)
            names.push_back(spell(one));
    std::ranges::sort(names);
    if (names.empty())
        return Error{Errc::unsupported, fmt::format("host {} has neither an iSCSI nor an FC adapter", host.name),
                     "use a host that is connected to the array", "no_initiators"};
    return names;
}

Result<ArrayHost> ensure_host_object(const Settling& how, const HostIdentity& host, const HostObjects& objects)
{
    const bool fc_alone = objects.one_protocol && has_kind(host.initiators, Kind::fc);
    const auto all = spelled(host, objects.spell);
    const auto for_ours = fc_alone ? spelled(without_iscsi(host), objects.spell) : all;
    const auto name = own_name(host.uuid, objects.longest_name);
    if (!all)
        return all.error();
    const auto& wanted = *all;
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
        missing = *for_ours;
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

Result<std::vector<ArrayHost>> holders_of(const Spellings& wanted, const std::string& own, const HostIdentity& host,
                                          const HostSearch& search)
{
    std::vector<ArrayHost> holders;
    Spellings missing = wanted;
    const auto read = [&](const std::string& name) -> Result<void> {
        const auto is_it = [&](const ArrayHost& one) { return one.name == name || halves(one.id).second == name; };
        if (missing.empty() || name.empty() || std::ranges::any_of(holders, is_it))
            return {};
        auto found = search.read(name);
        if (!found || !*found || !share_an_initiator((*found)->initiator_ids, wanted))
            return found ? Result<void>() : found.error();
        std::erase_if(missing, [&](const auto& one) { return share_an_initiator({one}, (*found)->initiator_ids); });
        holders.push_back(std::move(**found));
        return {};
    };
    const auto is_likely = [&](const std::string& name) {
        return contains_ignoring_case(name, host.uuid) || contains_ignoring_case(name, split(host.name, '.').front());
    };
    auto ways = search.hints;
    ways.push_back(search.everyone);
    for (std::size_t way = 0; way < ways.size() && !missing.empty(); ++way) {
        if (way == search.hints.size() && !holders.empty())
            break;
        const auto rows = way < search.hints.size() ? or_none(ways[way].list(), search.is_no_hint) : ways[way].list();
        if (!rows)
            return rows.error();
        std::vector<std::string> names;
        for (const rest::Json& row : *rows)
            if (way == search.hints.size() || share_an_initiator(search.initiators_in({row}), wanted))
                names.push_back(rest::text_at(row, ways[way].name_field));
        std::ranges::stable_partition(names, is_likely);
        for (const auto& name : names)
            if (auto looked = read(name); !looked)
                return looked.error();
    }
    if (!holders.empty())
        return holders;
    auto ours = search.read(own);
    if (ours && *ours)
        holders.push_back(std::move(**ours));
    return ours ? Result<std::vector<ArrayHost>>(holders) : ours.error();
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
