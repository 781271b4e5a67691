// What must be true before a device is written. One pure function over plain facts; every refusal has a name.
#pragma once

#include "agent/inventory.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct SourceFacts {
    std::string path;                            // canonical
    std::string volumes_root;                    // canonical
    std::string create_type;                     // of the descriptor
    std::uint64_t size = 0;                      // of the virtual disk
    std::vector<std::string> devices;            // its datastore is on these; empty for NFS and vSAN
    std::string datastore{};                     // its name
    std::string datastore_type{};                // as esxcli calls it; empty: not known
    std::optional<std::string> leftover_pointer; // a file that is already where a pointer file would go
};

struct TargetFacts {
    std::optional<std::string> attached_for; // the job of the attach record
    std::uint64_t attached_size = 0;         // what that job said the size is
    bool node_exists = false;                // /vmfs/devices/disks/naa.…
    std::optional<Device> device;            // as the host sees it; absent: it does not
    std::optional<std::string> busy_with;    // another job that writes it, or may
    std::string foreign_writer;              // how a vmkfstools on it was called that no job answers for; empty: none
};

// The part that depends on the source alone, so that it can be asked before a volume is mapped.
Result<void> check_source(const SourceFacts&);

Result<void> check_clone(const std::string& job, const CloneRequest&, const SourceFacts&, const TargetFacts&);

// The part that attach needs as well: may this device ever be a target on this host?
Result<void> check_target_device(const Device&);

// Somebody else's vmkfstools: by hand, of Forklift's script, of another transport.
Result<void> check_no_foreign_writer(const std::string& naa, const std::string& called);

bool is_supported_kind(const std::string& create_type);

} // namespace xcopy
