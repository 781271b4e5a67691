#include "coordinator/host/agent_host.hpp"

#include "protocol/json.hpp"
#include "protocol/number.hpp"

#include <fmt/format.h>

namespace xcopy {

namespace {

using namespace std::chrono_literals;
using rest::Method;

constexpr std::chrono::milliseconds quick = 30s;  // questions
constexpr std::chrono::milliseconds slow = 3min;  // detach, rescan: seconds to minutes on a host with many LUNs
constexpr std::chrono::milliseconds margin = 20s; // what an answer may take beyond the wait that was asked for

constexpr std::string_view no_explanation = "no_explanation";

std::string escaped(std::string_view value)
{
    std::string out;
    for (char c : value) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                           c == '.' || c == '_';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

// Ids and device names were checked by protocol/ids.hpp and need no escaping; anything else does not belong in a path.
std::string fill(std::string_view route, std::string_view value)
{
    const auto open = route.find('{');
    const auto close = route.find('}');
    return std::string(route.substr(0, open)).append(escaped(value)).append(route.substr(close + 1));
}

std::int64_t unix_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Error refused(const rest::Reply& reply)
{
    auto said = decode<ErrorReply>(reply.body);
    if (said && !said->message.empty())
        return error_from(*said);
    return {errc_from_http_status(reply.status), fmt::format("HTTP {} without an explanation", reply.status),
            "is it an xcopy-agent that answers at this address and port?", std::string(no_explanation)};
}

Error lost(Error error, const AgentAddress& agent)
{
    if (error.code == Errc::timed_out)
        error.reason = "no_answer";
    if (error.reason == "connect_refused" || error.reason == "connect_timed_out")
        error.remedy =
            fmt::format("is xcopy-agent installed and started on {}, and does its firewall let port {} pass?",
                        agent.address, agent.port);
    return std::move(error).in(fmt::format("host '{}'", agent.name));
}

// "Not found" of the call, not of the thing it asks for.
bool is_unknown_call(const Error& error)
{
    return error.code == Errc::not_found &&
           (error.reason.empty() || error.reason == "no_such_route" || error.reason == no_explanation);
}

Result<std::uint16_t> parse_port(std::string_view text)
{
    const auto port = whole_number<std::uint16_t>(text);
    if (!port || *port == 0)
        return Error{Errc::bad_request, fmt::format("'{}' is not a port", text)};
    return *port;
}

Result<void> nothing(const Result<std::string>& answer)
{
    return answer ? Result<void>() : answer.error();
}

} // namespace

Result<AgentAddress> parse_agent(std::string_view text)
{
    const auto bad = [&](std::string_view why) {
        return Error{Errc::bad_request, fmt::format("agent '{}': {}", text, why),
                     "write it as --agent NAME=ADDRESS[:PORT], for example esx1=10.0.0.11", "bad_agent"};
    };
    AgentAddress agent;
    std::string_view rest = text;
    if (const auto equals = rest.find('='); equals != std::string_view::npos) {
        agent.name = rest.substr(0, equals);
        rest.remove_prefix(equals + 1);
        if (agent.name.empty())
            return bad("the name is empty");
    }
    std::string_view port;
    if (rest.starts_with('[')) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos)
            return bad("'[' without ']'");
        agent.address = rest.substr(1, close - 1);
        port = rest.substr(close + 1);
    } else if (rest.find(':') != rest.rfind(':')) { // IPv6 without brackets has no port
        agent.address = rest;
    } else {
        agent.address = rest.substr(0, rest.find(':'));
        port = rest.substr(agent.address.size());
    }
    if (agent.address.empty() || agent.address.find_first_of("/@?# \t\"<>\\%") != std::string::npos)
        return bad("that is neither a host name nor an address");
    if (!port.empty()) {
        auto number = port.front() == ':' ? parse_port(port.substr(1)) : parse_port(port);
        if (!number || port.front() != ':')
            return bad("the port is not a number from 1 to 65535");
        agent.port = *number;
    }
    if (agent.name.empty())
        agent.name = agent.address;
    return agent;
}

