#include "tests/lab/vmkfstools/clones.hpp"

#include "tests/lab/vmkfstools/arguments.hpp"
#include "tests/lab/vmkfstools/clone_plan.hpp"
#include "tests/lab/vmkfstools/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace lab {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::steady_clock;

ToolResult Clones::run(HostState& host, const json& request, int pid, LineChannel& tool)
{
    const auto argv = request.at("argv").get<std::vector<std::string>>();
    auto arguments = read_vmkfstools(argv);
    if (arguments && arguments->mode == 'q') // a question starts nothing
        return query(host, (fs::path(request.value("cwd", "/")) / arguments->file).string());
    std::size_t start = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        starts_.push_back({host.config.name, argv, pid,
                           std::chrono::duration_cast<std::chrono::microseconds>(now).count(),
                           arguments ? rdm_device(arguments->disk_format).value_or("") : ""});
        start = starts_.size() - 1;
    }
    ToolResult result{255, "", "No valid command specified\n"};
    if (arguments) {
        const fs::path directory = request.value("cwd", "/");
        arguments->file = (directory / arguments->file).string();
        if (arguments->mode == 'i')
            result = clone(host, *arguments, directory.string(), pid, tool);
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

ToolResult Clones::clone(HostState& host, const VmkfstoolsArguments& arguments, const std::string& directory, int pid,
                         LineChannel& tool)
{
    ClonePlan plan;
    plan.source = (fs::path(directory) / arguments.source).lexically_normal().string();
    plan.out = fs::path(arguments.file).lexically_normal().string();
    {
        const std::lock_guard lock(host.mutex);
        if (auto refused = prepare(host, arguments, plan))
            return *refused;
    }
    if (auto refused = claim(host, plan, pid, tool))
        return *refused;
    const std::unique_ptr<LineChannel, std::function<void(LineChannel*)>> writing(
        &tool, [&](LineChannel* writer) { release(host, *writer); });
    return follow(host, plan, tool);
}

// A device that another host writes to is no obstacle on ESXi; that nobody ever does it is what tests assert.
std::optional<ToolResult> Clones::claim(HostState& host, const ClonePlan& plan, int pid, LineChannel& tool)
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
    for (const auto& store : host.datastores)
        if (store.naa == plan.target) {
            violations_.push_back({{"kind", "datastore_overwritten"},
                                   {"device", plan.target},
                                   {"second", {{"host", host.config.name}, {"pid", pid}}}});
            busy = true;
        }
    if (busy)
        return clone_failure(plan.head, "Device or resource busy (1048585)");
    std::ofstream(plan.out_file) << rdm_descriptor(plan.bytes, plan.mapping_file.filename().string());
    std::ofstream(plan.mapping_file).flush();
    fs::resize_file(plan.mapping_file, host.storage.find(plan.target)->size);
    writers_.push_back({host.config.name, plan.target, pid, &tool});
    host.storage.opened(&tool, plan.target, [&tool] { return !tool.peer_gone(); });
    return std::nullopt;
}

void Clones::release(HostState& host, const LineChannel& tool)
{
    const std::scoped_lock lock(host.mutex, mutex_);
    host.storage.closed(&tool);
    writers_.remove_if([&](const Writer& writer) { return writer.tool == &tool; });
}

ToolResult Clones::follow(HostState& host, const ClonePlan& plan, LineChannel& tool)
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
            return clone_failure("", "Input/output error (327689)"); // the lab ends, or nobody reads this
        {
            const std::lock_guard host_lock(host.mutex);
            if (!host.storage.usable(plan.target))
                return clone_failure("", no_device);
        }
        tool.send(json{{"go", grant(plan, done)}}.dump());
    }
}

// Steps end exactly where a failure or a hold is wanted.
std::uint64_t Clones::grant(const ClonePlan& plan, std::uint64_t done) const
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

void Clones::account(HostState& host, const ClonePlan& plan, std::uint64_t bytes, double& refused) const
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

} // namespace lab
