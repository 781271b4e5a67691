// From what a client calls a disk to the canonical file on a datastore. Touches datastores: call it on a worker.
#pragma once

#include "agent/esxi/vmdk.hpp"
#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace xcopy {

// "/vmfs/volumes/ds/dir/disk.vmdk" or "[ds] dir/disk.vmdk" to a path below `volumes_root`, by its text alone. Blanks,
// quotes and any language are welcome; "..", control characters and line breaks are not.
Result<std::string> locate_source(const std::string& volumes_root, std::string_view source);

struct SourceFile {
    std::string path;             // canonical: datastore names are links to their UUIDs
    std::string volumes_root;     // canonical
    std::string volume;           // the UUID (first path segment)
    std::string datastore{};      // its name; empty: not looked for
    std::string datastore_type{}; // as esxcli calls it; empty: VMFS, or not known
    VmdkDescriptor descriptor;
    std::string pointer_path; // beside it
    std::string mapping_path;
    bool pointer_exists = false;
    bool mapping_exists = false;
};

Result<SourceFile> look_at_source(const std::string& volumes_root, const std::string& located, const std::string& job);

} // namespace xcopy
