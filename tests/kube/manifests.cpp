#include "tests/kube/manifests.hpp"

#include <yaml-cpp/yaml.h>

namespace kube_test {

namespace {

Json json_of(const YAML::Node& node)
{
    if (node.IsMap()) {
        auto object = Json::object();
        for (const auto& entry : node)
            object[entry.first.as<std::string>()] = json_of(entry.second);
        return object;
    }
    if (node.IsSequence()) {
        auto list = Json::array();
        for (const auto& entry : node)
            list.push_back(json_of(entry));
        return list;
    }
    return node.as<std::string>();
}

} // namespace

std::vector<Json> read_yaml(const std::string& file)
{
    std::vector<Json> all;
    for (const auto& document : YAML::LoadAllFromFile(file))
        if (document.IsMap())
            all.push_back(json_of(document));
    return all;
}

e2e::Ran kubectl(KubeApi& api, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), {built_program(XCOPY_KUBECTL_FOLDER, "."), "--kubeconfig", api.kubeconfig()});
    return e2e::run(std::move(arguments), {{"HOME", api.folder()}}, api.folder());
}

} // namespace kube_test
