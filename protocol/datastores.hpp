// Which datastores a disk can be copied from.
#pragma once

#include "protocol/error.hpp"

#include <string_view>

namespace xcopy {

// vmkfstools writes to a volume through a raw device mapping, which lies beside the source; such mappings need VMFS
// (facts/esxi.md 6.1). `type` as hosts write it (VMFS-6, NFS41, vsan) or vCenter (VMFS, VVOL). Refused are only types that are known to
// hold none: what is not known is tried.
Result<void> check_holds_mappings(std::string_view datastore, std::string_view type);

} // namespace xcopy