AgentHost::AgentHost(AgentAddress agent, const AgentTls& tls, rest::Transport& transport)
    : agent_(std::move(agent)), transport_(transport)
{
    const bool ipv6 = agent_.address.find(':') != std::string::npos;
    base_ = ipv6 ? fmt::format("https://[{}]:{}", agent_.address, agent_.port)
                 : fmt::format("https://{}:{}", agent_.address, agent_.port);
    tls_.ca_file = tls.ca_file;
    tls_.client_cert_file = tls.cert_file;
    tls_.client_key_file = tls.key_file;
    tls_.ca_pem = tls.ca_pem;
    tls_.client_cert_pem = tls.cert_pem;
    tls_.client_key_pem = tls.key_pem;
    tls_.tls13_only = true;
    if (!agent_.uuid.empty())
        tls_.expected_uri_san = routes::host_identity + agent_.uuid;
}

Result<std::string> AgentHost::ask(const Call& call, Method method, const std::string& path, std::string body,
                                   std::chrono::milliseconds limit)
{
    rest::Request request{.method = method,
                          .url = base_ + path,
                          .headers = {{"X-Xcopy-Clock", std::to_string(unix_ms())}}, // lets the agent notice clock skew
                          .body = std::move(body),
                          .max_reply_bytes = routes::max_reply_body};
    if (!request.body.empty())
        request.headers.push_back({"Content-Type", "application/json"});
    auto reply = transport_.send(call.within(limit), request, tls_);
    if (!reply && reply.error().reason == "untrusted_certificate")
        return enrolled_or(call, reply.error());
    if (!reply)
        return lost(reply.error(), agent_);
    if (reply->status < 200 || reply->status > 299)
        return refused(*reply).in(fmt::format("host '{}'", agent_.name));
    return std::move(reply->body);
}

// An agent without a certificate shows one that it made for itself and answers everything with one refusal. Nothing of ours
// is shown to it, and of what it says only the reason counts: anybody at that address could say it, as anybody there could
// refuse the connection.
Error AgentHost::enrolled_or(const Call& call, Error untrusted)
{
    const rest::Request question{.url = base_ + routes::health, .max_reply_bytes = routes::max_request_body};
    const rest::Tls unverified{.skip_verification = true, .tls13_only = true};
    const auto reply = transport_.send(call.within(quick), question, unverified);
    const auto said =
        reply && reply->status == 503 ? decode<ErrorReply>(reply->body) : Result<ErrorReply>(ErrorReply{});
    if (!said || said->reason != routes::not_enrolled)
        return lost(std::move(untrusted), agent_);
    return {Errc::unavailable, fmt::format("host '{}': its agent is not enrolled", agent_.name),
            "enrol it with vib-installer; `xcopy-agent enroll --status` on the host tells what is missing",
            routes::not_enrolled};
}

template <class Message> Result<Message> AgentHost::ask_for(const Call& call, Method method, const std::string& path,
                                                            std::string body, std::chrono::milliseconds limit)
{
    auto text = ask(call, method, path, std::move(body), limit);
    if (!text)
        return text.error();
    auto message = decode<Message>(*text);
    if (!message)
        return Error{Errc::failed,
                     fmt::format("host '{}': its answer to {} {} cannot be read: {}", agent_.name, rest::name(method),
                                 path, message.error().message),
                     "is it an xcopy-agent of a version this coordinator knows?", "bad_answer"};
    return message;
}

Result<Health> AgentHost::health(const Call& call, HealthAge age)
{
    const std::string path = std::string(routes::health) + (age == HealthAge::fresh ? "?fresh=1" : "");
    auto health = ask_for<Health>(call, Method::get, path, "", quick);
    if (!health)
        return health;
    if (auto agreed = agree(protocol_versions, health->protocol, fmt::format("the agent on '{}'", agent_.name));
        !agreed)
        return agreed.error();
    return health;
}

