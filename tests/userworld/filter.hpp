// The kernel's side of the profile: a seccomp filter that hands every call in question to whoever holds the listener.
#pragma once

#include "agent/esxi/unique_fd.hpp"

namespace xcopy::userworld {

// From here on for this process and all that it starts; cannot be taken back. The descriptor is the listener.
// Throws std::runtime_error with the reason.
UniqueFd install_filter();

void set_limits(); // stack and address space; throws std::runtime_error

} // namespace xcopy::userworld
