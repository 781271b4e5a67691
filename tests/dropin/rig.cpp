#include "tests/dropin/rig.hpp"

#include "tests/dropin/same_view.hpp"
#include "tests/end_to_end/ssh_site.hpp"
#include "tests/kube/storage_objects.hpp"
#include "tests/vsphere/migration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace dropin {

namespace fs = std::filesystem;
using kube_test::KubeApi;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using xcopy::rest::Method;

namespace {

constexpr const char* half = "half";
constexpr auto patience = 120s; // two loaded cores

std::string text_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The root file system that the image consists of, put together once for a test program. A container runtime makes the folder
// into which it mounts the service account.
const fs::path& image()
{
    struct Staged {
        fs::path folder = fs::temp_directory_path() / fmt::format("xcopy-dropin-image-{}", ::getpid());
        Staged()
        {
            const auto command = fmt::format("{}/toolchain/image/stage '{}' {}", XCOPY_SOURCE_DIR, folder.string(),
                                             XCOPY_COORDINATOR_PROGRAM);
            if (std::system(command.c_str()) != 0)
                throw std::runtime_error("the image cannot be put together");
            fs::create_directories(folder / "var/run/secrets/kubernetes.io/serviceaccount");
        }
        ~Staged()
        {
            std::error_code ignored;
            fs::remove_all(folder, ignored);
        }
    };
    static const Staged one;
    return one.folder;
}

// Once for a cluster: Forklift's own namespace, the custom resource's definition, the storage class.
void install_forklift(KubeApi& api)
{
    static bool done = false;
    if (std::exchange(done, true))
        return;
    const auto definition = custom_resource_definition();
    kube_test::ensure(api, "/api/v1/namespaces", {{"metadata", {{"name", "openshift-mtv"}}}});
    kube_test::ensure(api, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition);
    kube_test::make_storage_class(api);
    const auto give_up = steady_clock::now() + patience;
    while (api.ask(Method::get, resource_path("default")).status != 200) {
        if (steady_clock::now() > give_up)
            throw std::runtime_error("the custom resource is not served");
        std::this_thread::sleep_for(20ms); // nothing tells when it is
    }
}

Json without_agents(Json scenario)
{
    scenario["hosts"] = Json::array();
    for (const char* name : {"esx1", "esx2"})
        scenario["hosts"].push_back({{"name", name}, {"ssh", true}, {"agent", false}});
    return scenario;
}

} // namespace

Rig::Rig(RigOptions options)
    : site(options.over_ssh ? without_agents(options.lab) : options.lab), options_(std::move(options))
{
    install_forklift(api);
    name_space = api.make_namespace();
    kube_test::make_populator(api, name_space, "openshift-mtv");

    if (options_.over_ssh) {
        e2e::give_forklifts_key(site, {"esx1", "esx2"});
        e2e::put_script(site);
        options_.agent_keys = false;
        options_.clone_method = "ssh";
        options_.storage.insert({"XCOPY_SSH_PORT", "2222"});
    }
    std::vector<Json> vms;
    for (const auto& vm : options_.vms) {
        std::vector<Json> disks;
        for (const auto& spec : vm.disks)
            disks.push_back(make_disk(vm, spec, prepared_[vm.name].emplace_back()));
        vms.push_back(e2e::vm(vm.name, vm.power, disks, vm.host));
    }
    vcenter = std::make_unique<xcopy::test::Vcsim>(e2e::inventory_of(site, vms));
    kubelet = std::make_unique<Kubelet>(api, name_space, image(), site.work() / "pods");
    cluster = std::make_unique<Cluster>(
        api, *kubelet,
        ClusterRules{.release = options_.release,
                     .name_space = name_space,
                     .most_pods_of_a_host = options_.most_pods_of_a_host,
                     .scrape_every = options_.scrape_every,
                     .provision = [this](const std::string& uid, std::uint64_t size) { return provision(uid, size); }});
}

Rig::~Rig() = default;

