// The text descriptor of a VMDK: what the disk is, without touching its data.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

struct VmdkExtent {
    std::string access; // RW, RDONLY, NOACCESS
    std::uint64_t sectors = 0;
    std::string type; // VMFS, FLAT, SPARSE, VMFSSPARSE, SESPARSE, VMFSRDM, VMFSRDMP …
    std::string file; // as written, beside the descriptor
};

struct VmdkDescriptor {
    std::string create_type; // vmfs, monolithicFlat, twoGbMaxExtentFlat, vmfsSparse, seSparse, vmfsRawDeviceMap …
    std::string parent_hint; // parentFileNameHint of a snapshot delta; empty for a base disk
    std::vector<VmdkExtent> extents;

    std::uint64_t size_bytes() const;
};

constexpr std::size_t max_descriptor_bytes = 64 * 1024;

// Errc::unsupported when the text is no descriptor (a binary disk, an empty file) or names no extent.
Result<VmdkDescriptor> parse_vmdk_descriptor(std::string_view text);

// Reads at most max_descriptor_bytes of the file.
Result<VmdkDescriptor> read_vmdk_descriptor(const std::string& path);

} // namespace xcopy
