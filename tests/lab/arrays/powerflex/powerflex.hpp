// A simulated Dell PowerFlex gateway, from section 10 and the sections it refers to of its facts page.
#pragma once

#include "tests/lab/arrays/stocked_model.hpp"

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

class PowerFlex final : public StockedModel {
public:
    explicit PowerFlex(const ModelConfig&);

    Response answer(const Request&) override;

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

    nlohmann::json make_volume(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    nlohmann::json sessions() const override;
    void expire_sessions() override;
    void make_host(const nlohmann::json& order) override;
    std::string host_for(const std::string& name, const nlohmann::json& initiators) override;
    std::string new_id() override;
    nlohmann::json record(const StoredVolume& volume) const override { return volume_record(volume); }

    std::map<std::string, LabClock::Time> sessions_; // by token, when last used
    std::vector<std::string> tokens_;
    int opened_ = 0;
    unsigned ids_ = 0;
};

} // namespace lab::powerflex
