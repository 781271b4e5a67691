// A table for people: columns as wide as their widest cell, two blanks between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xcopy {

using Row = std::vector<std::string>;

std::string table(const Row& header, const std::vector<Row>& rows);

std::string bytes_text(std::uint64_t bytes);    // "12.5 GiB"
std::string seconds_text(std::int64_t seconds); // "1:02:03", "2:03"

} // namespace xcopy
