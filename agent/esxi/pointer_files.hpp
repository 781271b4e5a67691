// The two small files vmkfstools leaves beside the source, and the only files of a customer's datastore we ever remove.
#pragma once

#include "agent/esxi/job_dir.hpp"

#include <string>

namespace xcopy {

constexpr const char* volumes_root = "/vmfs/volumes/";

struct PointerPaths {
    std::string descriptor; // <disk>-xcopy-<id>.vmdk
    std::string mapping;    // <disk>-xcopy-<id>-rdm.vmdk, named so by vmkfstools
};

// Beside the source descriptor `source`.
PointerPaths pointer_paths(const std::string& source, const std::string& id);

// Errc::bad_request, reason "foreign_pointer_name", unless the order's pointer files are below `root`, beside its
// source, and named for its id.
Result<void> check_pointer_names(const JobOrder& order, const std::string& root = volumes_root);

// remove_pointer_files of job_dir.hpp for another root. Errc::conflict, reason "foreign_pointer_file", when the
// descriptor is not that of a raw device mapping; then nothing is removed.
Result<void> remove_pointer_files_below(const std::string& root, const JobOrder& order);

} // namespace xcopy
