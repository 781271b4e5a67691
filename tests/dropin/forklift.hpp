// What Forklift writes and reads, as values: facts/forklift-contract.md 1 to 5 and 12.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dropin {

using Json = nlohmann::json;
using Secret = std::map<std::string, std::string>;

// Contract 12: what differs.
struct Release {
    const char* name;
    bool names_migration_host;  // --migration-host
    bool retries_failed_pods;   // up to three times
    bool owns_by_reference;     // pod and prime claim go with the claim; else a finalizer holds it
    bool throttles;             // pods of one source host
    bool reads_results;         // more than the progress
    bool gives_leases_and_keys; // ESXI_CLONE_METHOD, HOST_LEASE_…, SSH keys
    bool maps_ca;               // the key ca.crt becomes the variable cacert
    bool has_aliases;           // management_address, username, password
};

constexpr Release release_2_9{"2.9", false, true, false, false, false, false, false, false};
constexpr Release release_2_10{"2.10", false, false, false, false, false, true, false, false};
constexpr Release release_2_11{"2.11", false, false, true, true, false, true, false, false};
constexpr Release release_2_12{"2.12", false, false, true, true, true, true, true, false};
constexpr Release release_main{"main", true, false, true, true, true, true, true, true};

struct Provider {
    std::string url; // https://vcenter/sdk
    Secret secret;
    std::string clone_method; // esxiCloneMethod; empty: not set
    std::string ssh_private_key, ssh_public_key;
    std::string lease_namespace = "openshift-mtv";
};

// `storage` is the storage secret as its administrator wrote it.
Secret merged_secret(const Release&, const Provider&, const Secret& storage);

// One disk of a plan.
struct DiskOfPlan {
    std::string name; // of claim and custom resource
    std::string name_space;
    std::string plan;
    std::string vm; // vm-62
    std::string vmdk;
    std::string source_host; // of the VM when the plan was made
    std::string migration_host;
    std::string secret; // its name
    std::string vendor;
    std::uint64_t size = 0;
    std::string uid{}; // of the claim, once it is made
};

std::string name_of_disk(const std::string& vm, int disk);   // legal in Kubernetes, whatever the VM is called
std::string path_of_copy(const std::string& top, bool warm); // warm: the base disk's

std::vector<std::string> arguments(const Release&, const DiskOfPlan&);
Json claim(const Release&, const DiskOfPlan&);
Json custom_resource(const DiskOfPlan&);
Json custom_resource_definition();
Json pod(const Release&, const DiskOfPlan&);
Json prime_claim(const Release&, const DiskOfPlan&);
std::string pod_name(const std::string& uid);
std::string prime_name(const std::string& uid);

// The kubelet's envFrom: keys that are no names of variables are dropped.
std::map<std::string, std::string> variables(const Json& secret, bool maps_ca);

// The controller's patterns over an answer of /metrics; nothing where the pattern finds nothing.
struct Scraped {
    std::optional<std::string> progress;
    std::map<std::string, std::string> results; // fields of the custom resource's status
    bool completed = false;
};
Scraped read_metrics(const Release&, const std::string& text, const std::string& uid);

} // namespace dropin
