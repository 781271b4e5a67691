#include "coordinator/host/either_host.hpp"

#include <fmt/format.h>

namespace xcopy {

using Kind = HostTransport::Kind;

EitherHost::EitherHost(std::string name, TransportChoice choice, Ways ways, Log& log)
    : name_(std::move(name)), choice_(choice), ways_(std::move(ways)), log_(log)
{}

HostTransport EitherHost::transport() const
{
    const std::lock_guard lock(mutex_);
    HostTransport found = settled_ ? settled_->transport() : HostTransport{};
    found.why = why_;
    return found;
}

Result<Host*> EitherHost::through(const HostTransport& begun)
{
    const std::lock_guard lock(mutex_);
    if (begun.kind == Kind::agent) {
        if (choice_ == TransportChoice::ssh)
            return other_transport(name_, begun.kind, "--host-transport ssh was given",
                                   "leave --host-transport at auto; the agent must answer again");
        if (!ways_.agent)
            return other_transport(name_, begun.kind, ways_.no_agent,
                                   "give the agent and the certificates it was begun with");
        return ways_.agent.get();
    }
    if (choice_ == TransportChoice::agent)
        return other_transport(name_, begun.kind, "--host-transport agent was given", "leave --host-transport at auto");
    if (!ways_.ssh)
        return other_transport(name_, begun.kind, "no SSH key is given",
                               "give the key it was begun with: SSH_PRIVATE_KEY or --ssh-key-file");
    return by_ssh(begun.datastore).through(begun);
}

Host& EitherHost::by_ssh(const std::string& datastore)
{
    auto& host = ssh_[datastore];
    if (!host)
        host = ways_.ssh(datastore);
    return *host;
}

Host& EitherHost::settle(Host& host, std::string why)
{
    settled_ = &host;
    why_ = std::move(why);
    log_.info("transport chosen", {{"host", name_}, {"transport", xcopy::name(host.transport().kind)}, {"why", why_}});
    return host;
}

Result<Host*> EitherHost::by_choice()
{
    if (settled_)
        return settled_;
    if (choice_ == TransportChoice::agent && !ways_.agent)
        return Error{Errc::bad_request, fmt::format("host '{}': {}", name_, ways_.no_agent),
                     "give --agent NAME=ADDRESS, or leave --host-transport at auto", "no_agent"};
    if (choice_ == TransportChoice::agent)
        return &settle(*ways_.agent, "as asked");
    const bool wanted = choice_ == TransportChoice::ssh;
    if ((wanted || !ways_.agent) && !ways_.ssh)
        return Error{Errc::bad_request, fmt::format("host '{}': no SSH key is given", name_),
                     "give it in SSH_PRIVATE_KEY or with --ssh-key-file", "no_ssh_key"};
    if (wanted)
        return &settle(by_ssh(), "as asked");
    if (!ways_.agent)
        return &settle(by_ssh(), ways_.no_agent);
    return nullptr;
}

Error EitherHost::explained(Error said_by_agent) const
{
    if (said_by_agent.code == Errc::cancelled)
        return said_by_agent;
    if (!said_by_agent.remedy.empty())
        said_by_agent.remedy += "; ";
    said_by_agent.remedy += !ways_.ssh
                                ? "or give an SSH key, for hosts without an agent: SSH_PRIVATE_KEY or --ssh-key-file"
                                : "SSH does not stand in for this, because only a refused connection or an "
                                  "agent that is not enrolled shows that there is none: where there is none, "
                                  "say --host-transport ssh";
    return said_by_agent;
}

// Only the first question of a run comes to the part below the decision; who asks meanwhile waits for that answer.
template <class Ask> auto EitherHost::ask(const Call& call, const Ask& question)
    -> decltype(question(std::declval<Host&>()))
{
    std::unique_lock lock(mutex_);
    const auto chosen = by_choice();
    if (!chosen)
        return chosen.error();
    if (*chosen) {
        lock.unlock();
        return question(**chosen);
    }
    auto answer = question(*ways_.agent);
    if (call.stop.stop_requested() && !answer)
        return answer;
    const auto why = answer ? std::string() : ssh_instead(answer.error());
    if (!why.empty() && ways_.ssh) {
        auto& ssh = settle(by_ssh(), why);
        lock.unlock();
        return question(ssh);
    }
    settle(*ways_.agent, answer ? "its agent answers" : why.empty() ? "nothing shows that it has no agent" : why);
    if (answer)
        return answer;
    return explained(answer.error());
}

Result<Health> EitherHost::health(const Call& call, HealthAge age)
{
    return ask(call, [&](Host& host) { return host.health(call, age); });
}

Result<std::vector<Adapter>> EitherHost::adapters(const Call& call)
{
    return ask(call, [&](Host& host) { return host.adapters(call); });
}

Result<std::vector<Datastore>> EitherHost::datastores(const Call& call)
{
    return ask(call, [&](Host& host) { return host.datastores(call); });
}

Result<Source> EitherHost::source(const Call& call, const std::string& path)
{
    return ask(call, [&](Host& host) { return host.source(call, path); });
}

Result<Device> EitherHost::device(const Call& call, const std::string& naa)
{
    return ask(call, [&](Host& host) { return host.device(call, naa); });
}

Result<Device> EitherHost::attach(const Call& call, const std::string& naa, const AttachRequest& request)
{
    return ask(call, [&](Host& host) { return host.attach(call, naa, request); });
}

Result<void> EitherHost::detach(const Call& call, const std::string& naa, const std::string& job)
{
    return ask(call, [&](Host& host) { return host.detach(call, naa, job); });
}

Result<void> EitherHost::rescan(const Call& call, const RescanRequest& request)
{
    return ask(call, [&](Host& host) { return host.rescan(call, request); });
}

Result<CloneStatus> EitherHost::start_clone(const Call& call, const std::string& id, const CloneRequest& request)
{
    return ask(call, [&](Host& host) { return host.start_clone(call, id, request); });
}

Result<CloneStatus> EitherHost::watch_clone(const Call& call, const std::string& id, std::uint64_t after,
                                            std::chrono::seconds wait)
{
    return ask(call, [&](Host& host) { return host.watch_clone(call, id, after, wait); });
}

Result<CloneStatus> EitherHost::cancel_clone(const Call& call, const std::string& id)
{
    return ask(call, [&](Host& host) { return host.cancel_clone(call, id); });
}

Result<void> EitherHost::forget_clone(const Call& call, const std::string& id)
{
    return ask(call, [&](Host& host) { return host.forget_clone(call, id); });
}

Result<std::vector<CloneStatus>> EitherHost::clones(const Call& call)
{
    return ask(call, [&](Host& host) { return host.clones(call); });
}

} // namespace xcopy
