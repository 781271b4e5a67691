// Looking at a host over SSH; nothing is changed.
#pragma once

#include "coordinator/ssh/ssh_session.hpp"

#include <chrono>

#include "vib-packaging/installer/host_facts.hpp"

namespace xcopy::installer {

// One command, its words quoted; an error only when its end was not seen. What it printed may still be a refusal.
Result<SshOutput> ask(const Call&, SshSession&, std::vector<std::string> words, std::string input = {},
                      std::chrono::milliseconds limit = std::chrono::minutes(1));

// The first refusal of SSH ends it: what the host does not know stays empty.
Result<HostFacts> inspect(const Call&, SshSession&, std::uint16_t agent_port);

} // namespace xcopy::installer