Result<std::vector<Adapter>> AgentHost::adapters(const Call& call)
{
    auto list = ask_for<AdapterList>(call, Method::get, routes::adapters, "", quick);
    if (!list)
        return list.error();
    return std::move(list->adapters);
}

Result<std::vector<Datastore>> AgentHost::datastores(const Call& call)
{
    auto list = ask_for<DatastoreList>(call, Method::get, routes::datastores, "", quick);
    if (!list)
        return list.error();
    return std::move(list->datastores);
}

Result<Source> AgentHost::source(const Call& call, const std::string& path)
{
    auto source =
        ask_for<Source>(call, Method::get, fmt::format("{}?path={}", routes::sources, escaped(path)), "", quick);
    if (!source && is_unknown_call(source.error()))
        return Error{Errc::unsupported,
                     fmt::format("host '{}': its agent is too old to be asked about a source", agent_.name),
                     "update xcopy-agent on it; until then its guards find a bad source only when the clone is ordered",
                     std::string(unknown_call_reason)};
    return source;
}

Result<Device> AgentHost::device(const Call& call, const std::string& naa)
{
    return ask_for<Device>(call, Method::get, fill(routes::device, naa), "", quick);
}

Result<Device> AgentHost::attach(const Call& call, const std::string& naa, const AttachRequest& request)
{
    const auto limit = std::chrono::seconds(request.wait_s) + margin;
    return ask_for<Device>(call, Method::post, fill(routes::attach, naa), encode(request), limit);
}

Result<void> AgentHost::detach(const Call& call, const std::string& naa, const std::string& job)
{
    return nothing(ask(call, Method::post, fill(routes::detach, naa), encode(DetachRequest{.job = job}), slow));
}

Result<void> AgentHost::rescan(const Call& call, const RescanRequest& request)
{
    return nothing(ask(call, Method::post, routes::rescan, encode(request), slow));
}

Result<CloneStatus> AgentHost::start_clone(const Call& call, const std::string& id, const CloneRequest& request)
{
    return ask_for<CloneStatus>(call, Method::put, fill(routes::clone, id), encode(request), quick);
}

Result<CloneStatus> AgentHost::watch_clone(const Call& call, const std::string& id, std::uint64_t after,
                                           std::chrono::seconds wait)
{
    const auto path = fmt::format("{}?after={}&wait={}", fill(routes::clone, id), after, wait.count());
    return ask_for<CloneStatus>(call, Method::get, path, "", wait + margin);
}

Result<CloneStatus> AgentHost::cancel_clone(const Call& call, const std::string& id)
{
    return ask_for<CloneStatus>(call, Method::post, fill(routes::cancel, id), "", slow);
}

Result<void> AgentHost::forget_clone(const Call& call, const std::string& id)
{
    auto answer = ask(call, Method::remove, fill(routes::clone, id), "", quick);
    if (!answer && answer.error().code == Errc::not_found)
        return {};
    return nothing(answer);
}

Result<std::vector<CloneStatus>> AgentHost::clones(const Call& call)
{
    auto list = ask_for<CloneList>(call, Method::get, routes::clones, "", quick);
    if (!list)
        return list.error();
    return std::move(list->clones);
}

Result<DrainStatus> AgentHost::drain(const Call& call, const DrainRequest& request)
{
    auto status = ask_for<DrainStatus>(call, Method::post, routes::drain, encode(request), quick);
    if (!status && is_unknown_call(status.error()))
        return Error{Errc::unsupported, fmt::format("host '{}': its agent is too old to be drained", agent_.name),
                     "wait until no clone runs and nobody orders one", std::string(unknown_call_reason)};
    return status;
}

} // namespace xcopy
