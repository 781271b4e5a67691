#include "agent/inventory.hpp"

#include "agent/pending.hpp"

#include <algorithm>
#include <cerrno>

namespace xcopy {

namespace {

constexpr milliseconds longest_ps{3'000}; // it asks the kernel, not hostd

} // namespace

const Device* HostView::device(const std::string& naa) const
{
    const auto found = std::find_if(devices.begin(), devices.end(), [&](const Device& d) { return d.name == naa; });
    return found == devices.end() ? nullptr : &*found;
}

std::vector<std::string> HostView::devices_of_volume(const std::string& uuid) const
{
    std::vector<std::string> names;
    for (const auto& extent : extents)
        if (extent.uuid == uuid)
            names.push_back(extent.device);
    return names;
}

std::string HostView::vmkfstools_on(const std::string& naa) const
{
    return vmkfstools ? first_about(*vmkfstools, naa) : std::string();
}

HostView join_view(std::vector<Device> devices, const std::map<std::string, std::vector<DevicePath>>& paths,
                   std::vector<VmfsExtent> extents, const std::vector<std::string>& detached)
{
    HostView view;
    view.devices = std::move(devices);
    view.extents = std::move(extents);
    for (auto& device : view.devices) {
        if (const auto found = paths.find(device.name); found != paths.end())
            device.paths = found->second;
        for (const auto& path : device.paths)
            if (path.lun >= 0 && !device.lun)
                device.lun = path.lun;
        if (std::find(detached.begin(), detached.end(), device.name) != detached.end())
            device.is_detached = true;
        for (const auto& extent : view.extents)
            if (extent.device == device.name)
                device.used_by.push_back(extent.volume.empty() ? extent.uuid : extent.volume);
    }
    return view;
}

awaitable<Result<HostViewPtr>> Inventory::fresh()
{
    if (running_) {
        if (!next_)
            next_ = std::make_shared<Look>();
        auto mine = next_;
        while (running_ && !mine->outcome && running_ != mine)
            co_await running_->done.wait_until(steady_clock::time_point::max());
        if (!running_ && next_ == mine) { // first to wake: this one looks for all who wait
            running_ = std::exchange(next_, nullptr);
        } else {
            while (!mine->outcome)
                co_await mine->done.wait_until(steady_clock::time_point::max());
            co_return *mine->outcome;
        }
    } else {
        running_ = std::make_shared<Look>();
    }
    auto mine = running_;
    mine->outcome = co_await look();
    running_.reset();
    mine->done.notify();
    co_return *mine->outcome;
}

awaitable<Result<HostViewPtr>> Inventory::not_older_than(milliseconds age)
{
    if (last_ && steady_clock::now() - last_->begun <= age)
        co_return last_;
    auto outcome = co_await fresh();
    co_return outcome;
}

awaitable<Result<HostViewPtr>> Inventory::look()
{
    const auto begun = steady_clock::now();
    const RunLimits limits{.stop = workers_.stop()};
    auto devices = co_await begin(workers_.run([&] { return tools_.devices(limits); }));
    auto paths = co_await begin(workers_.run([&] { return tools_.all_paths(limits); }));
    auto extents = co_await begin(workers_.run([&] { return tools_.vmfs_extents(limits); }));
    auto detached = co_await begin(workers_.run([&] { return tools_.detached_devices(limits); }));
    auto others = co_await begin(workers_.run([&] {
        return tools_.vmkfstools_running({program_invocation_short_name, "serve"},
                                         {.time = longest_ps, .stop = limits.stop});
    }));
    auto devices_now = co_await devices.get();
    auto paths_now = co_await paths.get();
    auto extents_now = co_await extents.get();
    auto detached_now = co_await detached.get();
    auto others_now = co_await others.get();
    if (!devices_now)
        co_return std::move(devices_now.error()).in("list devices");
    if (!paths_now)
        co_return std::move(paths_now.error()).in("list paths");
    if (!extents_now)
        co_return std::move(extents_now.error()).in("list VMFS extents");
    if (!detached_now)
        co_return std::move(detached_now.error()).in("list detached devices");
    auto view = std::make_shared<HostView>(
        join_view(std::move(*devices_now), *paths_now, std::move(*extents_now), *detached_now));
    view->begun = begun;
    view->vmkfstools = std::move(others_now);
    last_ = view;
    co_return HostViewPtr(view);
}

} // namespace xcopy