// On the lab's datastore, or as a LUN of its array; and how vCenter shows it.
Json Rig::make_disk(const VmSpec& vm, const DiskSpec& spec, Copy& copy)
{
    copy.vm = vm.name;
    copy.spec = spec;
    const auto named = [&](const std::string& file) { return fmt::format("[{}] {}", spec.datastore, file); };
    Json shown{{"size", spec.size}, {"allocated", spec.size / 2}};
    if (spec.independent)
        shown["mode"] = "independent_persistent";
    if (spec.kind == "rdm") {
        const auto lun = site.lab.call({{"do", "array.volume.create"},
                                        {"array", site.array()},
                                        {"name", vm.name + "-rdm"},
                                        {"kind", "rdm"},
                                        {"size", spec.size}});
        copy.chain = {lun.at("file").get<std::string>()};
        shown.update({{"file", named(spec.file)},
                      {"kind", "rdm-virtual"},
                      {"lun_uuid", "seen by no host"},
                      {"device", "vml.0200070000" + lun.at("naa").get<std::string>().substr(4) + "466c6173684172"}});
        return shown;
    }

    const auto stem = spec.file.substr(0, spec.file.rfind(".vmdk"));
    const auto level = [&](int number) { return number == 0 ? spec.file : fmt::format("{}-{:06}.vmdk", stem, number); };
    const auto made = site.lab.call({{"do", "datastore.create_disk"},
                                     {"datastore", spec.datastore},
                                     {"file", spec.file},
                                     {"size", spec.size},
                                     {"seed", std::hash<std::string>()(vm.name + spec.file)},
                                     {"thin", spec.kind == "thin"},
                                     {"every", std::max(spec.size / 64, 16 * mib)}});
    copy.chain = {made.at("flat").get<std::string>()};
    auto parents = Json::array();
    for (int number = 1; number <= spec.snapshots; ++number) {
        const auto delta = site.lab.call({{"do", "datastore.create_delta"},
                                          {"datastore", spec.datastore},
                                          {"file", level(number)},
                                          {"parent", level(number - 1)},
                                          {"at", static_cast<std::uint64_t>(number) * mib},
                                          {"seed", 1000 + number}});
        copy.chain.insert(copy.chain.begin(), delta.at("extent").get<std::string>());
        parents.insert(parents.begin(), named(level(number - 1)));
    }
    shown.update({{"file", named(level(spec.snapshots))},
                  {"kind", spec.snapshots > 0 ? "sesparse" : "flat"},
                  {"thick", spec.kind == "thick"},
                  {"parents", parents}});
    return shown;
}

// As an administrator writes it, with what our agents need beside the array's own keys.
Secret Rig::storage_secret() const
{
    Secret all = options_.storage;
    for (const auto& [key, value] : site.lab.ready().at("arrays").at(site.array()).at("secret").items())
        all.insert({key, value});
    all.insert({"STORAGE_CA", text_of(site.lab.ca())});
    if (options_.agent_keys) {
        all.insert({"XCOPY_AGENT_CA", text_of(site.lab.ca())});
        all.insert({"XCOPY_AGENT_CERT", text_of(site.lab.operator_cert())});
        all.insert({"XCOPY_AGENT_KEY", text_of(site.lab.operator_key())});
    }
    all.insert({"XCOPY_LOG_LEVEL", "debug"});
    return all;
}

void Rig::migrate_all(const PlanOptions& plan)
{
    for (const auto& vm : options_.vms)
        migrate(vm.name, plan);
}

void Rig::migrate(const std::string& vm, const PlanOptions& plan)
{
    const auto spec = std::ranges::find(options_.vms, vm, &VmSpec::name);
    const bool has_ca_key = options_.release.maps_ca;
    const Provider provider{.url = vcenter->url() + "/sdk",
                            .secret = {{"user", vcenter->user()},
                                       {"password", vcenter->password()},
                                       {"insecureSkipVerify", "false"},
                                       {"url", vcenter->url() + "/sdk"},
                                       {has_ca_key ? "ca.crt" : "cacert", text_of(vcenter->ca_file())}},
                            .clone_method = options_.clone_method,
                            .ssh_private_key = site.more_environment["SSH_PRIVATE_KEY"],
                            .ssh_public_key = site.more_environment["SSH_PUBLIC_KEY"]};
    int number = 0;
    for (auto& prepared : prepared_.at(vm)) {
        auto copy = prepared;
        const auto top = copy.spec.snapshots == 0
                             ? copy.spec.file
                             : fmt::format("{}-{:06}.vmdk", copy.spec.file.substr(0, copy.spec.file.rfind(".vmdk")),
                                           copy.spec.snapshots);
        if (plan.warm)
            copy.chain = {copy.chain.back()};
        const auto name = name_of_disk(plan.name + ' ' + vm, number++);
        DiskOfPlan disk{.name = name,
                        .name_space = name_space,
                        .plan = plan.name,
                        .vm = vcenter->id("vm " + vm),
                        .vmdk = path_of_copy(fmt::format("[{}] {}", copy.spec.datastore, top), plan.warm),
                        .source_host = vcenter->id("host " + spec->host),
                        .migration_host = plan.migration_host.empty() || !options_.release.names_migration_host
                                              ? ""
                                              : vcenter->id("host " + plan.migration_host),
                        .secret = name,
                        .vendor = site.lab.ready().at("arrays").at(site.array()).at("kind"),
                        .size = copy.spec.size};
        copy.state = &cluster->add(std::move(disk), merged_secret(options_.release, provider, storage_secret()));
        copies_.push_back(std::move(copy));
    }
}

