#include "tests/lab/vmkfstools/clones.hpp"

#include "tests/lab/vmkfstools/arguments.hpp"
#include "tests/lab/vmkfstools/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <thread>
#include <utility>

namespace lab
{

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;

struct Clones::Plan {
    std::string source; // as the host names them
    std::string out;
    std::string target;
    std::string source_device; // empty: no block device below
    std::uint64_t bytes = 0;
    bool xcopy = false;
    std::uint64_t segment = 0; // bytes of one XCOPY
    json extents = json::array();
    std::string head; // printed first
    fs::path out_file;
    fs::path mapping_file;
};

namespace
{

ToolResult clone_failure(const std::string& head, const std::string& reason, int exit = 1)
{
    return {exit, head, fmt::format("Failed to clone disk: {}.\n", reason)};
}

ToolResult open_failure(const std::string& file, const std::string& reason)
{
    return {1, "", fmt::format("Failed to open '{}': {}.\n", file, reason)};
}

constexpr const char* no_device = "No such device or address (393225)";

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

ToolResult Clones::run(HostState& host, const json& request, int pid, LineChannel& tool)
{
    const auto argv = request.at("argv").get<std::vector<std::string>>();
    auto arguments = read_vmkfstools(argv);
    std::size_t start = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        starts_.push_back({host.config.name, argv, pid,
                           std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                           arguments ? rdm_device(arguments->disk_format).value_or("") : ""});
        start = starts_.size() - 1;
    }
    ToolResult result{255, "", "No valid command specified\n"};
    if (arguments) {
        const fs::path directory = request.value("cwd", "/");
        arguments->file = (directory / arguments->file).string();
        if (arguments->mode == 'i')
            result = clone(host, *arguments, directory.string(), pid, tool);
        else if (arguments->mode == 'q')
            result = query(host, arguments->file);
        else if (arguments->mode == 'U')
            result = remove(host, arguments->file);
        else
            result = {0,
                      fmt::format("Lock [type 10c00001 offset 1 v 1, hb offset 1\nmode 0, owner "
                                  "00000000-00000000-0000-000000000000 mtime 1]\n"),
                      ""};
    }
    if (tool.peer_gone())
        ended(start, "killed", 0);
    else
        ended(start, result.exit == 0 ? "finished" : "failed", result.exit);
    return result;
}

void Clones::ended(std::size_t start, const char* how, int exit)
{
    const std::lock_guard lock(mutex_);
    starts_[start].end = how;
    starts_[start].exit = exit;
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

ToolResult Clones::clone(HostState& host, const VmkfstoolsArguments& arguments, const std::string& directory, int pid,
                         LineChannel& tool)
{
    Plan plan;
    plan.source = (fs::path(directory) / arguments.source).lexically_normal().string();
    plan.out = fs::path(arguments.file).lexically_normal().string();
    {
        const std::lock_guard lock(host.mutex);
        if (auto refused = prepare(host, arguments, plan))
            return *refused;
    }
    if (auto refused = claim(host, plan, pid, tool))
        return *refused;
    auto result = follow(host, plan, tool);
    release(host, plan, tool);
    return result;
}

// Everything that can be refused before a byte moves, in the order vmkfstools meets it; then the pointer files.
std::optional<ToolResult> Clones::prepare(HostState& host, const VmkfstoolsArguments& arguments, Plan& plan)
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
    plan.xcopy = store->block() && from != nullptr && from->array == device->array && can_clone(*from) &&
                 can_clone(*device) && host.settings.at("/DataMover/HardwareAcceleratedMove").value == 1 &&
                 !layout->has_parent;
    plan.segment = static_cast<std::uint64_t>(host.settings.at("/DataMover/MaxHWTransferSize").value) * 1024;
    return std::nullopt;
}

// A device that another host writes to is no obstacle on ESXi; that nobody ever does it is what tests assert.
std::optional<ToolResult> Clones::claim(HostState& host, const Plan& plan, int pid, LineChannel& tool)
{
    const std::scoped_lock lock(host.mutex, mutex_);
    bool busy = false;
    for (const auto& writer : writers_) {
        if (writer.device != plan.target || writer.tool->peer_gone())
            continue;
        const bool same_host = writer.host == host.config.name;
        const bool refused = same_host && host.behaviour.open_device_busy;
        violations_.push_back({{"kind", refused ? "second_writer_refused" : "two_writers"},
                               {"device", plan.target},
                               {"first", {{"host", writer.host}, {"pid", writer.pid}}},
                               {"second", {{"host", host.config.name}, {"pid", pid}}}});
        busy = busy || refused;
    }
    if (busy)
        return clone_failure(plan.head, "Device or resource busy (1048585)");
    std::ofstream(plan.out_file) << rdm_descriptor(plan.bytes, plan.mapping_file.filename().string());
    std::ofstream(plan.mapping_file).flush();
    fs::resize_file(plan.mapping_file, host.storage.find(plan.target)->size);
    writers_.push_back({host.config.name, plan.target, pid, &tool});
    host.storage.opened(plan.target);
    return std::nullopt;
}

void Clones::release(HostState& host, const Plan& plan, const LineChannel& tool)
{
    const std::scoped_lock lock(host.mutex, mutex_);
    host.storage.closed(plan.target);
    writers_.remove_if([&](const Writer& writer) { return writer.tool == &tool; });
}

ToolResult Clones::follow(HostState& host, const Plan& plan, LineChannel& tool)
{
    tool.send(json{{"clone",
                    {{"target", "/vmfs/devices/disks/" + plan.target},
                     {"bytes", plan.bytes},
                     {"extents", plan.extents},
                     {"stdout", plan.head}}}}
                  .dump());
    std::uint64_t accounted = 0;
    double refused = 0;
    auto due = steady_clock::now();
    bool held = false;
    for (;;) {
        const auto line = tool.receive();
        if (!line)
            return {};
        const auto said = json::parse(*line);
        if (said.contains("failed"))
            return clone_failure("", said.at("failed").get<std::string>());
        const auto done = said.at("done").get<std::uint64_t>();
        const auto moved = done - std::exchange(accounted, done);
        account(host, plan, moved, refused);
        const auto percent = plan.bytes == 0 ? 100 : static_cast<int>(done * 100 / plan.bytes);

        std::unique_lock lock(mutex_);
        const auto now = settings_;
        if (now.fail_at && percent >= *now.fail_at) {
            if (settings_.fail_times > 0 && --settings_.fail_times == 0)
                settings_.fail_at.reset();
            return clone_failure("", now.fail_text, now.fail_exit);
        }
        lock.unlock();
        if (now.hold_at && percent >= *now.hold_at && !held) {
            held = true;
            events_.hold_while(now.hold_name, [&] { return tool.peer_gone(); });
        }
        if (done >= plan.bytes)
            return {};
        if (!pace(moved, due, tool))
            return {};
        {
            const std::lock_guard host_lock(host.mutex);
            if (!host.storage.usable(plan.target))
                return clone_failure("", no_device);
        }
        tool.send(json{{"go", grant(plan, done)}}.dump());
    }
}

// Steps end exactly where a failure or a hold is wanted.
std::uint64_t Clones::grant(const Plan& plan, std::uint64_t done) const
{
    const std::lock_guard lock(mutex_);
    auto step = std::max<std::uint64_t>(plan.bytes / 100, std::uint64_t{1} << 20);
    if (settings_.speed > 0)
        step = std::clamp<std::uint64_t>(settings_.speed / 20, 65536, step);
    for (const auto& stop : {settings_.fail_at, settings_.hold_at})
        if (stop) {
            const auto at = (plan.bytes * static_cast<std::uint64_t>(*stop) + 99) / 100;
            if (at > done)
                step = std::min(step, at - done);
        }
    return std::min(step, plan.bytes - done);
}

// Waits until the set speed allows the next step after `moved` bytes. False when the tool has gone.
bool Clones::pace(std::uint64_t moved, steady_clock::time_point& due, const LineChannel& tool) const
{
    std::uint64_t speed = 0;
    {
        const std::lock_guard lock(mutex_);
        speed = settings_.speed;
    }
    if (speed == 0)
        due = steady_clock::now();
    else
        due += std::chrono::nanoseconds(moved * 1'000'000'000 / speed);
    while (!stopping_ && !tool.peer_gone() && steady_clock::now() < due)
        std::this_thread::sleep_until(std::min(due, steady_clock::now() + std::chrono::milliseconds(20)));
    return !stopping_ && !tool.peer_gone();
}

void Clones::account(HostState& host, const Plan& plan, std::uint64_t bytes, double& refused) const
{
    double share = 0;
    {
        const std::lock_guard lock(mutex_);
        share = settings_.xcopy_fails;
    }
    const std::lock_guard lock(host.mutex);
    Counters nowhere;
    auto* source_device = host.storage.find(plan.source_device);
    auto* target_device = host.storage.find(plan.target);
    auto& source = source_device == nullptr ? nowhere : source_device->counters;
    auto& target = target_device == nullptr ? nowhere : target_device->counters;
    for (std::uint64_t left = bytes; left > 0;) {
        const auto part = std::min(left, plan.segment);
        left -= part;
        bool by_array = plan.xcopy;
        if (by_array && share > 0 && (refused += share) >= 1 - 1e-9) {
            refused -= 1;
            by_array = false;
            ++target.failed_clone_ops;
        }
        const auto blocks = part / 512;
        ++(by_array ? source.clone_read_ops : source.read_ops);
        ++(by_array ? target.clone_write_ops : target.write_ops);
        (by_array ? source.clone_blocks_read : source.blocks_read) += blocks;
        (by_array ? target.clone_blocks_written : target.blocks_written) += blocks;
    }
}

json Clones::set(const json& wanted)
{
    const std::lock_guard lock(mutex_);
    for (const auto& [key, value] : wanted.items()) {
        if (key == "do")
            continue;
        if (key == "speed")
            settings_.speed = value.get<std::uint64_t>();
        else if (key == "fail_at")
            settings_.fail_at = value.is_null() ? std::nullopt : std::optional(value.get<int>());
        else if (key == "fail_times")
            settings_.fail_times = value.get<int>();
        else if (key == "fail_text")
            settings_.fail_text = value.get<std::string>();
        else if (key == "fail_exit")
            settings_.fail_exit = value.get<int>();
        else if (key == "hold_at")
            settings_.hold_at = value.is_null() ? std::nullopt : std::optional(value.get<int>());
        else if (key == "hold_name")
            settings_.hold_name = value.get<std::string>();
        else if (key == "xcopy_fails")
            settings_.xcopy_fails = value.get<double>();
        else
            throw std::invalid_argument("vmkfstools.set does not know " + key);
    }
    const auto number = [](const std::optional<int>& n) { return n ? json(*n) : json(nullptr); };
    return {{"speed", settings_.speed},           {"fail_at", number(settings_.fail_at)},
            {"fail_times", settings_.fail_times}, {"fail_text", settings_.fail_text},
            {"fail_exit", settings_.fail_exit},   {"hold_at", number(settings_.hold_at)},
            {"hold_name", settings_.hold_name},   {"xcopy_fails", settings_.xcopy_fails}};
}

void Clones::lock_disk(const fs::path& descriptor, bool locked)
{
    const std::lock_guard lock(mutex_);
    if (locked)
        locked_.insert(descriptor);
    else
        locked_.erase(descriptor);
}

json Clones::starts() const
{
    const std::lock_guard lock(mutex_);
    auto list = json::array();
    for (const auto& s : starts_)
        list.push_back({{"host", s.host},
                        {"argv", s.argv},
                        {"pid", s.pid},
                        {"ms", s.ms},
                        {"target", s.target},
                        {"end", s.end},
                        {"exit", s.exit}});
    return list;
}

json Clones::violations() const
{
    const std::lock_guard lock(mutex_);
    return violations_;
}

} // namespace lab
