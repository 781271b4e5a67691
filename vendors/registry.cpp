#include "vendors/registry.hpp"

#include "vendors/rest/clock.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace xcopy {

namespace {

struct Vendor {
    std::string_view name; // as Forklift spells it
    Result<std::unique_ptr<Array>> (*make)(const ArrayConfig&, rest::Transport&, rest::Clock&);
};

constexpr Vendor known[] = {
    {"flashsystem", make_flashsystem}, {"infinibox", make_infinibox},       {"ontap", make_ontap},
    {"powerflex", make_powerflex},     {"powermax", make_powermax},         {"powerstore", make_powerstore},
    {"primera3par", make_primera3par}, {"pureFlashArray", make_flasharray}, {"vantara", make_vantara},
};

} // namespace

std::vector<std::string_view> vendors()
{
    std::vector<std::string_view> names;
    std::ranges::transform(known, std::back_inserter(names), &Vendor::name);
    return names;
}

Result<std::unique_ptr<Array>> make_array(const ArrayConfig& config, rest::Transport& transport)
{
    return make_array(config, transport, rest::real_clock());
}

Result<std::unique_ptr<Array>> make_array(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    const auto vendor = std::ranges::find(known, config.vendor, &Vendor::name);
    if (vendor == std::end(known))
        return Error{Errc::bad_request, fmt::format("unknown storage vendor '{}'", config.vendor),
                     fmt::format("known vendors: {}", fmt::join(vendors(), ", ")), "unknown_vendor"};
    return vendor->make(config, transport, clock);
}

} // namespace xcopy
