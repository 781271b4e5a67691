#include "tests/dropin/kubelet.hpp"

#include "tests/kube/storage_objects.hpp"

#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace dropin {

namespace fs = std::filesystem;
using kube_test::KubeApi;
using std::chrono::steady_clock;
using namespace std::chrono_literals;
using xcopy::rest::Method;

namespace {

constexpr const char* account_inside = "/var/run/secrets/kubernetes.io/serviceaccount";

// Process 1 of the namespace that bwrap makes, as this machine numbers it; 0 when it is gone before it was seen.
int child_of(const e2e::Process& bwrap)
{
    const auto file = fmt::format("/proc/{0}/task/{0}/children", bwrap.pid());
    while (!bwrap.has_ended()) {
        int pid = 0;
        if (std::ifstream(file) >> pid)
            return pid;
        std::this_thread::sleep_for(1ms); // nothing tells when it has forked
    }
    return 0;
}

} // namespace

std::string pod_path(const std::string& name_space, const std::string& name)
{
    return fmt::format("/api/v1/namespaces/{}/pods{}{}", name_space, name.empty() ? "" : "/", name);
}

Kubelet::Kubelet(KubeApi& api, std::string name_space, fs::path image, fs::path folder)
    : api_(api), name_space_(std::move(name_space)), image_(std::move(image)), folder_(std::move(folder)),
      network_(::getpid())
{
    fs::create_directories(folder_);
}

void Kubelet::sync(const Json& pods)
{
    for (const auto& pod : pods) {
        const std::string name = pod["metadata"]["name"];
        if (auto* run = running(name); run != nullptr && pod["metadata"]["uid"] == run->uid)
            look_after(*run, pod);
        else if (pod["metadata"].contains("deletionTimestamp"))
            api_.ask(Method::remove, pod_path(name_space_, name) + "?gracePeriodSeconds=0");
        else if (pod["status"].value("phase", "Pending") == "Pending")
            start(pod);
    }
}

PodRun* Kubelet::running(const std::string& pod)
{
    for (auto i = runs_.rbegin(); i != runs_.rend(); ++i)
        if ((*i)->pod == pod)
            return i->get();
    return nullptr;
}

// A pod whose volume has none yet stays Pending.
void Kubelet::start(const Json& pod)
{
    for (const auto& volume : pod["spec"]["volumes"]) {
        if (!volume.contains("persistentVolumeClaim"))
            continue;
        const auto mounted =
            api_.ask(Method::get, kube_test::claim_path(name_space_, volume["persistentVolumeClaim"]["claimName"]));
        if (mounted.status != 200 || mounted.body["status"].value("phase", "") != "Bound")
            return;
    }

    auto run = std::make_unique<PodRun>();
    run->pod = pod["metadata"]["name"];
    run->uid = pod["metadata"]["uid"];
    run->disk_uid = run->pod.substr(run->pod.find('-') + 1);
    run->address = fmt::format("127.{}.{}.{}", 128 + network_ % 100, network_ / 100 % 250, ++next_);
    run->account = folder_ / fmt::format("account-{}", next_);
    fs::create_directories(run->account);
    fs::copy_file(api_.ca_file(), run->account / "ca.crt");
    std::ofstream(run->account / "namespace") << name_space_;
    write_token(*run);

    const auto& container = pod["spec"]["containers"][0];
    const std::string secret = container["envFrom"][0]["secretRef"]["name"];
    auto environment = variables(api_.get(fmt::format("/api/v1/namespaces/{}/secrets/{}", name_space_, secret)),
                                 container.contains("env"));
    const auto& url = api_.url();
    environment["KUBERNETES_SERVICE_HOST"] = "127.0.0.1";
    environment["KUBERNETES_SERVICE_PORT"] = url.substr(url.rfind(':') + 1);
    environment["HOSTNAME"] = run->pod;
    // A pod has a network of its own; here it has an address.
    environment["XCOPY_METRICS_LISTEN"] = run->address + ":8443";

    std::vector<std::string> argv{"/usr/bin/bwrap",
                                  "--die-with-parent",
                                  "--ro-bind",
                                  image_.string(),
                                  "/",
                                  "--tmpfs",
                                  "/tmp",
                                  "--proc",
                                  "/proc",
                                  "--dev",
                                  "/dev",
                                  "--ro-bind",
                                  run->account,
                                  account_inside,
                                  "--unshare-all",
                                  "--share-net",
                                  "--as-pid-1",
                                  "--hostname",
                                  run->pod,
                                  "--uid",
                                  "107",
                                  "--gid",
                                  "107",
                                  "--cap-drop",
                                  "ALL",
                                  "--chdir",
                                  "/",
                                  "/bin/xcopy-coordinator"};
    for (const auto& argument : container["args"])
        run->arguments.push_back(argument);
    argv.insert(argv.end(), run->arguments.begin(), run->arguments.end());
    run->process = std::make_unique<e2e::Process>(std::move(argv), std::move(environment), folder_);
    run->process->go();
    run->begun = steady_clock::now();
    run->inner_pid = child_of(*run->process);
    report(*run, {{"phase", "Running"},
                  {"podIP", run->address},
                  {"podIPs", Json::array({{{"ip", run->address}}})},
                  {"containerStatuses", Json::array({{{"name", "populate"},
                                                      {"image", ""},
                                                      {"imageID", ""},
                                                      {"ready", true},
                                                      {"restartCount", 0},
                                                      {"state", {{"running", Json::object()}}}}})}});
    runs_.push_back(std::move(run));
}

