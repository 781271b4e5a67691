// One call of deploy_script() described as JSON, so that a test can make it here or in a process that it kills.
#pragma once

#include "coordinator/host/deploy_script.hpp"

#include <nlohmann/json.hpp>

namespace xcopy::ssh_script {

// {"host", "port", "key" (file), "place" (name or UUID of the datastore), "vcenter": {"url", "user", "password", "ca"} or null}
Result<DeployedScript> deploy(const Call&, const nlohmann::json& order, Log&);

} // namespace xcopy::ssh_script
