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
    Maker* make;
};

constexpr Vendor known[] = {
    {"flashsystem", flashsystem::make}, {"infinibox", infinibox::make}, {"ontap", ontap::make},
    {"powerflex", powerflex::make},     {"powermax", powermax::make},   {"powerstore", powerstore::make},
    {"primera3par", primera3par::make}, {"pureFlashArray", pure::make}, {"vantara", vantara::make},
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
