// A simulated Infinidat InfiniBox, from section 10 of its facts page.
#pragma once

#include "tests/lab/arrays/stocked_model.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lab::infinibox {

// What a request is refused with.
struct Refusal {
    int status = 400;
    std::string code;
    std::string message;
};

class InfiniBox final : public StockedModel {
public:
    explicit InfiniBox(const ModelConfig&);

    Response answer(const Request&) override;

private:
    using Path = std::vector<std::string>;

    nlohmann::json dispatch(const Request&, const Path&); // the result; throws Refusal
    nlohmann::json list_hosts() const;
    nlohmann::json create_host(const nlohmann::json& body);
    nlohmann::json add_port(const std::string& host, const nlohmann::json& body);
    nlohmann::json host_of_address(const std::string& address);
    nlohmann::json luns_of_volume(const std::string& volume);
    nlohmann::json luns_of_holder(const std::string& id, bool cluster);
    nlohmann::json map(const std::string& id, bool cluster, const nlohmann::json& body);
    nlohmann::json unmap(const std::string& id, bool cluster, const std::string& volume);

    nlohmann::json volume_row(const StoredVolume&) const;
    nlohmann::json host_row(const StoredHost&) const;
    std::vector<nlohmann::json> lun_rows(const StoredMap&) const;
    StoredVolume& volume_by(const std::string& id);
    StoredHost& host_by(const std::string& id);
    int free_number(const std::string& id, bool cluster) const;
    void need_approval(const Request&) const;
    Response page(const Request&, const nlohmann::json& rows) const;

    nlohmann::json make_volume(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    std::string new_id() override { return std::to_string(next_id_++); }
    nlohmann::json record(const StoredVolume& volume) const override { return volume_row(volume); }

    int next_id_ = 7001;
};

} // namespace lab::infinibox
