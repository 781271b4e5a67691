#include "agent/health.hpp"

#include "agent/enrolment_status.hpp"
#include "agent/esxi/commands.hpp"
#include "agent/host_clock.hpp"
#include "agent/pending.hpp"
#include "agent/selftest.hpp"

#include <utility>

namespace xcopy {

namespace {

constexpr seconds cached_for{5};

void add_devices(std::vector<Datastore>& datastores, const HostView& view)
{
    for (auto& datastore : datastores)
        datastore.devices = view.devices_of_volume(datastore.uuid);
}

std::optional<int> highest_lun(const std::vector<Device>& devices)
{
    std::optional<int> highest;
    for (const auto& device : devices)
        for (const auto& path : device.paths)
            if (!device.is_local && path.lun >= 0 && (!highest || path.lun > *highest))
                highest = path.lun;
    return highest;
}

} // namespace

HealthReporter::HealthReporter(const Config& config, Workers& workers, const Tools& tools, Inventory& inventory,
                               const Jobs& jobs, const http::Certificates& certificates)
    : config_(config), workers_(workers), tools_(tools), inventory_(inventory), jobs_(jobs), certificates_(certificates)
{}

awaitable<Health> HealthReporter::report(bool fresh, std::optional<std::int64_t> client_clock_ms)
{
    const auto asked = steady_clock::now();
    const auto good_enough = [&] {
        return gathered_ && (fresh ? *gathered_ >= asked : asked - *gathered_ < cached_for);
    };
    while (!good_enough()) {
        if (running_) {
            auto other = running_;
            while (!other->complete)
                co_await other->done.wait_until(steady_clock::time_point::max());
            if (!fresh)
                break;
            continue;
        }
        running_ = std::make_shared<Gathering>();
        co_await gather();
        auto done = std::exchange(running_, nullptr);
        done->complete = true;
        done->done.notify();
    }
    HealthFacts facts = facts_;
    facts.client_clock_ms = client_clock_ms;
    facts.certificate_expires_ms = certificates_.expires_ms();
    facts.certificate_problem = certificates_.problem();
    facts.key_exposed = certificates_.key_is_exposed();
    facts.enrolment_unsaved = is_unsaved(config_);
    for (const auto& clone : jobs_.list().clones) {
        if (clone.state == CloneState::indeterminate)
            facts.indeterminate_jobs.push_back(clone.id);
        if (clone.error && clone.error->reason == "orphaned")
            facts.orphaned_jobs.push_back(clone.id);
    }
    Health& health = facts.health;
    health.protocol = protocol_versions;
    health.agent_version = XCOPY_VERSION;
    health.uptime_s = host_uptime_ms() / 1000;
    health.agent_uptime_s = std::chrono::duration_cast<seconds>(steady_clock::now() - started_).count();
    health.clock_ms = unix_ms();
    health.running = jobs_.running();
    health.queued = jobs_.queued();
    health.max_running = config_.max_running;
    health.drained_s = static_cast<int>(jobs_.drained_for().count());
    health.problems = problems_of(facts);
    co_return health;
}

awaitable<void> HealthReporter::gather()
{
    const auto begun = steady_clock::now();
    const RunLimits limits{.stop = workers_.stop()};
    HealthFacts facts;
    auto view = co_await begin(inventory_.fresh());
    auto adapters = co_await begin(workers_.run([&] { return tools_.adapters(limits); }));
    auto filesystems = co_await begin(workers_.run([&] { return tools_.filesystems(limits); }));
    auto vaai = co_await begin(workers_.run([&] { return tools_.all_vaai_status(limits); }));
    auto max_lun = co_await begin(option("/Disk/MaxLUN", facts));
    auto move = co_await begin(option("/DataMover/HardwareAcceleratedMove", facts));
    auto init = co_await begin(option("/DataMover/HardwareAcceleratedInit", facts));
    auto transfer = co_await begin(option("/DataMover/MaxHWTransferSize", facts));
    auto group = co_await begin(memory_group_exists());
    if (!version_) {
        auto version = co_await workers_.run([&] { return tools_.version(limits); });
        if (version)
            version_ = *version;
        else
            facts.unread.push_back(could_not_read("ESXi version", version.error()));
    }
    if (uuid_.empty()) {
        auto uuid = co_await workers_.run([&] { return tools_.host_uuid(limits); });
        uuid_ = uuid ? *uuid : "";
        if (!uuid)
            facts.unread.push_back(could_not_read("host UUID", uuid.error()));
    }
    if (name_.empty()) {
        auto name = co_await workers_.run([&] { return tools_.host_name(limits); });
        name_ = name ? *name : "";
        if (!name)
            facts.unread.push_back(could_not_read("host name", name.error()));
    }
    Health& health = facts.health;
    health.host_uuid = uuid_;
    health.host_name = name_;
    if (version_) {
        health.product = version_->product;
        health.version = version_->version;
        health.build = version_->build;
    }
    auto adapters_now = co_await adapters.get();
    auto filesystems_now = co_await filesystems.get();
    auto vaai_now = co_await vaai.get();
    auto view_now = co_await view.get();
    health.disk_max_lun = co_await max_lun.get();
    health.vaai.hardware_accelerated_move = co_await move.get();
    health.vaai.hardware_accelerated_init = co_await init.get();
    health.vaai.max_hw_transfer_kb = co_await transfer.get();
    const bool has_group = co_await group.get();
    facts.memory_group_missing = !has_group;
    health.selftest = last_selftest(config_.state_dir);
    health.memory.path = config_.memory_group;
    if (adapters_now)
        health.adapters = *adapters_now;
    else
        facts.unread.push_back(could_not_read("storage adapters", adapters_now.error()));
    if (filesystems_now)
        health.datastores = *filesystems_now;
    else
        facts.unread.push_back(could_not_read("datastores", filesystems_now.error()));
    if (vaai_now)
        facts.vaai = *vaai_now;
    else
        facts.unread.push_back(could_not_read("VAAI status", vaai_now.error()));
    if (view_now) {
        facts.devices = (*view_now)->devices;
        health.highest_lun = highest_lun(facts.devices);
        add_devices(health.datastores, **view_now);
    } else {
        facts.unread.push_back(could_not_read("devices", view_now.error()));
    }
    facts_ = std::move(facts);
    gathered_ = begun;
}

awaitable<std::optional<int>> HealthReporter::option(std::string path, HealthFacts& into)
{
    auto value = co_await workers_.run([&] { return tools_.advanced_option(path, {.stop = workers_.stop()}); });
    if (value)
        co_return static_cast<int>(value->value);
    into.unread.push_back(could_not_read(path, value.error()));
    co_return std::nullopt;
}

// Whether a process runs in a group cannot be asked from within; that the group of the configuration exists can.
awaitable<bool> HealthReporter::memory_group_exists()
{
    if (config_.memory_group.empty())
        co_return false;
    const auto argv = commands::memory_group(config_.tools.localcli, config_.memory_group);
    auto listed = co_await workers_.run([&] { return run(argv, {.time = seconds(10), .stop = workers_.stop()}); });
    co_return listed && listed->exit_status == 0;
}

awaitable<Result<std::vector<Datastore>>> HealthReporter::datastores()
{
    auto filesystems = co_await workers_.run([&] { return tools_.filesystems({.stop = workers_.stop()}); });
    if (!filesystems)
        co_return std::move(filesystems.error()).in("list datastores");
    auto view = co_await inventory_.not_older_than(cached_for);
    if (!view)
        co_return std::move(view.error()).in("list datastores");
    add_devices(*filesystems, **view);
    co_return filesystems;
}

} // namespace xcopy
