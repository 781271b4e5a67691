// An ESXi host in memory. It lives on when a coordinator dies, as a real one does.
#pragma once

#include "coordinator/host/host.hpp"
#include "tests/coordinator/fakes/fake_array.hpp"
#include "tests/coordinator/fakes/steps.hpp"

#include <functional>
#include <map>
#include <set>

namespace xcopy::test {

// What outlives the coordinator's connection to the host.
struct HostState {
    std::string host_name = "esx1";
    std::string uuid = "uuid-esx1";
    Health health;
    std::map<std::string, CloneStatus> clones;
    std::map<std::string, CloneRequest> orders;
    std::set<std::string> attached;
    std::map<std::string, Device> other_devices;
    Source source; // an empty path: the one asked for
    std::string source_asked;
    std::optional<Error> source_fault;
    HealthAge asked_health = HealthAge::cached;
    int starts = 0;
    int forgotten = 0;
    bool copied = false;         // every byte reached the target
    int exit_status = 0;         // what vmkfstools will say
    int watches_to_end = 3;      // watches until the clone is over
    std::uint64_t seen_size = 0; // 0: as the array says
    std::function<void()> on_watch;
    std::function<std::optional<Error>()> watch_fault;
    std::optional<Error> start_fault;
    std::function<void()> on_health;
    int drained_starts = 0; // so many orders are refused because the host is drained
    XcopyUse xcopy = XcopyUse::full;
    HostTransport transport{};
    std::optional<Error> absent{}; // what everything is answered with
};

inline HostState healthy_host(const std::string& name = "esx1")
{
    HostState state;
    state.host_name = name;
    state.uuid = "uuid-" + name;
    state.health.protocol = protocol_versions;
    state.health.host_uuid = state.uuid;
    state.health.host_name = name;
    state.health.disk_max_lun = 1024;
    state.health.adapters = {{.name = "vmhba64",
                              .driver = "iscsi_vmk",
                              .link_state = "online",
                              .uid = "iqn.1998-01.com.vmware:" + name + "-1a2b",
                              .description = "iSCSI Software Adapter"}};
    state.health.datastores = {{.name = "ds 1",
                                .uuid = "5f3a0000-00000000-0000-000000000001",
                                .type = "VMFS-6",
                                .mount_point = "/vmfs/volumes/5f3a0000-00000000-0000-000000000001",
                                .mounted = true,
                                .size_bytes = 0,
                                .free_bytes = 0,
                                .devices = {"naa.600a0980aaaaaaaaaaaaaaaaaaaaaaaa"}}};
    state.source.devices = state.health.datastores.front().devices;
    state.source.size_bytes = std::uint64_t{10} << 30;
    state.source.create_type = "vmfs";
    Device source;
    source.name = "naa.600a0980aaaaaaaaaaaaaaaaaaaaaaaa";
    source.used_by = {"ds 1"};
    source.paths = {{"vmhba64:C0:T0:L0", "vmhba64", "active", "iscsi", 0}};
    source.vaai.clone = "supported";
    state.other_devices[source.name] = source;
    return state;
}

class FakeHost final : public Host {
public:
    FakeHost(HostState& state, FakeArray& array, Steps& steps) : state_(state), array_(array), steps_(steps) {}

    std::string name() const override { return state_.host_name; }
    HostTransport transport() const override { return state_.transport; }

    Result<Health> health(const Call&, HealthAge age) override
    {
        state_.asked_health = age;
        if (state_.on_health)
            state_.on_health();
        return run("health", [&]() -> Result<Health> { return state_.health; });
    }

    Result<std::vector<Adapter>> adapters(const Call&) override { return state_.health.adapters; }
    Result<std::vector<Datastore>> datastores(const Call&) override { return state_.health.datastores; }

    Result<Source> source(const Call&, const std::string& path) override
    {
        return run("source", [&]() -> Result<Source> {
            state_.source_asked = path;
            if (state_.source_fault)
                return *state_.source_fault;
            Source source = state_.source;
            if (source.path.empty())
                source.path = path;
            return source;
        });
    }

    Result<Device> device(const Call&, const std::string& naa) override
    {
        return run("device", [&]() -> Result<Device> {
            if (state_.other_devices.contains(naa))
                return state_.other_devices.at(naa);
            if (naa == array_.volume.naa && !state_.attached.empty() && is_mapped())
                return target();
            return Error{Errc::not_found, "no such device", "", "no_such_device"};
        });
    }

    Result<Device> attach(const Call&, const std::string& naa, const AttachRequest& request) override
    {
        return run("attach", [&]() -> Result<Device> {
            if (naa != array_.volume.naa || !is_mapped())
                return Error{Errc::timed_out, "device did not appear"};
            state_.attached.insert(request.job);
            return target();
        });
    }

