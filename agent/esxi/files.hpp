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

enum class Mode : std::uint8_t { as_it_is, secret };

// Into the very file that is there: ESXi saves files by inode, and a renamed one would be lost at the next boot
// (facts/esxi.md 3.5). The new text goes down in one write, padded to the length of the old one, so that a death between
// two system calls leaves a whole text; when the write fails, the old text is put back. A secret file loses the rights of
// group and others first. Created (0600) where it is missing.
Result<void> overwrite_file(const std::string& path, std::string_view text, Mode mode);

// Absent is success.
Result<void> remove_file(const std::string& path);

Error file_error(std::string_view action, std::string_view path, int error);

} // namespace xcopy
