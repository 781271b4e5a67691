// Whether a target holds what a disk reads as: its file, and where that has holes the files below it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dropin {

// `chain`: topmost first; holes of the last one read as zeros. Terabytes of holes on both sides cost nothing.
bool same_view(const std::vector<std::filesystem::path>& chain, const std::filesystem::path& target,
               std::uint64_t size);

} // namespace dropin