// What a CSI driver does, up to showing the volume to the worker on which the pod mounts it.
Provisioned Rig::provision(const std::string& uid, std::uint64_t size)
{
    const auto copy = std::ranges::find_if(copies_, [&](const Copy& c) { return c.state->disk.uid == uid; });
    copy->target = site.make_target(size);
    copy->target.job = uid;
    e2e::map_to_worker(site, copy->target);
    copy->presentations_before = site.presentations(copy->target);
    const auto named = kube_test::options_of("", size, copy->target.handle);
    return {named.handle, named.attributes};
}

void Rig::until(const std::string& what, const std::function<bool()>& is_so)
{
    const auto give_up = steady_clock::now() + patience;
    for (;;) {
        cluster->sync();
        if (is_so())
            return;
        if (steady_clock::now() > give_up)
            throw std::runtime_error(fmt::format("waited in vain: {}\n{}", what, describe()));
        std::this_thread::sleep_for(25ms); // controllers look again
    }
}

void Rig::until_settled()
{
    until("every disk is settled", [&] { return is_settled(); });
}

bool Rig::is_settled() const
{
    return std::ranges::all_of(copies_, [&](const Copy& one) {
        return one.state->is_settled() &&
               std::ranges::all_of(runs_of(one), [](const PodRun* run) { return run->has_ended; });
    });
}

void Rig::hold_at_half()
{
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", 50}, {"hold_name", half}});
}

void Rig::until_held(int count)
{
    until("clones are half done", [&] {
        return site.lab.try_call({{"do", "hold.wait"}, {"name", half}, {"count", count}, {"timeout_ms", 1}})
            .at("ok")
            .get<bool>();
    });
}

void Rig::let_go()
{
    site.lab.call({{"do", "vmkfstools.set"}, {"hold_at", nullptr}});
    site.lab.release(half);
}

std::vector<PodRun*> Rig::runs_of(const Copy& one) const
{
    std::vector<PodRun*> found;
    for (const auto& run : kubelet->runs())
        if (run->disk_uid == one.state->disk.uid)
            found.push_back(run.get());
    return found;
}

std::string Rig::log_of(const Copy& one) const
{
    std::string all;
    for (const auto* run : runs_of(one))
        all += run->has_ended ? fmt::format("{}{}[exit {}, signal {}]\n", run->ran.err, run->ran.out, run->ran.exit,
                                            run->ran.signal)
                              : run->process->errors_so_far();
    return all;
}

std::string Rig::host_of(const Copy& one) const
{
    const auto starts = site.lab.starts();
    for (const auto& start : starts)
        if (start.at("target").get<std::string>().find(one.target.naa) != std::string::npos)
            return start.at("host");
    return "";
}

std::vector<std::string> Rig::secrets() const
{
    std::vector<std::string> all{vcenter->password(), "vmware_soap_session", "PRIVATE KEY"};
    const auto given = storage_secret();
    for (const char* key : {"STORAGE_PASSWORD", "STORAGE_TOKEN"})
        if (const auto found = given.find(key); found != given.end())
            all.push_back(found->second);
    for (const auto& token : site.list({{"do", "array.sessions"}, {"array", site.array()}}, "tokens"))
        all.push_back(token);
    for (const auto& run : kubelet->runs())
        all.push_back(text_of(run->account / "token"));
    return all;
}

Json Rig::journal_of(const Copy& one) const
{
    const auto reply = api.ask(Method::get, kube_test::lease_path(name_space, "xcopy-journal-" + one.state->disk.uid));
    return reply.status == 200 ? reply.body : Json();
}

void Rig::remove_pod(const Copy& one, bool by_eviction)
{
    const auto path = pod_path(name_space, pod_of(one));
    const auto reply = by_eviction ? api.ask(Method::post, path + "/eviction",
                                             {{"apiVersion", "policy/v1"},
                                              {"kind", "Eviction"},
                                              {"metadata", {{"name", pod_of(one)}, {"namespace", name_space}}}})
                                   : api.ask(Method::remove, path);
    if (reply.status > 299)
        throw std::runtime_error("remove pod: " + reply.body.dump());
}

