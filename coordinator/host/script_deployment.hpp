// How the script comes to lie where the forced command looks for it: in the root of a datastore.
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"

#include <functional>

namespace xcopy {

class SshHost;

// Called before the first word to a host. Empty: the script lies there already.
using EnsureScript = std::function<Result<void>(const Call&, SshHost&)>;

} // namespace xcopy
