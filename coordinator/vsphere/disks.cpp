#include "coordinator/vsphere/disks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace xcopy::vsphere {

namespace {

constexpr std::size_t longest_chain = 64; // vSphere allows 32

BackingType kind_of(std::string_view type)
{
    if (type == "VirtualDiskFlatVer2BackingInfo" || type == "VirtualDiskSeSparseBackingInfo")
        return BackingType::file;
    if (type == "VirtualDiskRawDiskMappingVer1BackingInfo")
        return BackingType::raw_mapping;
    return BackingType::not_copyable;
}

DiskLevel level_of(const pugi::xml_node& backing)
{
    return {.file = normal_path(text_of(backing, "fileName")),
            .datastore = ref_of(child(backing, "datastore")),
            .backing_id = text_of(backing, "backingObjectId")};
}

std::uint64_t unsigned_of(const pugi::xml_node& node, std::string_view path)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number_of(node, path).value_or(0), 0));
}

std::string all_files(const std::vector<VmDisk>& disks)
{
    std::string list;
    for (const auto& disk : disks)
        if (!disk.levels.empty())
            list += fmt::format("{}'{}'", list.empty() ? "" : ", ", disk.levels.front().file);
    return list.empty() ? "none" : list;
}

} // namespace

std::vector<VmDisk> read_disks(const pugi::xml_node& devices)
{
    std::vector<VmDisk> disks;
    for (const auto& device : elements(devices)) {
        if (xsi_type(device) != "VirtualDisk")
            continue;
        const auto backing = child(device, "backing");
        VmDisk disk{.key = static_cast<int>(number_of(device, "key").value_or(0)),
                    .label = text_of(device, "deviceInfo.label"),
                    .type = kind_of(xsi_type(backing)),
                    .backing_type = std::string(xsi_type(backing)),
                    .levels = {},
                    .capacity = unsigned_of(device, "capacityInBytes"),
                    .lun_uuid = text_of(backing, "lunUuid"),
                    .device = text_of(backing, "deviceName"),
                    .is_physical = text_of(backing, "compatibilityMode") == "physicalMode"};
        if (disk.capacity == 0) // 5.0 and older
            disk.capacity = unsigned_of(device, "capacityInKB") * 1024;
        for (auto level = backing; level && disk.levels.size() < longest_chain; level = child(level, "parent"))
            disk.levels.push_back(level_of(level));
        disks.push_back(std::move(disk));
    }
    return disks;
}

std::string normal_path(std::string_view text)
{
    constexpr std::string_view blanks = " \t";
    const auto trim = [&](std::string_view part) {
        part.remove_prefix(std::min(part.find_first_not_of(blanks), part.size()));
        return part.substr(0, part.find_last_not_of(blanks) + 1);
    };
    text = trim(text);
    const auto close = text.find(']');
    if (!text.starts_with('[') || close == std::string_view::npos)
        return std::string(text);
    return fmt::format("{} {}", text.substr(0, close + 1), trim(text.substr(close + 1)));
}

Result<DiskMatch> match_disk(const std::vector<VmDisk>& disks, std::string_view wanted, std::string_view vm)
{
    const auto path = normal_path(wanted);
    for (std::size_t d = 0; d < disks.size(); ++d)
        for (std::size_t l = 0; l < disks[d].levels.size(); ++l)
            if (disks[d].levels[l].file == path)
                return DiskMatch{d, l};
    return Error{Errc::not_found, fmt::format("VM '{}' has no disk '{}'; it has {}", vm, path, all_files(disks)),
                 "check --source-vm-id and --source-vmdk: the disk may have moved, or a snapshot may have been made "
                 "or removed since the plan was",
                 "disk_not_of_vm"};
}

std::optional<std::uint64_t> allocated_bytes(const pugi::xml_node& layout, int disk_key)
{
    std::map<std::int64_t, std::uint64_t> extents;
    for (const auto& file : children(layout, "file"))
        if (text_of(file, "type") == "diskExtent")
            extents[number_of(file, "key").value_or(-1)] = unsigned_of(file, "size");
    std::optional<std::uint64_t> sum;
    for (const auto& disk : children(layout, "disk")) {
        if (number_of(disk, "key") != disk_key)
            continue;
        for (const auto& unit : children(disk, "chain"))
            for (const auto& key : children(unit, "fileKey"))
                if (const auto found = extents.find(number_of(key).value_or(-1)); found != extents.end())
                    sum = sum.value_or(0) + found->second;
    }
    return sum;
}

std::optional<std::string> naa_of_vml(std::string_view vml)
{
    // vml. + 02 + device type + LUN number (4) + reserved (2) + NAA (32) + model as ASCII
    constexpr std::size_t naa_begin = 10;
    constexpr std::size_t naa_digits = 32;
    if (!vml.starts_with("vml.02"))
        return std::nullopt;
    vml.remove_prefix(4);
    if (vml.size() < naa_begin + naa_digits)
        return std::nullopt;
    std::string naa(vml.substr(naa_begin, naa_digits));
    for (char& c : naa) {
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0)
            return std::nullopt;
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (naa.front() != '6')
        return std::nullopt;
    return "naa." + naa;
}

} // namespace xcopy::vsphere
