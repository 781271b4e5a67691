// Files that only their owner reads.
#pragma once

#include "protocol/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace xcopy::ca {

// 0600, on disk before it is seen, the old text or the new.
Result<void> write_private(const std::filesystem::path& file, std::string_view text);

// Errc::denied when others than the owner may read it; Errc::not_found.
Result<std::string> read_private(const std::filesystem::path& file);

Result<void> make_private_directory(const std::filesystem::path& directory); // there already: its rights are checked

} // namespace xcopy::ca