void Kubelet::look_after(PodRun& run, const Json& pod)
{
    const bool is_going = pod["metadata"].contains("deletionTimestamp");
    if (!run.has_ended && run.process->has_ended()) {
        run.ended = steady_clock::now();
        run.ran = run.process->wait();
        run.has_ended = true;
        // Since Kubernetes 1.27 the phase follows from the exit code also of a pod that is being deleted.
        const int code = run.ran.exit >= 0 ? run.ran.exit : 128 + run.ran.signal;
        report(run, {{"phase", code == 0 ? "Succeeded" : "Failed"},
                     {"containerStatuses",
                      Json::array({{{"name", "populate"},
                                    {"image", ""},
                                    {"imageID", ""},
                                    {"ready", false},
                                    {"restartCount", 0},
                                    {"state", {{"terminated", {{"exitCode", code}, {"reason", "Completed"}}}}}}})}});
    }
    if (is_going && run.has_ended) // with this it goes
        api_.ask(Method::remove, pod_path(name_space_, run.pod) + "?gracePeriodSeconds=0");
    else if (is_going)
        end(run, std::chrono::seconds(pod["metadata"].value("deletionGracePeriodSeconds", 30)));
    else if (run.was_asked_to_end)
        end(run, 30s);
}

void Kubelet::end(PodRun& run, std::chrono::seconds grace)
{
    if (run.has_ended)
        return;
    if (!run.was_asked_to_end) {
        run.was_asked_to_end = true;
        run.asked_to_end = steady_clock::now();
        ::kill(run.inner_pid, SIGTERM);
    } else if (steady_clock::now() > run.asked_to_end + grace) {
        ::kill(run.inner_pid, SIGKILL);
    }
}

void Kubelet::evict(const std::string& pod)
{
    end(*running(pod), 30s);
}

void Kubelet::kill(const std::string& pod)
{
    ::kill(running(pod)->inner_pid, SIGKILL);
}

void Kubelet::rotate_token(const std::string& pod)
{
    write_token(*running(pod));
}

// Bound to the pod, as a kubelet asks for it: with the pod gone it is worth nothing.
void Kubelet::write_token(const PodRun& run) const
{
    const auto reply = api_.create(
        fmt::format("/api/v1/namespaces/{}/serviceaccounts/populator/token", name_space_),
        {{"spec",
          {{"expirationSeconds", 3600},
           {"boundObjectRef", {{"kind", "Pod"}, {"apiVersion", "v1"}, {"name", run.pod}, {"uid", run.uid}}}}}});
    const auto fresh = run.account / "token.new";
    std::ofstream(fresh) << reply.at("status").at("token").get<std::string>();
    fs::rename(fresh, run.account / "token");
}

void Kubelet::report(const PodRun& run, const Json& status) const
{
    const auto reply = api_.patch(pod_path(name_space_, run.pod) + "/status", {{"status", status}});
    if (reply.status != 200 && reply.status != 404)
        throw std::runtime_error(fmt::format("status of {}: {}", run.pod, reply.body.dump()));
}

} // namespace dropin
