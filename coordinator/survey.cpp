#include "coordinator/survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>

namespace xcopy {

namespace {

SurveyedHost ask(const Call& call, Host& host, HealthAge age)
{
    SurveyedHost seen{.host = &host};
    auto health = host.health(call, age);
    if (!health) {
        seen.unreachable = health.error();
        return seen;
    }
    seen.health = std::move(*health);
    auto clones = host.clones(call);
    if (clones)
        seen.clones = std::move(*clones);
    else
        seen.unreachable = clones.error();
    return seen;
}

bool has_live_clone(const SurveyedHost& seen, const std::string& job)
{
    return std::ranges::any_of(seen.clones, [&](const CloneStatus& c) { return c.id == job && !is_final(c.state); });
}

bool is_usable(const DevicePath& path)
{
    return path.state == "active" || path.state == "standby";
}

} // namespace

Survey survey(const Call& call, const std::vector<std::unique_ptr<Host>>& hosts, const Limits& limits, HealthAge age)
{
    std::vector<Host*> all;
    all.reserve(hosts.size());
    for (const auto& host : hosts)
        all.push_back(host.get());
    return survey(call, all, limits, age);
}

Survey survey(const Call& call, const std::vector<Host*>& hosts, const Limits& limits, HealthAge age)
{
    std::vector<std::future<SurveyedHost>> asked;
    asked.reserve(hosts.size());
    for (auto* host : hosts)
        asked.push_back(std::async(
            std::launch::async, [&call, &limits, host, age] { return ask(call.within(limits.look_up), *host, age); }));
    Survey all;
    all.reserve(asked.size());
    for (auto& answer : asked)
        all.push_back(answer.get());
    return all;
}

void warn_of_unreachable(const Survey& survey, const std::string& job, Log& log)
{
    for (const auto& seen : survey)
        if (seen.unreachable)
            log.warn("host not asked whether it uses the target", {{"job", job},
                                                                   {"host", seen.host->name()},
                                                                   {"why", seen.unreachable->message},
                                                                   {"remedy", seen.unreachable->remedy}});
}

std::vector<HostView> views(const Survey& survey, const SourceName& source, const std::string& job)
{
    std::vector<HostView> all;
    for (const auto& seen : survey) {
        HostView view{.name = seen.host->name()};
        if (seen.unreachable)
            view.unreachable = seen.unreachable;
        if (const auto* datastore = find_datastore(seen.health.datastores, source)) {
            view.sees_source = true;
            view.datastore_uuid = datastore->uuid;
        }
        view.load = seen.health.running + seen.health.queued;
        view.errors = static_cast<int>(std::ranges::count(seen.health.problems, Severity::error, &Problem::severity));
        view.drained_s = seen.health.drained_s;
        view.has_job = has_live_clone(seen, job);
        all.push_back(std::move(view));
    }
    return all;
}

Result<ChosenHost> choose_host(const Call& call, const CopyOrder& order, const Survey& survey, const SourceName& source,
                               const std::string& wanted)
{
    const auto seen_hosts = views(survey, source, order.job);
    const bool begun = std::ranges::any_of(seen_hosts, &HostView::has_job);
    const bool own = wanted.empty() && !begun && !order.vm_host.empty(); // a running VM's disk is open there
    auto choice = choose_host(seen_hosts, own ? order.vm_host : wanted, order.job, source.datastore);
    if (!choice && own)
        return choice.error().in(fmt::format("the VM runs on host '{}'", order.vm_host));
    if (!choice)
        return choice.error();
    const auto& seen = survey[choice->index];
    const auto* datastore = find_datastore(seen.health.datastores, source);
    if (!datastore) // the host that has this job has lost the datastore
        return Error{Errc::not_found,
                     fmt::format("host '{}' does not have datastore '{}' mounted", seen.host->name(), source.datastore),
                     "mount it there again, or undo the job with: xcopy-coordinator sweep", "datastore_not_seen"};

    ChosenHost chosen{.host = seen.host,
                      .name = seen.host->name(),
                      .uuid = seen.health.host_uuid,
                      .why = choice->why,
                      .transport = seen.host->transport(),
                      .health = seen.health,
                      .datastore = *datastore,
                      .source_path = path_on_host(*datastore, source),
                      .source_device = {},
                      .adapters = {}};
    chosen.has_job = has_live_clone(seen, order.job);
    if (own)
        chosen.why = "the VM runs there";
    if (!wanted.empty() && wanted != order.migration_host)
        chosen.why = "this job was begun there";
    if (!datastore->devices.empty()) {
        auto device = seen.host->device(call.within(order.limits.look_up), datastore->devices.front());
        if (!device)
            return device.error().in("look at the source's device");
        chosen.source_device = std::move(*device);
    }
    chosen.adapters = adapters_for(chosen.health, chosen.source_device);
    if (chosen.adapters.empty())
        return Error{Errc::unsupported,
                     fmt::format("host '{}' has no adapter that carries LUNs of an array", chosen.name),
                     "see its adapters with: xcopy-coordinator hosts", "no_adapter"};
    return chosen;
}

std::vector<std::string> adapters_for(const Health& health, const std::optional<Device>& source_device)
{
    const auto carries_luns = [&](const std::string& name) {
        return std::ranges::any_of(health.adapters, [&](const Adapter& adapter) {
            return adapter.name == name && parse_initiator(adapter.uid).has_value();
        });
    };
    std::vector<std::string> found;
    if (source_device)
        for (const auto& path : source_device->paths)
            if (is_usable(path) && carries_luns(path.adapter) && !std::ranges::count(found, path.adapter))
                found.push_back(path.adapter);
    if (found.empty())
        for (const auto& adapter : health.adapters)
            if (adapter.link_state != "link-down" && carries_luns(adapter.name))
                found.push_back(adapter.name);
    std::ranges::sort(found);
    return found;
}

HostIdentity identity(const ChosenHost& host)
{
    HostIdentity who{
        .uuid = host.uuid, .name = host.health.host_name.empty() ? host.name : host.health.host_name, .initiators = {}};
    for (const auto& adapter : host.health.adapters) {
        if (!std::ranges::count(host.adapters, adapter.name))
            continue;
        auto initiator = parse_initiator(adapter.uid);
        if (initiator && !std::ranges::count(who.initiators, *initiator))
            who.initiators.push_back(*initiator);
    }
    return who;
}

Observer::Way way_over(const ChosenHost& host)
{
    const auto initiators = identity(host).initiators;
    const auto all = [&](Initiator::Kind kind) {
        return !initiators.empty() &&
               std::ranges::all_of(initiators, [&](const auto& one) { return one.kind == kind; });
    };
    return {.method = std::string(name(host.transport.kind)),
            .protocol = all(Initiator::Kind::iscsi) ? "iscsi"
                        : all(Initiator::Kind::fc)  ? "fc"
                                                    : "",
            .agent_version =
                host.transport.kind == HostTransport::Kind::agent ? host.health.agent_version : std::string()};
}

Result<void> check_xcopy_possible(const ChosenHost& host)
{
    if (host.health.vaai.hardware_accelerated_move == 0)
        return Error{Errc::unsupported,
                     fmt::format("host '{}' does not use XCOPY: DataMover.HardwareAcceleratedMove is 0", host.name),
                     "esxcli system settings advanced set -o /DataMover/HardwareAcceleratedMove -i 1", "vaai_off"};
    if (host.source_device && host.source_device->vaai.clone == "unsupported")
        return Error{Errc::unsupported,
                     fmt::format("the source's device {} does not support XCOPY on host '{}'", host.source_device->name,
                                 host.name),
                     fmt::format("see: esxcli storage core device vaai status get -d {}", host.source_device->name),
                     "vaai_unsupported"};
    return {};
}

} // namespace xcopy