e2e::Ran Rig::run_pod(const Copy& one, const std::vector<std::string>& arguments)
{
    const auto name = fmt::format("job-{}", kubelet->runs().size());
    const Json container{
        {"name", "job"},
        {"image", "registry.example.com/xcopy-coordinator:test"},
        {"args", arguments},
        {"env",
         Json::array({{{"name", "cacert"},
                       {"valueFrom", {{"secretKeyRef", {{"name", one.state->disk.secret}, {"key", "ca.crt"}}}}}}})},
        {"envFrom", Json::array({{{"secretRef", {{"name", one.state->disk.secret}}}}})}};
    api.create(pod_path(name_space), {{"metadata", {{"name", name}}},
                                      {"spec",
                                       {{"containers", Json::array({container})},
                                        {"serviceAccountName", "populator"},
                                        {"nodeName", "worker-1"},
                                        {"restartPolicy", "Never"}}}});
    until(name + " has ended", [&] {
        const auto* run = kubelet->running(name);
        return run != nullptr && run->has_ended;
    });
    return kubelet->running(name)->ran;
}

std::string Rig::describe() const
{
    std::string all;
    for (const auto& one : copies_)
        all += fmt::format("{}: pods {}, done {}, failed {}, gone {}, progress {}\n{}\n", one.state->disk.name,
                           one.state->pods, one.state->is_done, one.state->has_failed, one.state->is_gone,
                           fmt::join(one.state->progress(), " "), log_of(one));
    return all;
}

void expect_clean(Rig& rig, const Copy& one)
{
    e2e::expect_nothing_left(rig.site, one.target, one.presentations_before);
    const auto journal = rig.journal_of(one);
    if (!journal.is_null()) {
        EXPECT_FALSE(journal.at("metadata").contains("annotations")) << journal;
        EXPECT_FALSE(journal.at("metadata").contains("finalizers")) << journal;
    }
}

void expect_copied(Rig& rig, const Copy& one)
{
    SCOPED_TRACE(one.state->disk.name + ": " + one.state->disk.vmdk);
    const auto log = rig.log_of(one);
    ASSERT_TRUE(one.state->is_done) << log;
    EXPECT_EQ(rig.runs_of(one).back()->ran.exit, 0) << log;
    EXPECT_TRUE(same_view(one.chain, one.target.file, one.spec.size));
    expect_clean(rig, one);
    EXPECT_EQ(rig.cluster->claim(*one.state).at("status").at("phase"), "Bound");
    EXPECT_THAT(log, Not(HasSubstr("forbidden")));

    const auto progress = one.state->progress();
    EXPECT_TRUE(std::ranges::is_sorted(progress)) << fmt::format("{}", fmt::join(progress, " "));
    const auto status = rig.cluster->status(*one.state);
    EXPECT_NE(status.value("result", ""), "failure");
    if (one.state->pods > 1)
        return; // Forklift does not look at a second pod of the same claim
    ASSERT_FALSE(progress.empty()) << log;
    EXPECT_EQ(progress.back(), 100) << log;

    EXPECT_EQ(status.value("progress", ""), "100");
    if (!one.state->scrapers.front().reads_results())
        return;
    EXPECT_EQ(status.value("result", ""), "success") << status;
    EXPECT_EQ(status.value("xcopyUsed", ""), one.spec.xcopy) << status << log;
    EXPECT_EQ(status.value("storageVendor", ""), one.state->disk.vendor);
    EXPECT_EQ(status.value("cloneMethod", ""), one.spec.kind == "rdm" ? "rdm" : rig.is_over_ssh() ? "ssh" : "agent");
    EXPECT_EQ(status.value("provisionedBytes", ""), fmt::format("{:g}", static_cast<double>(one.spec.size)));
    EXPECT_GT(std::stod(status.value("copyDurationSeconds", "0")), 0);
}

void expect_all_copied(Rig& rig)
{
    for (const auto& one : rig.copies())
        expect_copied(rig, one);
}

void expect_refused(Rig& rig, const Copy& one, const std::string& why)
{
    const auto log = rig.log_of(one);
    EXPECT_TRUE(one.state->has_failed) << log;
    EXPECT_NE(rig.runs_of(one).back()->ran.exit, 0);
    EXPECT_THAT(log, HasSubstr(why));
    EXPECT_THAT(log, HasSubstr("\"copy-offload failed\" err=\"")); // Forklift's tests look for it
    EXPECT_EQ(rig.starts_on(one), 0);
    expect_clean(rig, one);
}

} // namespace dropin
