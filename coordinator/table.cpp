#include "coordinator/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy {

namespace {

// Columns on a terminal: bytes that continue a UTF-8 character take none.
std::size_t width(const std::string& cell)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(cell, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Texts come from hosts and arrays: they may not move the cursor.
std::string printable(std::string cell)
{
    std::ranges::replace_if(
        cell, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, ' ');
    return cell;
}

} // namespace

std::string table(const Row& header, const std::vector<Row>& rows)
{
    std::vector<Row> all{header};
    for (const auto& row : rows) {
        all.emplace_back();
        std::ranges::transform(row, std::back_inserter(all.back()), printable);
    }
    std::vector<std::size_t> widths(header.size());
    for (const auto& row : all)
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));

    std::string out;
    for (const auto& row : all) {
        std::string line;
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
            line += row[i];
            line.append(widths[i] - width(row[i]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

std::string bytes_text(std::uint64_t bytes)
{
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string seconds_text(std::int64_t seconds)
{
    if (seconds >= 3600)
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

} // namespace xcopy
