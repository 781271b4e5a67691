#include "tests/lab/vmkfstools/descriptor.hpp"

#include <fmt/format.h>

#include <fstream>
#include <numeric>
#include <regex>
#include <sstream>

namespace lab {

namespace {

constexpr std::uint64_t sector = 512;
constexpr std::size_t longest_descriptor = 64 * 1024;

std::string descriptor(const char* create_type, std::uint64_t bytes, const char* kind, const std::string& file)
{
    return fmt::format("# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=fffffffe\nparentCID=ffffffff\n"
                       "createType=\"{}\"\n\n# Extent description\nRW {} {} \"{}\"{}\n\n# The Disk Data Base\n#DDB\n\n"
                       "ddb.adapterType = \"lsilogic\"\nddb.virtualHWVersion = \"20\"\n",
                       create_type, bytes / sector, kind, file, std::string(kind) == "FLAT" ? " 0" : "");
}

} // namespace

std::uint64_t DiskLayout::bytes() const
{
    return std::accumulate(extents.begin(), extents.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const DiskExtent& e) { return sum + e.bytes; });
}

std::optional<DiskLayout> parse_layout(const std::string& text)
{
    static const std::regex extent_line(R"re(^RW\s+([0-9]{1,15})\s+(\w+)(?:\s+"([^"]+)"(?:\s+([0-9]{1,15}))?)?\s*$)re");
    static const std::regex type_line(R"re(^createType\s*=\s*"([^"]*)"\s*$)re");
    static const std::regex parent_line(R"re(^parentFileNameHint\s*=\s*"([^"]*)"\s*$)re");
    if (!text.starts_with("# Disk DescriptorFile"))
        return std::nullopt;
    DiskLayout layout;
    bool readable = true;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with('\r'))
            line.pop_back();
        std::smatch part;
        if (std::regex_match(line, part, type_line)) {
            layout.create_type = part[1];
        } else if (line.starts_with("parentFileNameHint")) {
            layout.has_parent = true;
            if (std::regex_match(line, part, parent_line))
                layout.parent = part[1];
        } else if (std::regex_match(line, part, extent_line)) {
            const auto kind = part[2].str();
            const bool delta = kind == "SESPARSE" || kind == "VMFSSPARSE";
            layout.is_delta = layout.is_delta || delta;
            readable = readable && (kind == "FLAT" || kind == "VMFS" || kind == "ZERO" || delta) &&
                       (kind == "ZERO") == !part[3].matched;
            layout.extents.push_back(
                {part[3], part[4].matched ? std::stoull(part[4]) * sector : 0, std::stoull(part[1]) * sector});
        } else if (line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ")) {
            readable = false;
        }
    }
    if (!readable || (layout.is_delta && layout.parent.empty()))
        layout.extents.clear();
    return layout;
}

std::optional<DiskLayout> read_layout(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::string text(longest_descriptor, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return parse_layout(text);
}

std::string flat_descriptor(std::uint64_t bytes, const std::string& flat_file, bool thin)
{
    return descriptor("vmfs", bytes, "VMFS", flat_file) + (thin ? "ddb.thinProvisioned = \"1\"\n" : "");
}

std::string delta_descriptor(std::uint64_t bytes, const std::string& extent_file, const std::string& parent)
{
    auto text = descriptor("seSparse", bytes, "SESPARSE", extent_file);
    return text.insert(text.find("\n# Extent"), fmt::format("parentFileNameHint=\"{}\"\n", parent));
}

std::string rdm_descriptor(std::uint64_t bytes, const std::string& mapping_file)
{
    return descriptor("vmfsRawDeviceMap", bytes, "VMFSRDM", mapping_file);
}

} // namespace lab
