// A simulated Dell PowerStore, from section 10 and the sections it refers to of its facts page.
#pragma once

#include "tests/lab/arrays/powerstore/sessions.hpp"
#include "tests/lab/arrays/stocked_model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lab::powerstore {

// What a request is refused with.
struct Refusal {
    int status = 400;
    std::string code;
    std::string message;
};

class PowerStore final : public StockedModel {
public:
    explicit PowerStore(const ModelConfig&);

    Response answer(const Request&) override;

private:
    using Path = std::vector<std::string>;

    Response dispatch(const Request&, const Path&); // throws Refusal
    Response collection(const Request&, const nlohmann::json& rows) const;
    Response one(const Request&, const nlohmann::json& row) const;
    Response attach(const std::string& volume, const nlohmann::json& body);
    Response detach(const std::string& volume, const nlohmann::json& body);
    Response create_host(const nlohmann::json& body);
    Response modify_host(const std::string& id, const nlohmann::json& body);
    void add_initiators(StoredHost&, const nlohmann::json& initiators);

    nlohmann::json volume_row(const StoredVolume&) const;
    nlohmann::json host_row(const StoredHost&) const;
    nlohmann::json mapping_row(const StoredMap&) const;
    StoredVolume& volume_by(const std::string& id);
    StoredHost& host_by(const std::string& id);
    void need_group(const std::string& id);
    StoredMap& map(const std::string& volume, const std::string& host, const std::string& group,
                   std::optional<int> number);

    nlohmann::json make_volume(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    nlohmann::json sessions() const override;
    void expire_sessions() override;
    std::string new_id() override;
    nlohmann::json record(const StoredVolume& volume) const override { return volume_row(volume); }

    Sessions sessions_;
    int uuids_ = 0;
    int automatic_number_ = 200; // REST's own counter: it only rises
};

} // namespace lab::powerstore
