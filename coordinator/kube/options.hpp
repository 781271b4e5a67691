// What the program is told about a cluster.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace xcopy::kube {

enum class JournalChoice : std::uint8_t { automatic, lease, file };

struct Options {
    std::string kubeconfig; // empty: the pod's own service account, where this is a pod
    std::string master;     // another address for the API server
    std::string name_space; // of the claim
    std::string claim;      // its name; empty: no cluster is asked for a target
    JournalChoice journal = JournalChoice::automatic;
    std::string host_lease_namespace = "openshift-mtv"; // upstream's default (contract 5.4)
    std::chrono::seconds host_lease_duration{10};
};

} // namespace xcopy::kube
