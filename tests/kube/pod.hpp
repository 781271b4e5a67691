// What a kubelet gives to a container: its service account's files where clients look for them, and a root nobody writes.
#pragma once

#include "tests/kube/kube_api.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kube_test {

struct PodMount {
    std::filesystem::path from;
    std::string to;
};

// The API server as a pod finds it.
std::map<std::string, std::string> pod_environment(const KubeApi&);

// In `folder`, as the one who owns `token`.
PodMount service_account(KubeApi&, const std::string& name_space, const std::string& token,
                         const std::filesystem::path& folder);

// Stands before the words of a program.
std::vector<std::string> in_a_container(const std::vector<PodMount>&);

} // namespace kube_test
