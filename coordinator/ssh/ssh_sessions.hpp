// The sessions of a process: one for each host, made when it is first needed, and the keys that all of them insist on.
#pragma once

#include "coordinator/ssh/ssh_session.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace xcopy {

class SshSessions {
public:
    SshSessions(SshLogin login, SshLimits limits, HostKeys::Unknown unknown);

    SshSession& to(const SshAddress& host);
    HostKeys& keys() { return keys_; }

private:
    const SshLogin login_;
    const SshLimits limits_;
    HostKeys keys_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<SshSession>> by_name_; // of the host
};

} // namespace xcopy