    Result<void> detach(const Call&, const std::string&, const std::string& job) override
    {
        return run("detach", [&]() -> Result<void> {
            if (is_running(job))
                return Error{Errc::busy, "a writer is alive"};
            state_.attached.erase(job);
            return {};
        });
    }

    Result<void> rescan(const Call&, const RescanRequest&) override
    {
        return run("rescan", []() -> Result<void> { return {}; });
    }

    Result<CloneStatus> start_clone(const Call&, const std::string& id, const CloneRequest& order) override
    {
        return run("start_clone", [&]() -> Result<CloneStatus> {
            if (state_.start_fault)
                return *state_.start_fault;
            if (state_.drained_starts > 0 && !state_.clones.contains(id)) {
                --state_.drained_starts;
                return Error{Errc::busy, "this host is drained", "", "drained"};
            }
            if (state_.clones.contains(id)) {
                if (!(state_.orders.at(id) == order))
                    return Error{Errc::conflict, "this id stands for another order"};
                return state_.clones.at(id);
            }
            if (!state_.attached.contains(id))
                return Error{Errc::conflict, "the target is not attached for this job"};
            ++state_.starts;
            CloneStatus status;
            status.id = id;
            status.revision = 1;
            status.state = CloneState::running;
            status.source = order.source;
            status.target_naa = order.target_naa;
            status.target_size = order.target_size;
            status.started_ms = 1000;
            state_.orders[id] = order;
            return state_.clones[id] = status;
        });
    }

    Result<CloneStatus> watch_clone(const Call&, const std::string& id, std::uint64_t,
                                    std::chrono::seconds wait) override
    {
        return run("watch_clone", [&]() -> Result<CloneStatus> {
            if (state_.on_watch)
                state_.on_watch();
            if (state_.watch_fault)
                if (auto fault = state_.watch_fault())
                    return *fault;
            if (!state_.clones.contains(id))
                return Error{Errc::not_found, "no such clone", "", "no_such_clone"};
            auto& status = state_.clones.at(id);
            if (wait.count() > 0 && !is_final(status.state))
                go_on(status);
            return status;
        });
    }

    Result<CloneStatus> cancel_clone(const Call&, const std::string& id) override
    {
        return run("cancel_clone", [&]() -> Result<CloneStatus> {
            if (!state_.clones.contains(id))
                return Error{Errc::not_found, "no such clone", "", "no_such_clone"};
            auto& status = state_.clones.at(id);
            if (!is_final(status.state))
                status.state = CloneState::cancelled;
            return status;
        });
    }

    Result<void> forget_clone(const Call&, const std::string& id) override
    {
        return run("forget_clone", [&]() -> Result<void> {
            if (is_running(id))
                return Error{Errc::busy, "still running"};
            state_.forgotten += static_cast<int>(state_.clones.erase(id));
            return {};
        });
    }

    Result<std::vector<CloneStatus>> clones(const Call&) override
    {
        return run("clones", [&]() -> Result<std::vector<CloneStatus>> {
            std::vector<CloneStatus> all;
            for (const auto& [id, status] : state_.clones)
                all.push_back(status);
            return all;
        });
    }

private:
    template <class Effect> auto run(const std::string& step, Effect effect) -> decltype(effect())
    {
        if (state_.absent)
            return *state_.absent;
        return steps_.run(step, effect);
    }

    bool is_mapped() const
    {
        const auto reaches_me = [&](const Mapping& m) { return m.host.id.find(state_.uuid) != std::string::npos; };
        return std::ranges::any_of(array_.mappings, reaches_me) || !array_.already_reaches_host.empty();
    }

    bool is_running(const std::string& id) const
    {
        const auto found = state_.clones.find(id);
        return found != state_.clones.end() && !is_final(found->second.state);
    }

    Device target() const
    {
        Device device;
        device.name = array_.volume.naa;
        device.size_bytes = state_.seen_size ? state_.seen_size : array_.volume.size_bytes;
        device.status = "on";
        device.vaai.clone = "supported";
        return device;
    }

    void go_on(CloneStatus& status)
    {
        ++status.revision;
        status.percent = std::min(99, status.percent + 100 / state_.watches_to_end);
        if (static_cast<int>(status.revision) <= state_.watches_to_end)
            return;
        status.exit_status = state_.exit_status;
        status.state = state_.exit_status == 0 ? CloneState::succeeded : CloneState::failed;
        status.percent = state_.exit_status == 0 ? 100 : 43;
        status.ended_ms = 3000;
        status.xcopy.use = state_.xcopy;
        state_.copied = state_.exit_status == 0;
    }

    HostState& state_;
    FakeArray& array_;
    Steps& steps_;
};

} // namespace xcopy::test
