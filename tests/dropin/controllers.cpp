#include "tests/dropin/controllers.hpp"

#include "tests/kube/storage_objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace dropin {

using kube_test::claim_path;
using kube_test::KubeApi;
using kube_test::volume_path;
using xcopy::rest::Method;

namespace {

constexpr int most_recreations = 3;
constexpr const char* recreations = "recreations";

std::string secret_path(const std::string& name_space, const std::string& name = "")
{
    return fmt::format("/api/v1/namespaces/{}/secrets{}{}", name_space, name.empty() ? "" : "/", name);
}

const Json* look_up(const std::map<std::string, Json>& all, const std::string& name)
{
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
}

std::string phase(const Json& object)
{
    return object.value("status", Json::object()).value("phase", "");
}

bool is_bound(const Json& claim)
{
    return phase(claim) == "Bound";
}

} // namespace

std::string resource_path(const std::string& name_space, const std::string& name)
{
    return fmt::format("/apis/forklift.konveyor.io/v1beta1/namespaces/{}/vspherexcopyvolumepopulators{}{}", name_space,
                       name.empty() ? "" : "/", name);
}

std::vector<int> DiskState::progress() const
{
    std::vector<int> all;
    for (const auto& scraper : scrapers)
        for (const int figure : scraper.progress())
            all.push_back(figure);
    return all;
}

std::vector<std::string> DiskState::texts() const
{
    std::vector<std::string> all;
    for (const auto& scraper : scrapers)
        for (auto& text : scraper.texts())
            all.push_back(std::move(text));
    return all;
}

Cluster::Cluster(KubeApi& api, Kubelet& kubelet, ClusterRules rules)
    : api_(api), kubelet_(kubelet), rules_(std::move(rules))
{}

DiskState& Cluster::add(DiskOfPlan disk, const Secret& secret)
{
    disk.name_space = rules_.name_space;
    disk.uid = api_.create(claim_path(disk.name_space), dropin::claim(rules_.release, disk)).at("metadata").at("uid");
    if (api_.ask(Method::get, secret_path(disk.name_space, disk.secret)).status == 404)
        api_.create(secret_path(disk.name_space), {{"metadata", {{"name", disk.secret}}}, {"stringData", secret}});
    api_.create(resource_path(disk.name_space), custom_resource(disk));
    auto& state = disks_.emplace_back();
    state.disk = std::move(disk);
    return state;
}

Json Cluster::claim(const DiskState& state) const
{
    const auto reply = api_.ask(Method::get, claim_path(rules_.name_space, state.disk.name));
    return reply.status == 200 ? reply.body : Json();
}

Json Cluster::status(const DiskState& state) const
{
    return api_.get(resource_path(rules_.name_space, state.disk.name)).value("status", Json::object());
}

Cluster::ByName Cluster::list(const char* kind) const
{
    ByName found;
    auto answer = api_.get(fmt::format("/api/v1/namespaces/{}/{}", rules_.name_space, kind));
    for (auto& item : answer.at("items"))
        found.emplace(item.at("metadata").at("name").get<std::string>(), std::move(item));
    return found;
}

void Cluster::start_anew()
{
    for (auto& disk : disks_) {
        disk.scrapers.clear();
        disk.is_monitored = false;
    }
}

void Cluster::sync()
{
    const auto claims = list("persistentvolumeclaims");
    auto pods = list("pods");
    auto all = Json::array();
    for (const auto& [name, pod] : pods)
        all.push_back(pod);
    for (auto& disk : disks_)
        reconcile(disk, claims, pods);
    kubelet_.sync(all);
}

void Cluster::reconcile(DiskState& state, const ByName& claims, ByName& pods)
{
    const auto* claim = look_up(claims, state.disk.name);
    const auto* pod = look_up(pods, pod_name(state.disk.uid));
    state.pod_runs = pod != nullptr && phase(*pod) == "Running";
    if (claim == nullptr || claim->at("metadata").at("uid") != state.disk.uid ||
        claim->at("metadata").contains("deletionTimestamp"))
        return collect(state, claims, pods);
    if (state.is_done || state.has_failed)
        return;
    if (pod == nullptr)
        return make_pod(state, claims, pods);
    if (const auto* prime = look_up(claims, prime_name(state.disk.uid)); prime != nullptr && !is_bound(*prime))
        provision(state, *prime);
    monitor(state, *pod);
    if (phase(*pod) == "Succeeded")
        hand_over(state, *claim, claims);
    else if (phase(*pod) == "Failed" && !pod->at("metadata").contains("deletionTimestamp"))
        try_again(state, *claim, *pod);
}

