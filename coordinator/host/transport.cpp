#include "coordinator/host/transport.hpp"

#include "coordinator/host/host.hpp"
#include "protocol/routes.hpp"

#include <fmt/format.h>

namespace xcopy {

std::string_view name(HostTransport::Kind kind)
{
    return kind == HostTransport::Kind::ssh ? "ssh" : "agent";
}

std::string_view told(HostTransport::Kind kind)
{
    return kind == HostTransport::Kind::ssh ? "SSH" : "its agent";
}

std::string ssh_instead(const Error& said_by_agent)
{
    if (said_by_agent.code != Errc::unavailable)
        return {};
    if (said_by_agent.reason == "connect_refused")
        return "no agent listens there: its port refuses the connection";
    if (said_by_agent.reason == routes::not_enrolled)
        return "its agent is not enrolled";
    return {};
}

bool is_about_the_key(std::string_view reason)
{
    return reason == "login_refused" || reason == "no_forced_command" || reason == "old_forced_command" ||
           reason == "no_ssh_key";
}

Error other_transport(std::string_view host, HostTransport::Kind begun, std::string_view why, std::string remedy)
{
    return {Errc::conflict,
            fmt::format("host '{}': the job was begun through {} and can go on through nothing else, but {}", host,
                        told(begun), why),
            std::move(remedy), "other_transport"};
}

Result<Host*> Host::through(const HostTransport& begun)
{
    const auto mine = transport().kind;
    if (mine == begun.kind)
        return this;
    return other_transport(
        name(), begun.kind,
        fmt::format("only {} is given for it", mine == HostTransport::Kind::ssh ? "SSH" : "an agent"),
        begun.kind == HostTransport::Kind::ssh ? "give it with --ssh-host NAME=ADDRESS"
                                               : "give it with --agent NAME=ADDRESS");
}

} // namespace xcopy
