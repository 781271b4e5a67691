// A Lease (coordination.k8s.io/v1) as far as we read and write it. What else it holds is kept when it is updated.
#pragma once

#include "coordinator/kube/values.hpp"
#include "protocol/error.hpp"
#include "vendors/rest/json.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace xcopy::kube {

// What a garbage collector needs to take an object away together with the claim.
struct Owner {
    std::string name; // of the PersistentVolumeClaim
    std::string uid;
};

struct Lease {
    std::string name;
    std::string version{}; // metadata.resourceVersion: an update is refused when it is not the newest
    bool is_being_deleted = false;
    std::optional<Owner> owner{};
    std::map<std::string, std::string> labels{};
    std::map<std::string, std::string> annotations{};
    std::set<std::string> finalizers{};

    std::string holder{}; // empty: nobody
    std::optional<std::chrono::seconds> duration{};
    std::optional<Time> acquired{};
    std::optional<Time> renewed{};
    int transitions = 0;

    std::string document{}; // as it was read
};

// Someone holds it and said so within its duration, by this machine's clock. As upstream's pods see it, one without
// times never expires (forklift host_lease.go, isLeaseExpired).
bool has_expired(const Lease&, Time at);

// The times and the holder are ours to choose, so two writes that agree in them are one write.
bool is_same_write(const Lease&, const Lease&);

Result<Lease> parse_lease(const rest::Json&);
rest::Json to_json(const Lease&);

} // namespace xcopy::kube
