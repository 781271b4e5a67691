// The YAML that users apply (manifests/), read for tests and applied as users do it.
#pragma once

#include "tests/kube/kube_api.hpp"

#include <string>
#include <vector>

namespace kube_test {

// The documents of a file. Every scalar is a text: enough for rights.
std::vector<Json> read_yaml(const std::string& file);

// kubectl as the cluster's administrator.
e2e::Ran kubectl(KubeApi&, std::vector<std::string> arguments);

} // namespace kube_test
