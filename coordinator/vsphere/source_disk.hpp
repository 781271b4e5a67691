// What vCenter says of the disk to be copied, and what follows from it for the copy. Pure but for the one function that asks.
#pragma once

#include "coordinator/copy_order.hpp"
#include "coordinator/vsphere/vcenter.hpp"

#include <string>
#include <vector>

namespace xcopy::vsphere {

struct SourceDisk {
    std::string vm;    // its name
    std::string vm_id; // vm-62
    std::string power; // of the VM
    std::optional<Ref> vm_host;
    VmDisk disk;
    std::size_t level = 0; // of the file that was named; 0: the one in use
    DatastoreView datastore;
    std::optional<std::uint64_t> allocated; // bytes, of the whole chain
    std::string rdm_device;                 // RDM: its NAA, else its vml name

    bool is_base() const { return level + 1 == disk.levels.size(); } // no older file below it
};

// Why this disk must not be copied now: somebody writes to it, or no host can read it. Nothing: it may be.
std::optional<Error> objection_to(const SourceDisk& source);

// The volume that the disk is by itself: an RDM's LUN, a vVol. Nothing where the file holds only a part of the content.
std::optional<DiskBacking> backing_of(const SourceDisk& source);

// Sentences for the log about what to expect.
std::vector<std::string> remarks_on(const SourceDisk& source);

Result<SourceDisk> look_at_source(Session& session, const Call& call, const std::string& vm, const std::string& file,
                                  const std::vector<DatastoreView>& datastores);

} // namespace xcopy::vsphere
