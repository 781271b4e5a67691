// A simulated Unisphere for PowerMax with one array behind it, from section 10 of its facts page.
#pragma once

#include "tests/lab/arrays/stocked_model.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lab::powermax {

// What a request is refused with: there are no codes.
struct Refusal {
    int status = 500;
    std::string message;
};

struct StorageGroup {
    std::string name;
    std::vector<std::string> volumes; // device ids
};

struct MaskingView {
    std::string name;
    std::string host;  // its name; empty: the host group's
    std::string group; // host group's name
    std::string port_group;
    std::string storage_group;
    int looks = 0; // at its connections
};

struct PortGroup {
    const char* name;
    const char* protocol; // as REST V4 says it
    const char* type;     // as V3 says it, which knows no NVMe
    const char* ports[2];
};

struct Job {
    std::string id;
    int looks = 0;
    std::string failure; // empty: it succeeded
};

class PowerMax final : public StockedModel {
public:
    explicit PowerMax(const ModelConfig&);

    Response answer(const Request&) override;

private:
    nlohmann::json make_volume(const nlohmann::json& order) override;
    std::string new_id() override { return "i-" + std::to_string(++ids_); }
    void make_host(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    void unmap_from(const StoredVolume&, const std::string& host) override;
    void remove_volume(const std::string& id) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    nlohmann::json record(const StoredVolume& volume) const override { return volume_record(volume); }
    nlohmann::json further_state() const override;

    using Path = std::vector<std::string>;

    Response dispatch(const Request&); // throws Refusal
    nlohmann::json read(const Request&, const Path&);
    nlohmann::json write(const Request&, const Path&, const nlohmann::json& body);
    nlohmann::json edit_group(StorageGroup&, const nlohmann::json& action);
    nlohmann::json create_view(const nlohmann::json& body);
    nlohmann::json job_record(const std::string& id);
    void may_be_locked();

    nlohmann::json volume_record(const StoredVolume&) const;
    nlohmann::json group_record(const StorageGroup&) const;
    nlohmann::json view_record(const MaskingView&) const;
    nlohmann::json connections(MaskingView&, const std::string& volume);
    nlohmann::json initiators(const Request&) const;
    nlohmann::json initiator_record(const std::string& id) const;
    std::string wwn_of(const StoredVolume&) const;

    StoredVolume& volume_by(const std::string& id);
    StorageGroup& group_by(const std::string& name);
    MaskingView& view_by(const std::string& name);
    void publish(); // maps of the inventory follow from views and groups

    const PortGroup& port_group_by(const std::string& name) const;
    std::vector<std::string> speakers(const StoredHost&, const PortGroup&) const; // its initiators of that protocol

    std::vector<StorageGroup> groups_;
    std::vector<MaskingView> views_;
    std::vector<Job> jobs_;
    std::map<std::pair<std::string, std::string>, int> numbers_; // (view, device) to LUN number
    int devices_ = 0x2E7;
    int ids_ = 0;
    int locked_ = 0; // writes refused so far
};

} // namespace lab::powermax
