// The figures of one copy in the words that Forklift 2.9 to main look for (facts/forklift-contract.md 2.2, 2.4, 12).
#pragma once

#include "vendors/array.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace xcopy {

struct CopyFigures {
    struct End {
        bool success = false;
        double seconds = 0;
    };

    std::string owner_uid; // of the target PersistentVolumeClaim
    std::string storage_vendor;
    std::string clone_method = "agent"; // agent, ssh, rdm, vvol
    std::string storage_protocol;       // iscsi or fc; empty: n/a
    int percent = 0;
    std::optional<bool> xcopy_used;
    std::string agent_version; // empty where no agent takes part
    std::optional<ArrayInfo> array;
    std::optional<std::uint64_t> provisioned_bytes;
    std::optional<std::uint64_t> allocated_bytes;
    std::optional<End> end; // its mere presence means "finished" to Forklift
};

// Never above 100 %, never an exponent, no label value that a pattern would stumble over.
std::string exposition(const CopyFigures& figures);

} // namespace xcopy
