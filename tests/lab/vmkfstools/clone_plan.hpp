// A clone that may begin, and how vmkfstools says that it may not.
#pragma once

#include "tests/lab/host/host_state.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace lab {

struct ClonePlan {
    std::string source; // as the host names them
    std::string out;
    std::string target;
    std::string source_device; // empty: no block device below
    std::uint64_t bytes = 0;
    bool xcopy = false;
    std::uint64_t segment = 0; // bytes of one XCOPY
    nlohmann::json extents = nlohmann::json::array();
    std::string head; // printed first
    std::filesystem::path out_file;
    std::filesystem::path mapping_file;
};

ToolResult clone_failure(const std::string& head, const std::string& reason, int exit = 1);
ToolResult open_failure(const std::string& file, const std::string& reason);

constexpr const char* no_device = "No such device or address (393225)";

} // namespace lab
