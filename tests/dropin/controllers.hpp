// What works in a cluster while Forklift's populator pods run, in one look after the other: the populator controller (contract 1 and
// 2), the CSI driver's provisioner, the persistent volume controller, the garbage collector.
#pragma once

#include "tests/dropin/forklift.hpp"
#include "tests/dropin/kubelet.hpp"
#include "tests/dropin/scraper.hpp"

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dropin {

struct Provisioned {
    std::string handle;
    std::map<std::string, std::string> attributes;
};

struct ClusterRules {
    Release release = release_main;
    std::string name_space;
    int most_pods_of_a_host = 20;                // MAX_POPULATOR_INFLIGHT
    std::chrono::milliseconds scrape_every{200}; // Forklift: 5 s
    std::function<Provisioned(const std::string& uid, std::uint64_t size)> provision;
};

// A disk as it fares.
struct DiskState {
    DiskOfPlan disk;
    int pods = 0;         // made for it
    bool is_done = false; // its claim is bound to the filled volume
    bool has_failed = false;
    bool is_gone = false;
    int throttled = 0;
    std::list<Scraper> scrapers{};
    std::atomic<bool> pod_runs{false}; // what the controller's cache says
    bool is_monitored = false;

    bool is_settled() const { return is_done || has_failed || is_gone; }
    std::vector<int> progress() const;
    std::vector<std::string> texts() const;
};

class Cluster {
public:
    Cluster(kube_test::KubeApi&, Kubelet&, ClusterRules);

    DiskState& add(DiskOfPlan, const Secret&); // secret, claim and custom resource
    void start_anew();                         // the populator controller's process: it forgets whom it watched
    void sync();                               // every controller looks once, the kubelet too

    Json claim(const DiskState&) const;  // null where it is gone
    Json status(const DiskState&) const; // of its custom resource
    std::list<DiskState>& disks() { return disks_; }

private:
    using ByName = std::map<std::string, Json>;

    ByName list(const char* kind) const;
    void reconcile(DiskState&, const ByName& claims, ByName& pods);
    void collect(DiskState&, const ByName& claims, const ByName& pods) const;
    void make_pod(DiskState&, const ByName& claims, ByName& pods); // and into the list
    void provision(const DiskState&, const Json& prime) const;
    void monitor(DiskState&, const Json& pod);
    void hand_over(DiskState&, const Json& claim, const ByName& claims) const;
    void try_again(DiskState&, const Json& claim, const Json& pod) const;

    kube_test::KubeApi& api_;
    Kubelet& kubelet_;
    ClusterRules rules_;
    std::list<DiskState> disks_;
};

std::string resource_path(const std::string& name_space, const std::string& name = "");

} // namespace dropin
