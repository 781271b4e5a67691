#include "agent/esxi/vmdk.hpp"

#include "agent/esxi/files.hpp"
#include "protocol/number.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace xcopy {

namespace {

constexpr std::size_t max_extents = 4096; // more than fit into max_descriptor_bytes with names of any length
constexpr std::uint64_t sector_bytes = 512;
constexpr std::uint64_t max_sectors = std::numeric_limits<std::uint64_t>::max() / sector_bytes;

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view take_word(std::string_view& line)
{
    line = trimmed(line);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

// Between the first quote and the last, so that a quote inside a name does no harm; \" stands for a quote.
std::string unquoted(std::string_view text)
{
    text = trimmed(text);
    const auto open = text.find('"');
    const auto close = text.rfind('"');
    if (open == std::string_view::npos || close == open)
        return std::string(text);
    std::string out;
    const std::string_view inner = text.substr(open + 1, close - open - 1);
    for (std::size_t i = 0; i < inner.size(); ++i)
        if (inner[i] != '\\' || i + 1 == inner.size() || inner[i + 1] != '"')
            out += inner[i];
    return out;
}

bool is_access(std::string_view word)
{
    constexpr std::array<std::string_view, 3> words{"RW", "RDONLY", "NOACCESS"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view known) { return same(word, known); });
}

Error unsupported(std::string message)
{
    return {Errc::unsupported, std::move(message), "give the path of the disk's small text descriptor (.vmdk)",
            "not_a_descriptor"};
}

// RW 83886080 VMFS "disk-flat.vmdk" [offset]
Result<VmdkExtent> parse_extent(std::string_view line)
{
    VmdkExtent extent;
    std::string_view rest = line;
    extent.access = take_word(rest);
    const auto sectors = whole_number<decltype(extent.sectors)>(take_word(rest));
    if (!sectors || *sectors > max_sectors)
        return unsupported(fmt::format("the descriptor's extent has no size: '{}'", line.substr(0, 120)));
    extent.sectors = *sectors;
    extent.type = take_word(rest);
    const bool quoted = rest.find('"') != rest.rfind('"');
    extent.file = quoted ? unquoted(rest) : std::string();
    if (extent.type.empty() || (extent.file.empty() && !same(extent.type, "ZERO")))
        return unsupported(fmt::format("the descriptor's extent names no file: '{}'", line.substr(0, 120)));
    return extent;
}

void read_key(std::string_view line, VmdkDescriptor& into)
{
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
        return;
    const auto key = trimmed(line.substr(0, equals));
    if (same(key, "createType"))
        into.create_type = unquoted(line.substr(equals + 1));
    else if (same(key, "parentFileNameHint"))
        into.parent_hint = unquoted(line.substr(equals + 1));
}

} // namespace

std::uint64_t VmdkDescriptor::size_bytes() const
{
    std::uint64_t sectors = 0;
    for (const auto& extent : extents)
        sectors += std::min(extent.sectors, max_sectors - sectors);
    return sectors * sector_bytes;
}

Result<VmdkDescriptor> parse_vmdk_descriptor(std::string_view text)
{
    if (text.size() > max_descriptor_bytes)
        return unsupported(fmt::format("the file is larger than any descriptor ({} bytes)", max_descriptor_bytes));
    text = text.substr(0, text.find_last_not_of('\0') + 1); // qemu-img fills the last sector with zeros
    if (text.starts_with("KDMV") || text.starts_with("COWD") || text.find('\0') != std::string_view::npos)
        return unsupported("the file is a binary (sparse) disk, not a descriptor");

    VmdkDescriptor descriptor;
    std::uint64_t sectors = 0;
    bool signature = false;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (line.starts_with('#')) {
            signature = signature || same(trimmed(line.substr(1)), "Disk DescriptorFile");
            continue;
        }
        std::string_view rest = line;
        if (!is_access(take_word(rest))) {
            read_key(line, descriptor);
            continue;
        }
        auto extent = parse_extent(line);
        if (!extent)
            return extent.error();
        if (extent->sectors > max_sectors - sectors || descriptor.extents.size() == max_extents)
            return unsupported("the descriptor's extents are too many or too large to be true");
        sectors += extent->sectors;
        descriptor.extents.push_back(std::move(*extent));
    }
    if (!signature)
        return unsupported("the file does not begin as a disk descriptor does");
    if (descriptor.extents.empty())
        return unsupported("the descriptor names no extent");
    return descriptor;
}

Result<VmdkDescriptor> read_vmdk_descriptor(const std::string& path)
{
    auto text = read_file(path, max_descriptor_bytes);
    if (!text && text.error().reason == "too_large")
        return unsupported(fmt::format("{} is larger than any descriptor: it is the data of a disk", path));
    if (!text)
        return text.error();
    auto descriptor = parse_vmdk_descriptor(*text);
    if (!descriptor)
        return std::move(descriptor.error()).in(path);
    return descriptor;
}

} // namespace xcopy
