// The script for hosts without an agent, as it was when this program was built (coordinator/host/script).
#pragma once

#include "protocol/messages.hpp"

#include <string_view>

namespace xcopy {

// In the root of a datastore. It is the name of Forklift's own, because that is what the forced command of the customers' keys runs.
constexpr std::string_view script_name = "secure-vmkfstools-wrapper";

std::string_view carried_script_bytes();
std::string_view carried_script_sha256();
ScriptVersion carried_script(); // what it answers to `--xcopy version`

} // namespace xcopy
