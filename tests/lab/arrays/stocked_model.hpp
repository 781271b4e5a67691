// An array whose state is an Inventory, and the verbs (README.md) that such arrays answer alike. A vendor writes what
// differs.
#pragma once

#include "tests/lab/arrays/inventory.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

#include <optional>
#include <string>

namespace lab {

// `vendor` and `model` as SCSI INQUIRY shows them.
struct Inquiry {
    std::string vendor;
    std::string model;
};

class StockedModel : public VendorModel {
public:
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) final;
    std::optional<std::string> set_switches(const nlohmann::json& values) final { return switches_.set(values); }
    nlohmann::json uncertain_switches() const final { return switches_.uncertain(); }

protected:
    StockedModel(const ModelConfig&, Switches, const Inquiry&);

    // The answer to "volume.create": id and NAA by the vendor's rules, and the handles that its CSI driver writes.
    virtual nlohmann::json make_volume(const nlohmann::json& order) = 0;
    virtual std::string new_id() { return {}; } // of a host or a group, for add_host()
    virtual void make_host(const nlohmann::json& order) { add_host(order); }
    // As the CSI driver does, to a host or a group; the LUN number. Throws ControlRefused.
    virtual int map_to(StoredVolume&, const std::string& host, std::optional<int> number) = 0;
    virtual void unmap_from(const StoredVolume&, const std::string& host);
    virtual void remove_volume(const std::string& id) { inventory_.remove_volume(id); }

    virtual nlohmann::json foreign_handle() const = 0;
    virtual nlohmann::json secret() const = 0;
    virtual nlohmann::json sessions() const; // here those of an array that wants Basic with every request
    virtual void expire_sessions() {}
    virtual nlohmann::json record(const StoredVolume&) const = 0;                     // for "state"
    virtual nlohmann::json further_state() const { return nlohmann::json::object(); } // beside that
    virtual void let_time_pass() {}                                                   // before every verb
    // For "map" where no such host is there; an array may know the initiators by another name, which is then given.
    virtual std::string host_for(const std::string& name, const nlohmann::json& initiators);

    StoredHost& add_host(const nlohmann::json& order); // and its group, when there is none of that name

    const std::string user_;
    const std::string password_;
    const LabClock& clock_;
    Switches switches_;
    Inventory inventory_;
};

nlohmann::json handle_json(const std::string& handle, const nlohmann::json& attributes = nlohmann::json::object());

// What "volume.create" answers for every kind of volume.
nlohmann::json made_json(const StoredVolume&);

} // namespace lab
