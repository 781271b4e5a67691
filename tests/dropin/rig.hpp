// Everything between a plan and a filled volume: lab hosts and array, a vCenter that knows them, a real API server, Forklift's
// part played by controllers.*, and the product in its image's root.
#pragma once

#include "tests/dropin/controllers.hpp"
#include "tests/end_to_end/site.hpp"
#include "tests/vsphere/vcsim.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dropin {

using e2e::mib;
constexpr std::uint64_t tib = std::uint64_t{1} << 40;

struct DiskSpec {
    std::string file; // of the base disk, below its datastore
    std::string datastore = "datastore1";
    std::uint64_t size = 16 * mib;
    std::string kind = "thin"; // thin, thick, rdm (of virtual mode)
    int snapshots = 0;
    bool independent = false;
    std::string xcopy = "1"; // whether the array is expected to copy, as Forklift shows it
};

struct VmSpec {
    std::string name;
    std::vector<DiskSpec> disks;
    std::string power = "poweredOff";
    std::string host = "esx1";
};

struct RigOptions {
    std::vector<VmSpec> vms;
    Json lab = Json::object(); // its scenario
    Release release = release_main;
    int most_pods_of_a_host = 20;
    Secret storage{};       // more keys of the storage secret
    bool agent_keys = true; // the storage secret has what agents ask for
    std::string clone_method{};
    std::chrono::milliseconds scrape_every{200}; // Forklift: 5 s
    bool over_ssh = false;                       // no host has an agent; Forklift's keys are on all of them
};

struct PlanOptions {
    std::string name = "plan";
    bool warm = false;
    std::string migration_host{}; // a lab host's name
};

// One disk under way.
struct Copy {
    std::string vm;
    DiskSpec spec;
    DiskState* state = nullptr;
    std::vector<std::filesystem::path> chain{}; // the file that is copied and those below it
    e2e::Target target{};                       // known once its volume is provisioned
    Json presentations_before{};                // of the volume: the worker's
};

class Rig {
public:
    explicit Rig(RigOptions);
    ~Rig();
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    void migrate(const std::string& vm, const PlanOptions& = {}); // the plan's objects for every disk of the VM
    void migrate_all(const PlanOptions& = {});

    // Looks at everything again and again until it is so. Throws with all that is known when it does not come.
    void until(const std::string& what, const std::function<bool()>& is_so);
    void until_settled();
    bool is_settled() const; // every disk, and no pod runs
    void run()               // all VMs
    {
        migrate_all();
        until_settled();
    }

    // A clone that stops at half its way until it is let go.
    void hold_at_half();
    void until_held(int count = 1);
    void let_go();

    std::list<Copy>& copies() { return copies_; }
    Copy& copy(int number = 0) { return *std::next(copies_.begin(), number); }
    std::vector<PodRun*> runs_of(const Copy&) const;
    std::string log_of(const Copy&) const; // of all its pods
    std::string pod_of(const Copy& one) const { return pod_name(one.state->disk.uid); }
    Json journal_of(const Copy&) const; // the Lease; null: none
    int starts_on(const Copy& one) const { return site.starts_on(one.target); }
    std::string host_of(const Copy&) const;   // on which vmkfstools was started
    std::vector<std::string> secrets() const; // what no log may hold

    void remove_pod(const Copy&, bool by_eviction = false); // through the API server

    // A Job's pod with that disk's secret, run to its end.
    e2e::Ran run_pod(const Copy&, const std::vector<std::string>& arguments);

    kube_test::KubeApi& api = kube_test::KubeApi::shared();
    std::string name_space;
    e2e::Site site;
    std::unique_ptr<xcopy::test::Vcsim> vcenter;
    std::unique_ptr<Kubelet> kubelet;
    std::unique_ptr<Cluster> cluster;

    std::string describe() const;
    bool is_over_ssh() const { return options_.over_ssh; }

private:
    Json make_disk(const VmSpec&, const DiskSpec&, Copy&);
    Provisioned provision(const std::string& uid, std::uint64_t size);
    Secret storage_secret() const;

    RigOptions options_;
    std::map<std::string, std::vector<Copy>> prepared_; // by VM
    std::list<Copy> copies_;
};

// What must be true of a copy that Forklift calls done.
void expect_copied(Rig&, const Copy&);
void expect_all_copied(Rig&);
// And of one that came to nothing: no byte was written, nothing is left.
void expect_refused(Rig&, const Copy&, const std::string& why);
// Whatever the outcome: mappings as they were, no pointer files, no violations, no journal.
void expect_clean(Rig&, const Copy&);

} // namespace dropin
