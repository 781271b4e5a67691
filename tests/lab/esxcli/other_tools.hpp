// vsish and vim-cmd, as far as the product asks them.
#pragma once

#include "tests/lab/host/host_state.hpp"

#include <span>
#include <string>

namespace lab {

ToolResult run_vsish(HostState&, std::span<const std::string> argv);
ToolResult run_vim_cmd(HostState&, std::span<const std::string> argv);

} // namespace lab
