#include "coordinator/ssh/ssh_sessions.hpp"

namespace xcopy {

SshSessions::SshSessions(SshLogin login, SshLimits limits, HostKeys::Unknown unknown)
    : login_(std::move(login)), limits_(limits), keys_(unknown)
{}

SshSession& SshSessions::to(const SshAddress& host)
{
    const std::lock_guard lock(mutex_);
    auto& session = by_name_[host.name];
    if (!session)
        session = std::make_unique<SshSession>(host, login_, keys_, limits_);
    return *session;
}

} // namespace xcopy
