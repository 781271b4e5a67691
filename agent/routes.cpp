#include "agent/routes.hpp"

#include "agent/log.hpp"
#include "agent/metrics.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/number.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace xcopy {

namespace {

using http::refuse;
using http::Reply;
using http::Request;
using http::Verb;

template <class Message> Reply answer(const Message& message, int status = 200)
{
    Reply reply;
    reply.status = status;
    reply.body = encode(message);
    return reply;
}

Reply nothing()
{
    Reply reply;
    reply.body = "{}";
    return reply;
}

// A number of the query, within its bounds; absent is the default.
template <class Number> Result<Number> number(const Request& request, const char* key, Number otherwise, Number most)
{
    const auto found = request.query.find(key);
    if (found == request.query.end())
        return otherwise;
    const auto value = whole_number<Number>(found->second);
    if (!value || *value > most)
        return Error{Errc::bad_request, fmt::format("'{}' is not a number from 0 to {}", key, most), "", "bad_query"};
    return *value;
}

awaitable<Reply> read_health(Agent& agent, const Request& request)
{
    const auto fresh = request.query.find("fresh");
    const bool now = fresh != request.query.end() && fresh->second == "1";
    auto health = co_await agent.health.report(now, request.client_clock_ms);
    co_return answer(health);
}

awaitable<Reply> list_adapters(Agent& agent, const Request&)
{
    auto adapters = co_await agent.workers.run([&] { return agent.tools.adapters({.stop = agent.workers.stop()}); });
    if (!adapters)
        co_return refuse(std::move(adapters.error()).in("list adapters"));
    co_return answer(AdapterList{std::move(*adapters)});
}

awaitable<Reply> list_datastores(Agent& agent, const Request&)
{
    auto datastores = co_await agent.health.datastores();
    if (!datastores)
        co_return refuse(datastores.error());
    co_return answer(DatastoreList{std::move(*datastores)});
}

awaitable<Reply> read_source(Agent& agent, const Request& request)
{
    const auto path = request.query.find("path");
    if (path == request.query.end())
        co_return refuse({Errc::bad_request, "the query has no 'path'",
                          "ask GET /v1/sources?path=%5Bdatastore%5D%20folder%2Fdisk.vmdk", "bad_query"});
    auto source = co_await agent.jobs.look_at(path->second);
    if (!source)
        co_return refuse(source.error());
    co_return answer(*source);
}

awaitable<Reply> read_device(Agent& agent, const Request& request)
{
    auto naa = parse_device_name(request.argument);
    if (!naa)
        co_return refuse(naa.error());
    auto view = co_await agent.inventory.fresh();
    if (!view)
        co_return refuse(view.error());
    const Device* seen = (*view)->device(*naa);
    if (seen == nullptr)
        co_return refuse({Errc::not_found, fmt::format("this host does not see {}", *naa),
                          "map the volume to this host, then attach it", "no_such_device"});
    Device device = *seen;
    auto vaai =
        co_await agent.workers.run([&] { return agent.tools.vaai_status(*naa, {.stop = agent.workers.stop()}); });
    if (vaai)
        device.vaai = std::move(*vaai);
    co_return answer(device);
}

awaitable<Reply> attach_device(Agent& agent, const Request& request)
{
    auto naa = parse_device_name(request.argument);
    if (!naa)
        co_return refuse(naa.error());
    auto order = decode<AttachRequest>(request.body);
    if (!order)
        co_return refuse(std::move(order.error()).in("read attach request"));
    if (auto job = parse_job_id(order->job); !job)
        co_return refuse(job.error());
    auto device = co_await agent.attachments.attach(*naa, *order);
    if (!device)
        co_return refuse(device.error());
    co_return answer(*device);
}

awaitable<Reply> detach_device(Agent& agent, const Request& request)
{
    auto naa = parse_device_name(request.argument);
    if (!naa)
        co_return refuse(naa.error());
    auto order = decode<DetachRequest>(request.body);
    if (!order)
        co_return refuse(std::move(order.error()).in("read detach request"));
    if (auto job = parse_job_id(order->job); !job)
        co_return refuse(job.error());
    auto gone = co_await agent.attachments.detach(*naa, *order);
    if (!gone)
        co_return refuse(gone.error());
    co_return nothing();
}

awaitable<Reply> rescan(Agent& agent, const Request& request)
{
    auto order = decode<RescanRequest>(request.body);
    if (!order)
        co_return refuse(std::move(order.error()).in("read rescan request"));
    auto done = co_await agent.rescans.rescan(order->kind, order->adapters);
    agent.inventory.invalidate();
    if (!done)
        co_return refuse(done.error());
    co_return answer(*done);
}

awaitable<Reply> list_clones(Agent& agent, const Request&)
{
    co_return answer(agent.jobs.list());
}

awaitable<Reply> start_clone(Agent& agent, const Request& request)
{
    auto id = parse_job_id(request.argument);
    if (!id)
        co_return refuse(id.error());
    auto order = decode<CloneRequest>(request.body);
    if (!order)
        co_return refuse(std::move(order.error()).in("read clone request"));
    auto target = parse_device_name(order->target_naa);
    if (!target)
        co_return refuse(target.error());
    order->target_naa = *target;
    if (order->time_limit_s < 0 || order->orphan_ttl_s < 0)
        co_return refuse({Errc::bad_request, "time_limit_s and orphan_ttl_s must not be negative", "", "bad_message"});
    auto status = co_await agent.jobs.start(*id, *order); // the same id again returns the same job
    if (!status)
        co_return refuse(status.error());
    co_return answer(*status, 202);
}

awaitable<Reply> watch_clone(Agent& agent, const Request& request)
{
    auto id = parse_job_id(request.argument);
    if (!id)
        co_return refuse(id.error());
    auto after = number<std::uint64_t>(request, "after", 0, UINT64_MAX);
    if (!after)
        co_return refuse(after.error());
    auto wait = number<int>(request, "wait", 0, 1'000'000);
    if (!wait)
        co_return refuse(wait.error());
    const seconds time(std::clamp(*wait, 0, routes::max_watch_wait_s));
    auto status = co_await agent.jobs.watch(*id, *after, time);
    if (!status)
        co_return refuse(status.error());
    Reply reply;
    reply.body = std::move(*status);
    co_return reply;
}

awaitable<Reply> cancel_clone(Agent& agent, const Request& request)
{
    auto id = parse_job_id(request.argument);
    if (!id)
        co_return refuse(id.error());
    auto status = co_await agent.jobs.cancel(*id);
    if (!status)
        co_return refuse(status.error());
    co_return answer(*status);
}

awaitable<Reply> forget_clone(Agent& agent, const Request& request)
{
    auto id = parse_job_id(request.argument);
    if (!id)
        co_return refuse(id.error());
    auto gone = co_await agent.jobs.forget(*id);
    if (!gone)
        co_return refuse(gone.error());
    co_return nothing();
}

DrainStatus drain_status(const Jobs& jobs)
{
    return {static_cast<int>(jobs.drained_for().count()), jobs.running(), jobs.queued()};
}

awaitable<Reply> drain(Agent& agent, const Request& request)
{
    auto order = decode<DrainRequest>(request.body);
    if (!order)
        co_return refuse(std::move(order.error()).in("read drain request"));
    if (order->seconds < 1 || order->seconds > DrainRequest::longest_s)
        co_return refuse({Errc::bad_request, fmt::format("seconds must be 1 to {}", DrainRequest::longest_s),
                          "ask again before it is over", "bad_message"});
    if (order->on)
        agent.jobs.drain(seconds(order->seconds), order->finish_queue);
    else
        agent.jobs.end_drain("asked for");
    co_return answer(drain_status(agent.jobs));
}

awaitable<Reply> read_metrics(Agent& agent, const Request&)
{
    MetricsFacts facts;
    facts.clones = agent.jobs.by_state();
    facts.running = agent.jobs.running();
    facts.queued = agent.jobs.queued();
    facts.drained_s = agent.jobs.drained_for().count();
    if (agent.connections != nullptr) {
        facts.connections = agent.connections->connections;
        facts.connections_refused = agent.connections->connections_refused;
        facts.handshakes_failed = agent.connections->handshakes_failed;
    }
    facts.resident_bytes = resident_bytes();
    facts.uptime_s = std::chrono::duration<double>(steady_clock::now() - agent.started).count();
    Reply reply;
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = metrics_text(facts, agent.counters);
    co_return reply;
}

struct Route {
    Verb verb;
    std::string_view path;
    awaitable<Reply> (*handler)(Agent&, const Request&);
};

constexpr Route table[] = {
    {Verb::get, routes::health, read_health},         {Verb::get, routes::adapters, list_adapters},
    {Verb::get, routes::datastores, list_datastores}, {Verb::get, routes::sources, read_source},
    {Verb::get, routes::device, read_device},         {Verb::post, routes::attach, attach_device},
    {Verb::post, routes::detach, detach_device},      {Verb::post, routes::rescan, rescan},
    {Verb::get, routes::clones, list_clones},         {Verb::put, routes::clone, start_clone},
    {Verb::get, routes::clone, watch_clone},          {Verb::remove, routes::clone, forget_clone},
    {Verb::post, routes::cancel, cancel_clone},       {Verb::post, routes::drain, drain},
    {Verb::get, routes::metrics, read_metrics},
};

awaitable<Reply> find_and_run(Agent& agent, Request& request)
{
    if (!split_target(request))
        co_return refuse({Errc::bad_request, "the request's path is malformed", "", "bad_path"});
    std::string allowed;
    for (const auto& route : table) {
        const auto argument = http::match(route.path, request.segments);
        if (!argument)
            continue;
        if (route.verb != request.verb) {
            allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", http::name(route.verb));
            continue;
        }
        request.argument = *argument;
        Reply reply;
        try {
            reply = co_await route.handler(agent, request);
        } catch (const std::exception& bug) {
            log::error("request failed by a bug", {{"target", request.target}, {"what", bug.what()}});
            reply = refuse({Errc::failed, "the agent failed on this request; its log says where", "", "bug"});
        }
        reply.route = fmt::format("{} {}", http::name(route.verb), route.path);
        co_return reply;
    }
    if (allowed.empty())
        co_return refuse(
            {Errc::not_found, "there is no such call", "GET /v1/health tells what this agent is", "no_such_route"});
    Reply reply =
        refuse({Errc::unsupported, fmt::format("this call only knows {}", allowed), "", "method_not_allowed"});
    reply.status = 405;
    reply.allow = allowed;
    co_return reply;
}

} // namespace

awaitable<Reply> dispatch(Agent& agent, Request request)
{
    auto reply = co_await find_and_run(agent, request);
    if (request.verb != Verb::get) // who ordered what must be known afterwards
        log::info("order answered", {{"call", fmt::format("{} {}", http::name(request.verb), request.target)},
                                     {"peer", request.peer},
                                     {"client", request.client},
                                     {"status", fmt::to_string(reply.status)}});
    ++agent.counters.requests[{reply.route.empty() ? "none" : reply.route, reply.status}];
    co_return reply;
}

} // namespace xcopy
