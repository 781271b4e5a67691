#include "agent/esxi/pointer_files.hpp"

#include "agent/esxi/files.hpp"
#include "agent/esxi/vmdk.hpp"
#include "protocol/ids.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <sys/stat.h>

namespace xcopy {

namespace {

struct Split {
    std::string_view folder; // with the closing slash
    std::string_view name;
};

Split split(std::string_view path)
{
    const auto slash = path.rfind('/');
    const auto begin = slash == std::string_view::npos ? 0 : slash + 1;
    return {path.substr(0, begin), path.substr(begin)};
}

bool is_canonical(std::string_view path)
{
    return path.starts_with('/') && path.find('\0') == std::string_view::npos &&
           path.find("//") == std::string_view::npos && path.find("/./") == std::string_view::npos &&
           path.find("/../") == std::string_view::npos;
}

// "disk-xcopy-ID.vmdk" with something before the "-xcopy-".
bool is_pointer_name(std::string_view name, const std::string& id, std::string_view ending)
{
    const std::string tail = fmt::format("-xcopy-{}{}", id, ending);
    return name.size() > tail.size() && name.ends_with(tail);
}

std::string mapping_of(std::string_view descriptor)
{
    const std::string_view ending = ".vmdk";
    return fmt::format("{}-rdm.vmdk", descriptor.substr(0, descriptor.size() - ending.size()));
}

Error foreign_name(const JobOrder& order)
{
    return {Errc::bad_request,
            fmt::format("'{}' and '{}' are not the pointer files of job '{}'", order.pointer_path.substr(0, 300),
                        order.mapping_path.substr(0, 300), order.id.substr(0, 80)),
            "", "foreign_pointer_name"};
}

Error foreign_file(const std::string& path, std::string_view why)
{
    return {Errc::conflict, fmt::format("{} is not ours to remove: {}", path, why),
            "look at the file and remove it by hand if it is a leftover", "foreign_pointer_file"};
}

// Absent, empty (vmkfstools died before it wrote a byte), or a raw device mapping's descriptor.
Result<void> check_descriptor(const std::string& path)
{
    auto text = read_file(path, max_descriptor_bytes, Follow::nothing);
    if (!text && text.error().code == Errc::not_found)
        return {};
    if (!text)
        return foreign_file(path, text.error().message);
    if (text->empty())
        return {};
    auto descriptor = parse_vmdk_descriptor(*text);
    if (!descriptor)
        return foreign_file(path, descriptor.error().message);
    if (descriptor->create_type != "vmfsRawDeviceMap" && descriptor->create_type != "vmfsPassthroughRawDeviceMap")
        return foreign_file(path, fmt::format("it describes a disk of type '{}'", descriptor->create_type));
    return {};
}

// Its content is never looked at: on a host, reading a mapping file reads the LUN.
Result<void> check_mapping(const std::string& path)
{
    struct stat about {};
    if (lstat(path.c_str(), &about) != 0)
        return errno == ENOENT || errno == ENOTDIR ? Result<void>() : file_error("look at", path, errno);
    if (!S_ISREG(about.st_mode))
        return foreign_file(path, "it is not a regular file");
    return {};
}

} // namespace

PointerPaths pointer_paths(const std::string& source, const std::string& id)
{
    const std::string stem = source.ends_with(".vmdk") ? source.substr(0, source.size() - 5) : source;
    const std::string base = fmt::format("{}-xcopy-{}", stem, id);
    return {base + ".vmdk", base + "-rdm.vmdk"};
}

Result<void> check_pointer_names(const JobOrder& order, const std::string& root)
{
    const Split source = split(order.source_path);
    const Split descriptor = split(order.pointer_path);
    const Split mapping = split(order.mapping_path);
    const bool below = order.source_path.starts_with(root) && is_canonical(order.source_path) &&
                       is_canonical(order.pointer_path) && is_canonical(order.mapping_path);
    const bool beside = descriptor.folder == source.folder && mapping.folder == source.folder;
    const bool named = parse_job_id(order.id) && is_pointer_name(descriptor.name, order.id, ".vmdk") &&
                       is_pointer_name(mapping.name, order.id, "-rdm.vmdk") &&
                       order.pointer_path != order.source_path && order.mapping_path != order.source_path;
    if (!below || !beside || !named || mapping.name != mapping_of(descriptor.name))
        return foreign_name(order);
    return {};
}

Result<void> remove_pointer_files_below(const std::string& root, const JobOrder& order)
{
    if (auto named = check_pointer_names(order, root); !named)
        return named;
    if (auto ours = check_descriptor(order.pointer_path); !ours)
        return ours;
    if (auto ours = check_mapping(order.mapping_path); !ours)
        return ours;
    // The mapping first: while the descriptor is there, the next attempt still sees what the pair is.
    if (auto removed = remove_file(order.mapping_path); !removed)
        return removed;
    return remove_file(order.pointer_path);
}

Result<void> remove_pointer_files(const JobOrder& order)
{
    return remove_pointer_files_below(volumes_root, order);
}

} // namespace xcopy
