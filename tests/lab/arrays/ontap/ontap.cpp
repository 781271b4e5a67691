#include "tests/lab/arrays/ontap/ontap.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace lab::ontap {

using nlohmann::json;

namespace {

std::vector<std::string> svms_in(const json& config)
{
    auto svms = config.value("svms", std::vector<std::string>{"svm1"});
    if (svms.empty())
        throw std::runtime_error("an ONTAP needs at least one SVM");
    return svms;
}

} // namespace

Ontap::Ontap(const ModelConfig& config)
    : name_(config.name), user_(config.user), password_(config.password),
      state_(name_, config.directory, svms_in(config.more), switches_, config.fabric),
      api_(name_, state_, switches_, {user_, password_})
{}

} // namespace lab::ontap
