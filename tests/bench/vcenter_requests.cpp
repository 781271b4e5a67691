// What one disk costs a vCenter, which thousands of others ask at the same time.
#include "tests/bench/measurements.hpp"
#include "tests/vsphere/migration.hpp"

#include <stdexcept>

namespace bench {

std::vector<Figure> vcenter_requests(const Build& build)
{
    e2e::Migration migration({e2e::vm("web", "poweredOff", {e2e::flat("[datastore1] web/web.vmdk", {}, e2e::mib)})},
                             nlohmann::json::object(), {}, build.programs);
    const auto disk = migration.site.make_disk("web/web.vmdk", e2e::mib);
    const auto target = migration.site.make_target(e2e::mib);
    const auto ran = migration.populate(disk, target, migration.vcenter.id("vm web"));
    if (ran.exit != 0)
        throw std::runtime_error("populate failed: " + ran.out + ran.err);
    return {{"vcenter_requests_per_disk", static_cast<double>(migration.vcenter.requests().size()), "", 7,
             "sign-in and sign-out included"}};
}

} // namespace bench
