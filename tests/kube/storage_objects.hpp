// What a cluster holds of one disk, made as the real ones make it: Forklift's claim, its prime claim, the volume that a
// CSI driver provisioned, and the rights of the service account "populator".
#pragma once

#include "tests/kube/kube_api.hpp"

#include <map>
#include <string>

namespace kube_test {

struct DiskObjects {
    std::string name_space;
    std::string claim; // its name
    std::string uid;
    std::string volume; // name of the PersistentVolume
};

struct DiskOptions {
    std::string name = "vm-disk-1";
    std::string size = "10Gi";
    std::string volume_mode = "Block";
    std::string driver = "csi.trident.netapp.io";
    std::string handle = "pvc-1";
    std::map<std::string, std::string> attributes{};
    bool through_prime = true; // as a populator does; else the claim itself is bound
    bool bound = true;
    bool forklift = true; // the claim has Forklift's data source
};

DiskObjects make_disk(KubeApi&, const std::string& name_space, const DiskOptions& = {});

// What make_disk consists of: the storage class, and a volume provisioned for a claim and bound to it (its name).
void make_storage_class(KubeApi&, const std::string& driver = DiskOptions{}.driver);
std::string bind_volume(KubeApi&, const Json& claim, const DiskOptions&);

// Makes what may be there already.
void ensure(KubeApi&, const std::string& path, const Json& body);

// As the coordinator's flags name a volume: --volume-handle=…, --volume-attribute=KEY=VALUE.
DiskOptions options_of(const std::string& claim, std::uint64_t size, const std::vector<std::string>& handle);

// The service account "populator" and exactly the rights that Forklift gives it: manifests/rights. `lease_namespace` is where
// host leases are (manifests/host-leases); empty: that part of the rights is missing.
void make_populator(KubeApi&, const std::string& name_space, const std::string& lease_namespace);

// The authorizer knows of rights a moment after they were made.
void wait_for_rights(KubeApi&, const std::string& name_space, const std::string& lease_namespace);

std::string lease_path(const std::string& name_space, const std::string& name = "");
std::string claim_path(const std::string& name_space, const std::string& name = "");
std::string volume_path(const std::string& name = "");

} // namespace kube_test
