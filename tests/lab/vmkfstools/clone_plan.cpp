// What vmkfstools decides before a byte moves, and what it does besides cloning.
#include "tests/lab/vmkfstools/clone_plan.hpp"

#include "tests/lab/vmkfstools/arguments.hpp"
#include "tests/lab/vmkfstools/clones.hpp"
#include "tests/lab/vmkfstools/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab {

namespace fs = std::filesystem;

ToolResult clone_failure(const std::string& head, const std::string& reason, int exit)
{
    return {exit, head, fmt::format("Failed to clone disk: {}.\n", reason)};
}

ToolResult open_failure(const std::string& file, const std::string& reason)
{
    return {1, "", fmt::format("Failed to open '{}': {}.\n", file, reason)};
}

namespace {

// Below the one extent of a delta lie those of its parents, down to a disk that is whole.
std::optional<ToolResult> add_chain(const fs::path& source, DiskLayout layout, ClonePlan& plan)
{
    const auto missing = [&] {
        return open_failure(plan.source, "The parent of this virtual disk could not be opened (23)");
    };
    auto below = nlohmann::json::array();
    for (int depth = 0; layout.is_delta; ++depth) {
        const auto parent = source.parent_path() / layout.parent;
        const auto read = read_layout(parent);
        if (!read || depth > 32 || read->extents.size() != 1 || read->bytes() != plan.bytes ||
            !fs::is_regular_file(source.parent_path() / read->extents.front().file))
            return missing();
        layout = *read;
        below.push_back((fs::path(plan.source).parent_path() / layout.extents.front().file).string());
    }
    plan.extents.front()["below"] = below;
    return std::nullopt;
}

} // namespace

fs::path Clones::outside(const HostState& host, const std::string& inside) const
{
    const std::string root = "/vmfs/volumes/";
    const auto clean = fs::path(inside).lexically_normal().string();
    if (!clean.starts_with(root))
        return {};
    const auto slash = clean.find('/', root.size());
    if (slash == std::string::npos)
        return {};
    const auto* store = host.datastore(clean.substr(root.size(), slash - root.size()));
    return store == nullptr ? fs::path{} : datastores_ / store->name / clean.substr(slash + 1);
}

ToolResult Clones::query(HostState& host, const std::string& file)
{
    const std::lock_guard lock(host.mutex);
    const auto layout = read_layout(outside(host, file));
    if (!layout)
        return open_failure(file, "The system cannot find the file specified (25)");
    if (layout->create_type != "vmfsRawDeviceMap")
        return {0, fmt::format("Disk {} is not an RDM\n", file), ""};
    return {0, fmt::format("Disk {} is a Non-passthrough Raw Device Mapping\nMaps to: vml.0200lab\n", file), ""};
}

ToolResult Clones::remove(HostState& host, const std::string& file)
{
    const std::lock_guard lock(host.mutex);
    const auto path = outside(host, file);
    const auto layout = path.empty() ? std::nullopt : read_layout(path);
    if (!layout)
        return {1, "", "Failed to delete virtual disk: The system cannot find the file specified (25).\n"};
    const auto stem = path.stem().string();
    fs::remove(path.parent_path() / (stem + (layout->create_type == "vmfsRawDeviceMap" ? "-rdm.vmdk" : "-flat.vmdk")));
    fs::remove(path);
    return {};
}

// Everything that can be refused before a byte moves, in the order vmkfstools meets it; then the pointer files.
std::optional<ToolResult> Clones::prepare(HostState& host, const VmkfstoolsArguments& arguments, ClonePlan& plan)
{
    const auto source = outside(host, plan.source);
    if (source.empty() || !fs::is_regular_file(source))
        return open_failure(plan.source, "The system cannot find the file specified (25)");
    {
        const std::lock_guard lock(mutex_);
        if (locked_.contains(source))
            return open_failure(plan.source, "Failed to lock the file (16392)");
    }
    const auto layout = read_layout(source);
    if (!layout || layout->extents.empty())
        return open_failure(plan.source, "The specified feature is not supported by this version (24)");
    for (const auto& extent : layout->extents) {
        const auto file = source.parent_path() / extent.file;
        if (!extent.file.empty() && (!fs::is_regular_file(file) || fs::file_size(file) < extent.offset + extent.bytes))
            return open_failure(plan.source, "The system cannot find the file specified (25)");
        const auto inside = fs::path(plan.source).parent_path() / extent.file;
        plan.extents.push_back(
            {{"file", extent.file.empty() ? "" : inside.string()}, {"offset", extent.offset}, {"bytes", extent.bytes}});
    }
    plan.bytes = layout->bytes();
    if (layout->is_delta)
        if (auto refused = add_chain(source, *layout, plan))
            return refused;

    const auto device_name =
        arguments.disk_format.substr(std::min(arguments.disk_format.find(':'), arguments.disk_format.size() - 1) + 1);
    plan.head = fmt::format("Destination disk format: raw disk mapping to '{}'\nCloning disk '{}'...\n", device_name,
                            plan.source);
    const auto target = rdm_device(arguments.disk_format);
    if (!target)
        return clone_failure("", "One of the parameters supplied is invalid (1)");
    plan.target = *target;
    const auto* device = host.storage.find(plan.target);
    if (device == nullptr || !host.storage.usable(plan.target))
        return clone_failure(plan.head, no_device);
    if (device->local || device->size < plan.bytes)
        return clone_failure(plan.head, "One of the parameters supplied is invalid (1)");

    plan.out_file = outside(host, plan.out);
    const auto* out_store =
        plan.out_file.empty()
            ? nullptr
            : host.datastore(fs::path(plan.out).lexically_relative("/vmfs/volumes").begin()->string());
    if (out_store == nullptr || !fs::is_directory(plan.out_file.parent_path()))
        return clone_failure(plan.head, "The system cannot find the file specified (25)");
    if (!out_store->block())
        return clone_failure(plan.head, "Function not implemented (2490377)");
    plan.mapping_file = plan.out_file.parent_path() / (plan.out_file.stem().string() + "-rdm.vmdk");
    if (fs::exists(plan.out_file) || fs::exists(plan.mapping_file))
        return clone_failure(plan.head, "The file already exists (39)");
    if (out_store->free < (std::uint64_t{1} << 20))
        return clone_failure(plan.head, "There is not enough space on the file system for the selected operation (13)");

    const auto* store = host.datastore(fs::path(plan.source).lexically_relative("/vmfs/volumes").begin()->string());
    plan.source_device = store->naa;
    const auto* from = host.storage.find(store->naa);
    const auto can_clone = [](const Device& d) {
        return d.vaai.contains("clone") && d.vaai.at("clone") == "supported";
    };
    const bool by_scini = device->name.starts_with("eui."); // PowerFlex's kernel module knows no XCOPY
    plan.xcopy = !by_scini && store->block() && from != nullptr && from->array == device->array && can_clone(*from) &&
                 can_clone(*device) && host.settings.at("/DataMover/HardwareAcceleratedMove").value == 1 &&
                 !layout->has_parent;
    plan.segment = static_cast<std::uint64_t>(host.settings.at("/DataMover/MaxHWTransferSize").value) * 1024;
    return std::nullopt;
}

} // namespace lab
