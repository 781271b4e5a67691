// A datastore as people and hosts name it, through a session of its own that is not opened before it is needed.
#pragma once

#include "coordinator/vsphere/datastore_files.hpp"
#include "coordinator/vsphere/options.hpp"

#include <optional>
#include <string>

namespace xcopy {

class NamedDatastore {
public:
    // Options, transport and log must outlive it; it must outlive what open() gives.
    NamedDatastore(const VsphereOptions& options, rest::Transport& transport, Log& log, std::string name_or_uuid);

    Result<vsphere::DatastoreFiles> open(const Call& call);

private:
    const VsphereOptions& options_;
    rest::Transport& transport_;
    Log& log_;
    const std::string wanted_;
    std::optional<vsphere::Session> session_{};
};

// The one that is meant; datacenters may each have one of the same name, but no two have the same UUID.
Result<vsphere::DatastoreView> find_datastore(const std::vector<vsphere::DatastoreView>& all,
                                              const std::string& name_or_uuid);

} // namespace xcopy