// Garbage collection by owner, or what the finalizer's controller does.
void Cluster::collect(DiskState& state, const ByName& claims, const ByName& pods) const
{
    const auto& disk = state.disk;
    const auto* pod = look_up(pods, pod_name(disk.uid));
    if (pod != nullptr && !pod->at("metadata").contains("deletionTimestamp"))
        api_.ask(Method::remove, pod_path(disk.name_space, pod_name(disk.uid)));
    if (claims.contains(prime_name(disk.uid)))
        api_.ask(Method::remove, claim_path(disk.name_space, prime_name(disk.uid)));
    api_.ask(Method::remove, kube_test::lease_path(disk.name_space, "xcopy-journal-" + disk.uid));
    if (pod != nullptr)
        return;
    if (!rules_.release.owns_by_reference && claims.contains(disk.name))
        api_.patch(claim_path(disk.name_space, disk.name), {{"metadata", {{"finalizers", nullptr}}}});
    api_.ask(Method::remove, resource_path(disk.name_space, disk.name));
    state.is_gone = true;
}

// The pod first and the prime claim after it.
void Cluster::make_pod(DiskState& state, const ByName& claims, ByName& pods)
{
    const auto wanted = pod(rules_.release, state.disk);
    const std::string host = wanted["metadata"]["labels"]["sourceHost"];
    const auto of_this_host = std::ranges::count_if(pods, [&](const auto& each) {
        const auto& other = each.second;
        return (phase(other) == "Running" || phase(other) == "Pending") &&
               other.at("metadata").at("labels").value("sourceHost", "") == host;
    });
    if (rules_.release.throttles && of_this_host >= rules_.most_pods_of_a_host) {
        ++state.throttled; // event PopulatorThrottled; tried again
        return;
    }
    const auto made = api_.ask(Method::post, pod_path(state.disk.name_space), wanted);
    if (made.status == 409)
        return; // the one before is not gone yet
    if (made.status != 201)
        throw std::runtime_error("pod: " + made.body.dump());
    ++state.pods;
    pods.emplace(pod_name(state.disk.uid), made.body);
    if (!claims.contains(prime_name(state.disk.uid)))
        api_.create(claim_path(state.disk.name_space), prime_claim(rules_.release, state.disk));
}

void Cluster::provision(const DiskState& state, const Json& prime) const
{
    const auto volume = rules_.provision(state.disk.uid, state.disk.size);
    kube_test::bind_volume(
        api_, prime,
        {.size = std::to_string(state.disk.size), .handle = volume.handle, .attributes = volume.attributes});
}

void Cluster::monitor(DiskState& state, const Json& pod)
{
    const auto address = pod.at("status").value("podIP", "");
    if (address.empty() || state.is_monitored)
        return;
    state.is_monitored = true; // cleared on success only
    state.scrapers.emplace_back(api_, ScrapeRules{.release = rules_.release,
                                                  .url = fmt::format("https://{}:8443/metrics", address),
                                                  .uid = state.disk.uid,
                                                  .path = resource_path(state.disk.name_space, state.disk.name),
                                                  .interval = rules_.scrape_every,
                                                  .is_running = [&state] { return state.pod_runs.load(); }});
}

// The volume goes from the prime claim to the target's.
void Cluster::hand_over(DiskState& state, const Json& claim, const ByName& claims) const
{
    const auto* prime = look_up(claims, prime_name(state.disk.uid));
    if (prime == nullptr)
        return;
    const std::string volume = prime->at("spec").at("volumeName");
    const auto& meta = claim.at("metadata");
    api_.merge(
        volume_path(volume),
        {{"metadata",
          {{"annotations", {{"forklift.konveyor.io/populated-from", state.disk.name_space + '/' + state.disk.name}}}}},
         {"spec",
          {{"claimRef",
            {{"namespace", state.disk.name_space},
             {"name", meta.at("name")},
             {"uid", meta.at("uid")},
             {"resourceVersion", meta.at("resourceVersion")}}}}}});
    // The persistent volume controller: the prime claim is Lost, the target's is Bound.
    const auto prime_path = claim_path(state.disk.name_space, prime_name(state.disk.uid));
    api_.merge(prime_path + "/status", {{"status", {{"phase", "Lost"}}}});
    const auto target_path = claim_path(state.disk.name_space, state.disk.name);
    api_.merge(target_path, {{"spec", {{"volumeName", volume}}}});
    api_.merge(target_path + "/status", {{"status", {{"phase", "Bound"}}}});
    api_.remove(prime_path);
    if (!rules_.release.owns_by_reference)
        api_.merge(target_path, {{"metadata", {{"finalizers", nullptr}}}});
    state.is_monitored = false;
    state.is_done = true;
}

// Releases before 2.10 make a failed pod again, up to three times; later ones leave it.
void Cluster::try_again(DiskState& state, const Json& claim, const Json& pod) const
{
    const auto notes = claim.at("metadata").value("annotations", Json::object());
    const int made = std::stoi(notes.value(recreations, "0"));
    if (!rules_.release.retries_failed_pods || made >= most_recreations) {
        state.has_failed = true;
        return;
    }
    api_.merge(claim_path(state.disk.name_space, state.disk.name),
               {{"metadata", {{"annotations", {{recreations, std::to_string(made + 1)}}}}}});
    api_.ask(Method::remove, pod_path(state.disk.name_space, pod.at("metadata").at("name")));
}

} // namespace dropin
