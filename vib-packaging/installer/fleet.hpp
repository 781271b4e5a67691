// Many hosts side by side, a few at a time. One that fails does not hold up the others.
#pragma once

#include "vib-packaging/installer/host_work.hpp"

namespace xcopy::installer {

enum class Command : std::uint8_t { install, remove, status };

struct HostLogin {
    SshAddress address;
    SshLogin login;
};

// Told by many threads, one at a time.
class Watcher {
public:
    Watcher() = default;
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    virtual ~Watcher() = default;
    virtual void at(const std::string& host, const std::string& what) = 0;
    virtual void ended(const HostReport& report) = 0;
};

struct FleetOptions {
    std::size_t at_once = 8;
    SshLimits ssh{};
};

// Reports in the order of the hosts. After a stop, hosts that were not begun are reported as cancelled.
std::vector<HostReport> work_on(const Call&, Command, const std::vector<HostLogin>& hosts, const Job&, HostKeys&,
                                const FleetOptions&, Watcher&);

std::unique_ptr<Watcher> table_watcher(std::vector<std::string> hosts); // a table that is drawn again, on a terminal
std::unique_ptr<Watcher> line_watcher();                                // a line for every step

} // namespace xcopy::installer
