// A simulated Pure Storage FlashArray, from section 10 and the sections it refers to of its facts page.
#pragma once

#include "tests/lab/arrays/stocked_model.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab::pure {

// What a request is refused with: there are no codes.
struct Refusal {
    std::string context;
    std::string message;
    int status = 400;
};

class FlashArray final : public StockedModel {
public:
    explicit FlashArray(const ModelConfig&);

    Response answer(const Request&) override;

private:
    using Names = std::vector<std::string>;

    Response log_in(const Request&);
    Response fetch_token(const Request&) const;
    bool is_signed_in(const Request&);
    Response dispatch(const Request&, const std::string& resource); // throws Refusal
    Response items(const Request&, const nlohmann::json& all) const;

    nlohmann::json volumes(const Request&);
    nlohmann::json tags(const Request&) const;
    nlohmann::json connections(const Request&);
    Response copy_volume(const Request&, const nlohmann::json& body);
    Response change_volume(const Request&, const nlohmann::json& body);
    Response create_host(const Request&, const nlohmann::json& body);
    Response change_host(const Request&, const nlohmann::json& body);
    void add_ports(StoredHost&, const nlohmann::json& names);
    Response connect(const Request&, const nlohmann::json& body);
    Response disconnect(const Request&);
    StoredMap& map(StoredVolume&, const std::string& host, const std::string& group, std::optional<int> number);

    nlohmann::json volume_item(const StoredVolume&) const;
    nlohmann::json host_item(const StoredHost&) const;
    nlohmann::json connection_item(const StoredMap&, const StoredHost*) const;
    StoredVolume& volume_named(const std::string& name);
    StoredHost& host_named(const std::string& name);

    nlohmann::json make_volume(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    nlohmann::json sessions() const override;
    void expire_sessions() override;
    std::string new_id() override;
    nlohmann::json record(const StoredVolume& volume) const override { return volume_item(volume); }

    const std::string api_token_ = "b5b6e5f0-1c2d-4e3f-8a9b-0c1d2e3f4a5b";
    std::map<std::string, LabClock::Time> sessions_; // by token, when last used
    std::vector<std::string> tokens_;
    int opened_ = 0;
    int ids_ = 0;
};

} // namespace lab::pure
