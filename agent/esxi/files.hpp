// Small files, read whole and replaced whole.
#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace xcopy {

enum class Follow : std::uint8_t { links, nothing };

// A regular file of at most `limit` bytes; reason "too_large" beyond. Never waits for a FIFO or a device.
// Errc::not_found, denied, busy or failed; Errc::conflict where a symbolic link is found and must not be followed.
Result<std::string> read_file(const std::string& path, std::size_t limit, Follow follow = Follow::links);

enum class Durable : std::uint8_t { no, yes };

// Readers see the old text or the new, never a part. Durable: on disk before it is seen.
Result<void> replace_file(const std::string& path, std::string_view text, Durable durable);

// Absent is success.
Result<void> remove_file(const std::string& path);

Error file_error(std::string_view action, std::string_view path, int error);

} // namespace xcopy
