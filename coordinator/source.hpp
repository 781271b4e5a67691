// Step 2: which file on which datastore, and which hosts see it.
#pragma once

#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

// A VMDK as people write it.
struct SourceName {
    std::string datastore; // name or UUID
    std::string file;      // below the datastore: "vm 1/disk.vmdk"
    std::string uuid{};    // of the datastore, where vCenter told it: then the name does not count
};

// Accepts "[datastore] folder/disk.vmdk" and /vmfs/volumes/DATASTORE/folder/disk.vmdk, any depth.
Result<SourceName> parse_source(std::string_view text);

// The source's datastore; null where the host does not see it mounted.
const Datastore* find_datastore(const std::vector<Datastore>& seen, const SourceName& source);

// The source of an order: what was written, and what vCenter knows of it.
struct CopyOrder;
Result<SourceName> source_of(const CopyOrder& order);

std::string path_on_host(const Datastore& datastore, const SourceName& source);

} // namespace xcopy
