#include "vendors/owned_host.hpp"

#include "vendors/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

Result<ArrayHost> ensure_owned_host(const Settling& how, const std::vector<std::string>& wanted,
                                    const OwnedHosts& hosts)
{
    Owner owner;
    bool everyone = false;
    const auto look = [&]() -> Result<std::optional<ArrayHost>> {
        const auto holders = hosts.list(everyone);
        if (!holders)
            return holders.error();
        owner = owner_of(*holders, wanted);
        if (owner.host.id.empty())
            if (const auto own = std::ranges::find(*holders, hosts.own_name, &ArrayHost::name); own != holders->end())
                owner.host = *own;
        if (owner.host.id.empty() || (owner.host.name == hosts.own_name && !owner.free.empty()))
            return std::optional<ArrayHost>();
        return std::optional(ArrayHost{owner.host.id, owner.host.name, wanted});
    };
    const auto change = [&]() -> Result<void> {
        auto changed = hosts.write(!owner.host.id.empty(), owner.free);
        everyone = !changed;
        return changed;
    };
    auto ensured = settle<ArrayHost>(how, look, change);
    return ensured ? ensured : ensured.error().in(fmt::format("host {}", hosts.own_name));
}

std::string own_host_name(std::string_view uuid, std::size_t longest)
{
    constexpr std::string_view prefix = "xcopy-";
    std::string end = lower(uuid);
    std::erase(end, '-');
    const auto kept = std::min(end.size(), longest - prefix.size());
    return kept == 0 ? "" : std::string(prefix) + end.substr(end.size() - kept);
}

} // namespace xcopy
