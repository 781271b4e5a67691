#include "tests/kube/pod.hpp"

#include <fstream>

namespace kube_test {

namespace fs = std::filesystem;

std::map<std::string, std::string> pod_environment(const KubeApi& api)
{
    return {{"KUBERNETES_SERVICE_HOST", "127.0.0.1"},
            {"KUBERNETES_SERVICE_PORT", api.url().substr(api.url().rfind(':') + 1)}};
}

PodMount service_account(KubeApi& api, const std::string& name_space, const std::string& token, const fs::path& folder)
{
    fs::create_directories(folder);
    std::ofstream(folder / "token") << token;
    std::ofstream(folder / "namespace") << name_space;
    fs::copy_file(api.ca_file(), folder / "ca.crt", fs::copy_options::overwrite_existing);
    return {folder, "/run/secrets/kubernetes.io/serviceaccount"};
}

std::vector<std::string> in_a_container(const std::vector<PodMount>& mounts)
{
    std::vector<std::string> words{"/usr/bin/bwrap", "--die-with-parent", "--ro-bind", "/", "/", "--dev",
                                   "/dev",           "--tmpfs",           "/run"};
    for (const auto& mount : mounts)
        words.insert(words.end(), {"--ro-bind", mount.from.string(), mount.to});
    return words;
}

} // namespace kube_test
