// The tools of a managed host that are not esxcli: chkconfig, auto-backup.sh, secureBoot.py.
#pragma once

#include "tests/lab/host/host_state.hpp"

#include <string>
#include <vector>

namespace lab {

ToolResult run_admin_tool(HostState&, const std::vector<std::string>& argv);

struct Service {
    std::string script; // "/etc/init.d/xcopy-agent"
    bool on = true;
    int start = 99;
};

// By their lines "# chkconfig: on START STOP", in the order in which they start.
std::vector<Service> services_in(const std::filesystem::path& root, const std::set<std::string>& switched_off);

} // namespace lab
