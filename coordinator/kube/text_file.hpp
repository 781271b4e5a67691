// Small files that somebody else writes.
#pragma once

#include "protocol/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace xcopy::kube {

Result<std::string> read_text(const std::filesystem::path& file); // at most 1 MiB

std::string_view trimmed(std::string_view text);

} // namespace xcopy::kube
