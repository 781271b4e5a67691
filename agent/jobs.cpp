// Orders: what a client may ask of a job.
#include "agent/jobs.hpp"

#include "agent/esxi/pointer_files.hpp"
#include "agent/host_clock.hpp"
#include "agent/log.hpp"
#include "protocol/json.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace xcopy {

namespace {

Error unknown_job(const std::string& id)
{
    return {Errc::not_found, fmt::format("no clone {} on this host", id), "", "no_such_clone"};
}

} // namespace

Jobs::Jobs(const Config& config, Workers& workers, const Tools& tools, Inventory& inventory, Counters& counters)
    : config_(config), workers_(workers), tools_(tools), inventory_(inventory), counters_(counters),
      agent_path_(config.agent_path)
{}

Jobs::JobPtr Jobs::find(const std::string& id)
{
    const auto found = jobs_.find(id);
    if (found == jobs_.end())
        return nullptr;
    found->second->last_heard = steady_clock::now();
    return found->second;
}

awaitable<Result<CloneStatus>> Jobs::start(std::string id, CloneRequest request)
{
    const auto known = [&]() -> std::optional<Result<CloneStatus>> {
        const auto job = find(id);
        if (!job)
            return std::nullopt;
        if (!(request == job->order.request))
            return Error{Errc::conflict, fmt::format("clone {} was ordered with other content", id),
                         "use another id, or forget the finished clone first", "other_order"};
        return job->status;
    };
    if (auto answer = known())
        co_return *answer;
    if (auto drained = refused_while_drained())
        co_return *drained;
    if (queued() >= config_.max_queued && running() >= config_.max_running)
        co_return Error{Errc::busy, fmt::format("{} clones wait on this host already", queued()),
                        "order it again when one has ended, or choose another host", "queue_full"};

    auto source = co_await examine(id, request);
    if (!source)
        co_return source.error();
    auto view = co_await view_for(request.target_naa);
    if (!view)
        co_return std::move(view.error()).in("look at the host's devices");
    co_await find_datastore(*source, **view);
    if (auto answer = known()) // the same order may have arrived twice
        co_return *answer;
    if (auto drained = refused_while_drained()) // whoever drains was told how many run
        co_return *drained;
    auto allowed = guard(id, request, *source, **view);
    if (!allowed) {
        ++counters_.clones_refused;
        log::warn("clone refused", {{"job", id},
                                    {"reason", allowed.error().reason},
                                    {"source", request.source},
                                    {"target", request.target_naa},
                                    {"why", allowed.error().message}});
        co_return allowed.error();
    }
    auto job = accept(id, request, *source, **view);
    if (!job)
        co_return job.error();
    pump();
    co_return (*job)->status;
}

awaitable<Result<Source>> Jobs::look_at(std::string path)
{
    const std::string no_job; // pointer files are an order's matter
    CloneRequest asked{.source = std::move(path), .target_naa = {}};
    auto source = co_await examine(no_job, std::move(asked));
    if (!source)
        co_return source.error();
    auto view = co_await inventory_.not_older_than(milliseconds(config_.facts_max_age_ms));
    if (!view)
        co_return std::move(view.error()).in("look at the host's devices");
    co_await find_datastore(*source, **view);
    Source answer{.path = source->path,
                  .datastore = source->volume,
                  .devices = (*view)->devices_of_volume(source->volume),
                  .size_bytes = source->descriptor.size_bytes(),
                  .create_type = source->descriptor.create_type};
    const SourceFacts facts{.path = answer.path,
                            .volumes_root = source->volumes_root,
                            .create_type = answer.create_type,
                            .size = answer.size_bytes,
                            .devices = answer.devices,
                            .datastore = source->datastore,
                            .datastore_type = source->datastore_type,
                            .leftover_pointer = {}};
    if (auto good = check_source(facts); !good)
        co_return good.error();
    co_return answer;
}

awaitable<Result<SourceFile>> Jobs::examine(std::string id, CloneRequest request)
{
    auto located = locate_source(config_.volumes_root, request.source);
    if (!located)
        co_return located.error();
    auto source = co_await workers_.run([&] { return look_at_source(config_.volumes_root, *located, id); });
    if (!source)
        co_return std::move(source.error()).in("source");
    co_return source;
}

// What VMFS lies on is in the view; anything else is looked for.
awaitable<void> Jobs::find_datastore(SourceFile& source, const HostView& view)
{
    if (!view.devices_of_volume(source.volume).empty())
        co_return;
    auto all = co_await workers_.run([&] { return tools_.filesystems({.stop = workers_.stop()}); });
    if (!all) {
        log::warn("type of the source's datastore not known", {{"source", source.path}, {"why", all.error().message}});
        co_return;
    }
    for (const auto& one : *all)
        if (one.uuid == source.volume || one.mount_point.ends_with('/' + source.volume)) {
            source.datastore = one.name.empty() ? source.volume : one.name;
            source.datastore_type = one.type;
        }
}

// The vmkfstools of an older look may have been one of ours, and have ended.
awaitable<Result<HostViewPtr>> Jobs::view_for(std::string naa)
{
    auto view = co_await inventory_.not_older_than(milliseconds(config_.facts_max_age_ms));
    if (view && !(*view)->vmkfstools_on(naa).empty())
        view = co_await inventory_.fresh();
    co_return view;
}

