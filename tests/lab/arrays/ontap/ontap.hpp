// A simulated NetApp ONTAP cluster. The control verbs are listed in README.md of tests/lab/arrays.
#pragma once

#include "tests/lab/arrays/ontap/api.hpp"
#include "tests/lab/arrays/simulated_array.hpp"

#include <string>

namespace lab::ontap {

class Ontap final : public VendorModel {
public:
    explicit Ontap(const ModelConfig&); // throws std::runtime_error

    Response answer(const Request& request) override { return api_.handle(request); }
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) override;
    std::optional<std::string> set_switches(const nlohmann::json& values) override { return switches_.set(values); }
    nlohmann::json uncertain_switches() const override { return Switches::uncertain(); }

private:
    nlohmann::json create_volume(const nlohmann::json& order);
    nlohmann::json create_lun(const nlohmann::json& order);
    nlohmann::json delete_lun(const nlohmann::json& order);
    nlohmann::json create_igroup(const nlohmann::json& order);
    nlohmann::json map(const nlohmann::json& order);
    nlohmann::json unmap(const nlohmann::json& order);
    nlohmann::json hosts() const;
    nlohmann::json mappings() const;
    nlohmann::json dump() const;
    nlohmann::json describe(const Lun&) const;
    const std::string& svm_in(const nlohmann::json& order) const; // the first one unless it is named
    const Lun& lun_in(const nlohmann::json& order) const;         // "lun" or "volume": its uuid, path or naa
    const Igroup* igroup_named(const std::string& svm, const std::string& name) const;

    const std::string name_;
    const std::string user_;
    std::string password_;
    Switches switches_;
    State state_;
    Api api_;
};

} // namespace lab::ontap
