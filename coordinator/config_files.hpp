// The files a configuration may be spread over. Bounded, and never shown in an error.
#pragma once

#include "coordinator/config.hpp"

namespace xcopy {

// {"agent": ["esx1=10.0.0.11"], "pvc-size": 1024, …}: the names of flags without dashes.
Result<Values> read_config_file(const std::string& path);

// KEY=value lines, or a JSON object of texts.
Result<Environment> read_secret_file(const std::string& path);

// A file as it is, for a key; wiped from memory with it.
Result<Secret> read_secret_text(const std::string& path);

// [{"name": "esx1", "address": "10.0.0.11", "port": 18443, "uuid": "…"}, …]; port and uuid may be missing.
Result<std::vector<AgentAddress>> read_agents_file(const std::string& path);

} // namespace xcopy
