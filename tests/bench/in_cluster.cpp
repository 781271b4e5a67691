// One disk whose target is a PersistentVolumeClaim: what a cluster's API server is asked.
#include "tests/bench/measurements.hpp"
#include "tests/end_to_end/site.hpp"
#include "tests/kube/storage_objects.hpp"

#include <stdexcept>

namespace bench {

namespace {

// Every request is a line of the debug log with its path.
int kube_requests(const std::string& log)
{
    int count = 0;
    for (const std::string_view path : {"/api/v1/", "/apis/coordination.k8s.io/"})
        for (auto at = log.find(path); at != std::string::npos; at = log.find(path, at + 1))
            ++count;
    return count;
}

} // namespace

std::vector<Figure> in_cluster(const Build& build)
{
    kube_test::KubeApi api;
    const auto here = api.make_namespace();
    kube_test::make_populator(api, here, "");
    e2e::Site site(nlohmann::json::object(), build.programs);
    const auto disk = site.make_disk("vm/d.vmdk", e2e::mib);
    const auto target = site.make_target(e2e::mib);
    const auto claim = kube_test::make_disk(api, here, kube_test::options_of("vm-disk-1", target.size, target.handle));
    const auto ran = site.coordinator({"populate", "--kubeconfig=" + api.kubeconfig(here, "populator").string(),
                                       "--owner-name=" + claim.claim, "--source-vmdk=" + disk.vmdk, "--output=json",
                                       "--log-level=debug"});
    if (ran.exit != 0)
        throw std::runtime_error("populate in a cluster failed: " + ran.out + ran.err);
    return {{"kube_requests_per_disk", static_cast<double>(kube_requests(ran.err)), "", 14,
             "a claim, its prime claim, its volume, and the journal; one more for every 5 s of copying"}};
}

} // namespace bench
