// A simulated Infinidat InfiniBox, from section 10 of its facts page.
#pragma once

#include "tests/lab/arrays/inventory.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

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

class InfiniBox final : public VendorModel {
public:
    explicit InfiniBox(const ModelConfig&);

    Response answer(const Request&) override;
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) override;
    std::optional<std::string> set_switches(const nlohmann::json& values) override { return switches_.set(values); }
    nlohmann::json uncertain_switches() const override { return switches_.uncertain(); }

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

    nlohmann::json make_volume(const nlohmann::json& order);
    StoredHost& make_host(const nlohmann::json& order);

    const std::string user_;
    const std::string password_;
    Switches switches_;
    Inventory inventory_;
    int next_id_ = 7001;
};

} // namespace lab::infinibox
