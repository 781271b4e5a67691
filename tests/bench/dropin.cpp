// One disk as Forklift has it copied: its words and its secret's variables, a claim of a real API server, vCenter, metrics scraped
// to the end. What the pod needs, and how soon the host has its order.
#include "tests/bench/host_client.hpp"
#include "tests/bench/measurements.hpp"
#include "tests/bench/statistics.hpp"
#include "tests/end_to_end/scraper.hpp"
#include "tests/kube/storage_objects.hpp"
#include "tests/vsphere/migration.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {

namespace {

constexpr int disks = 5;

std::string text_of(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Pod {
    double start_to_order_ms = 0;
    double rss_kb = 0;
};

Pod run_pod(const Build& build, e2e::Migration& migration, kube_test::KubeApi& api, const std::string& name_space,
            int number)
{
    auto& site = migration.site;
    const auto disk = site.make_disk(fmt::format("web/disk {}.vmdk", number), e2e::mib);
    const auto target = site.make_target(e2e::mib);
    const auto claim = kube_test::make_disk(
        api, name_space, kube_test::options_of(fmt::format("disk-{}", number), target.size, target.handle));
    auto environment = migration.environment();
    for (const auto* file : {"XCOPY_AGENT_CA_FILE", "XCOPY_AGENT_CERT_FILE", "XCOPY_AGENT_KEY_FILE", "XCOPY_LOG_LEVEL"})
        environment.erase(file);
    environment["XCOPY_AGENT_CA"] = text_of(site.lab.ca());
    environment["XCOPY_AGENT_CERT"] = text_of(site.lab.operator_cert());
    environment["XCOPY_AGENT_KEY"] = text_of(site.lab.operator_key());
    environment["KUBECONFIG"] = api.kubeconfig(name_space, "populator");
    const int port = e2e::free_port();
    e2e::Process pod({build.programs.coordinator, "--source-vm-id=" + migration.vcenter.id("vm web"),
                      "--source-vmdk=" + disk.vmdk, "--target-namespace=" + name_space, "--cr-name=" + claim.claim,
                      "--cr-namespace=" + name_space, "--owner-name=" + claim.claim, "--secret-name=secret",
                      "--storage-vendor-product=ontap", fmt::format("--pvc-size={}", target.size),
                      "--owner-uid=" + claim.uid, e2e::listen_on(port)},
                     environment, site.work());
    const auto begun = now_us();
    pod.go();
    while (e2e::scrape(port).find("copy_duration_seconds{") == std::string::npos) {}
    const auto ran = pod.wait();
    if (ran.exit != 0)
        throw std::runtime_error("the populator failed: " + ran.out + ran.err);
    const auto starts = site.lab.starts();
    for (const auto& start : starts)
        if (start.at("target").get<std::string>().ends_with(target.naa))
            return {static_cast<double>(start.at("us").get<std::int64_t>() - begun) / 1000,
                    static_cast<double>(ran.peak_rss_kb)};
    throw std::runtime_error("no vmkfstools was started for " + target.naa);
}

} // namespace

std::vector<Figure> dropin(const Build& build)
{
    kube_test::KubeApi api;
    const auto name_space = api.make_namespace();
    kube_test::make_populator(api, name_space, "");
    std::vector<nlohmann::json> shown;
    shown.reserve(disks);
    for (int number = 0; number < disks; ++number)
        shown.push_back(e2e::flat(fmt::format("[datastore1] web/disk {}.vmdk", number), {}, e2e::mib));
    e2e::Migration migration({e2e::vm("web", "poweredOff", shown)}, nlohmann::json::object(), {}, build.programs);
    std::vector<double> times;
    std::vector<double> memory;
    for (int number = 0; number < disks; ++number) {
        const auto pod = run_pod(build, migration, api, name_space, number);
        times.push_back(pod.start_to_order_ms);
        memory.push_back(pod.rss_kb);
    }
    return {{"dropin_rss_kb", worst(memory), "KiB", 20480, fmt::format("most of {} disks", disks)},
            {"dropin_start_to_order_ms",
             median(times),
             "ms",
             {},
             fmt::format("median of {}; worst {:.0f}; process start to vmkfstools started", disks, worst(times))}};
}

std::vector<Figure> image(const Build& build)
{
    if (!std::filesystem::exists(build.image))
        throw std::runtime_error("there is no " + build.image.string() + "; make it with ./dev build image");
    return {{"image_bytes", static_cast<double>(std::filesystem::file_size(build.image)), "B", {}, "packed"}};
}

} // namespace bench
