// A simulated Dell PowerFlex gateway, from section 10 and the sections it refers to of its facts page.
#pragma once

#include "tests/lab/arrays/inventory.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab::powerflex {

// What a request is refused with.
struct Refusal {
    int status = 500;
    int code = 0;
    std::string message;
};

class PowerFlex final : public VendorModel {
public:
    explicit PowerFlex(const ModelConfig&);

    Response answer(const Request&) override;
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) override;
    std::optional<std::string> set_switches(const nlohmann::json& values) override { return switches_.set(values); }
    nlohmann::json uncertain_switches() const override { return switches_.uncertain(); }

private:
    Response sign_in(const Request&);
    Response newer_sign_in(const Request&, bool out);
    bool is_signed_in(const Request&);
    Response dispatch(const Request&); // throws Refusal
    Response act(const std::string& volume, const std::string& action, const nlohmann::json& body);
    bool bearer() const { return switches_.get<std::string>("version") >= "4"; }

    nlohmann::json volume_record(const StoredVolume&) const;
    nlohmann::json sdc_record(const StoredHost&) const;
    StoredVolume& volume_by(const std::string& id);
    void map(const std::string& volume, const std::string& sdc);
    void unmap(const std::string& volume, const std::string& sdc);
    std::string next_id();

    nlohmann::json make_volume(const nlohmann::json& order);
    StoredHost& make_host(const nlohmann::json& order);

    const std::string user_;
    const std::string password_;
    const LabClock& clock_;
    Switches switches_;
    Inventory inventory_;
    std::map<std::string, LabClock::Time> sessions_; // by token, when last used
    std::vector<std::string> tokens_;
    int opened_ = 0;
    unsigned ids_ = 0;
};

} // namespace lab::powerflex