Result<void> Jobs::guard(const std::string& id, const CloneRequest& request, const SourceFile& source,
                         const HostView& view) const
{
    SourceFacts from{.path = source.path,
                     .volumes_root = source.volumes_root,
                     .create_type = source.descriptor.create_type,
                     .size = source.descriptor.size_bytes(),
                     .devices = view.devices_of_volume(source.volume),
                     .datastore = source.datastore,
                     .datastore_type = source.datastore_type,
                     .leftover_pointer = {}};
    if (source.pointer_exists || source.mapping_exists)
        from.leftover_pointer = source.pointer_exists ? source.pointer_path : source.mapping_path;

    TargetFacts to;
    if (const auto* record = attachments_->find(request.target_naa)) {
        to.attached_for = record->job;
        to.attached_size = record->size;
    }
    to.node_exists = ::access(fmt::format("{}/{}", config_.devices_root, request.target_naa).c_str(), F_OK) == 0;
    if (const auto* device = view.device(request.target_naa))
        to.device = *device;
    if (const auto busy = writer_of(request.target_naa); busy && *busy != id)
        to.busy_with = busy;
    to.foreign_writer = view.vmkfstools_on(request.target_naa);
    return check_clone(id, request, from, to);
}

Result<Jobs::JobPtr> Jobs::accept(const std::string& id, const CloneRequest& request, const SourceFile& source,
                                  const HostView& view)
{
    auto job = std::make_shared<Job>(dir_of(id));
    job->order = {.id = id,
                  .request = request,
                  .source_path = source.path,
                  .source_device = {},
                  .source_size = source.descriptor.size_bytes(),
                  .pointer_path = source.pointer_path,
                  .mapping_path = source.mapping_path,
                  .ordered_ms = unix_ms(),
                  .boot_ms = host_boot_ms()};
    const auto devices = view.devices_of_volume(source.volume);
    job->order.source_device = devices.empty() ? "" : devices.front();
    if (auto made = job->dir.create(job->order); !made)
        return std::move(made.error()).in("record the order");
    job->judged = steady_clock::now();
    job->status.id = id;
    job->status.source = request.source;
    job->status.target_naa = request.target_naa;
    job->status.target_size = request.target_size;
    job->status.source_size = job->order.source_size;
    job->status.ordered_ms = job->order.ordered_ms;
    jobs_[id] = job;
    queue_.push_back(job);
    log::info("clone ordered", {{"job", id}, {"source", source.path}, {"target", request.target_naa}});
    number_queue();
    return job;
}

awaitable<Result<std::string>> Jobs::watch(std::string id, std::uint64_t after, seconds wait)
{
    const auto deadline = steady_clock::now() + wait;
    auto job = find(id);
    if (!job)
        co_return unknown_job(id);
    while (job->status.revision <= after && steady_clock::now() < deadline && !is_final(job->status.state))
        co_await job->changed.wait_until(deadline);
    job->last_heard = steady_clock::now();
    if (job->encoded.empty())
        job->encoded = encode(job->status);
    co_return job->encoded;
}

awaitable<Result<CloneStatus>> Jobs::cancel(std::string id)
{
    auto job = find(id);
    if (!job)
        co_return unknown_job(id);
    ask_to_stop(*job, {Errc::cancelled, "cancelled by request", "", "cancelled"});
    // vmkfstools has a grace period before SIGKILL; a kill waits for outstanding I/O.
    const auto deadline = steady_clock::now() + seconds(90);
    while (!is_final(job->status.state) && steady_clock::now() < deadline)
        co_await job->changed.wait_until(deadline);
    if (!is_final(job->status.state))
        co_return Error{Errc::timed_out, fmt::format("clone {} was told to stop but is not gone yet", id),
                        "ask again; the device stays reserved until it is", "still_stopping"};
    co_return job->status;
}

awaitable<Result<void>> Jobs::forget(std::string id)
{
    auto job = find(id);
    if (!job)
        co_return Result<void>{};
    if (!is_final(job->status.state) || may_still_be_written(*job))
        co_return Error{Errc::conflict, fmt::format("clone {} is {}", id, name(job->status.state)), "cancel it first",
                        "still_running"};
    if (!job->order.source_path.empty()) { // else its order was unreadable, and nobody knows their names
        auto removed =
            co_await workers_.run([&] { return remove_pointer_files_below(config_.volumes_root + '/', job->order); });
        if (!removed)
            co_return std::move(removed.error()).in("remove pointer files");
    }
    ::unlink((job->dir.path() + "/begun").c_str());
    if (auto gone = job->dir.remove(); !gone)
        co_return std::move(gone.error()).in("forget clone " + id);
    jobs_.erase(id);
    job->changed.notify();
    log::info("clone forgotten", {{"job", id}});
    co_return Result<void>{};
}

CloneList Jobs::list() const
{
    CloneList list;
    for (const auto& [id, job] : jobs_)
        list.clones.push_back(job->status);
    return list;
}

std::optional<std::string> Jobs::writer_of(const std::string& naa) const
{
    for (const auto& [id, job] : jobs_) {
        const auto& device = job->order.request.target_naa; // empty: its order was unreadable, so it may be any
        if (!device.empty() && device != naa)
            continue;
        if (!is_final(job->status.state) || may_still_be_written(*job))
            return id;
    }
    return std::nullopt;
}

bool Jobs::may_still_be_written(Job& job)
{
    // The lock decides. Where there is none, a job without a readable order has no boot to compare: this one is assumed.
    const auto boot = job.order.boot_ms != 0 ? job.order.boot_ms : host_boot_ms();
    if (job.may_be_written) {
        const auto left = job.dir.status();
        job.may_be_written = writer_state(job.dir, left ? *left : std::nullopt, boot, host_boot_ms()) != Writer::gone;
    }
    return job.may_be_written;
}

int Jobs::running() const
{
    return busy_;
}

int Jobs::queued() const
{
    return static_cast<int>(queue_.size());
}

std::map<CloneState, int> Jobs::by_state() const
{
    std::map<CloneState, int> counts;
    for (const auto& [id, job] : jobs_)
        ++counts[job->status.state];
    return counts;
}

} // namespace xcopy
