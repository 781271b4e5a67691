// VMDK descriptors as vmkfstools reads and writes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lab {

struct DiskExtent {
    std::string file;         // empty: zeros
    std::uint64_t offset = 0; // bytes into the file
    std::uint64_t bytes = 0;
};

struct DiskLayout {
    std::string create_type;
    bool has_parent = false;
    std::string parent;    // the descriptor below, as it is written
    bool is_delta = false; // its extent holds only what was written since; holes mean: look below
    std::vector<DiskExtent> extents;

    std::uint64_t bytes() const;
};

// nullopt: no descriptor. Extents of a kind that is not read leave `extents` empty.
std::optional<DiskLayout> parse_layout(const std::string& text);
std::optional<DiskLayout> read_layout(const std::filesystem::path&);

std::string flat_descriptor(std::uint64_t bytes, const std::string& flat_file, bool thin = false);
std::string delta_descriptor(std::uint64_t bytes, const std::string& extent_file, const std::string& parent);
std::string rdm_descriptor(std::uint64_t bytes, const std::string& mapping_file);

} // namespace lab
