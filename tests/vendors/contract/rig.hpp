// One simulated array with the real driver before it, a volume for a disk, a Kubernetes node that has it, and an ESXi host.
#pragma once

#include "tests/lab/event_log.hpp"
#include "tests/lab/memory_fabric.hpp"
#include "tests/lab/pki.hpp"
#include "tests/vendors/contract/lab_wire.hpp"
#include "tests/vendors/contract/subject.hpp"
#include "vendors/array.hpp"
#include "vendors/array_config.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace xcopy::contract {

// How the verbs of one disk went, in the order in which a copy uses them.
struct DiskRun {
    std::optional<Error> error;   // of the first verb that failed
    std::string step;             // which one that was
    std::optional<Error> undoing; // unmap tried three times, as the coordinator does, and did not come through
    std::optional<int> lun;
    bool reached_host = false; // between map and unmap the host's initiators saw the volume
};

class Rig {
public:
    explicit Rig(const Subject& subject, const nlohmann::json& switches = nlohmann::json::object());
    ~Rig();

    const Subject subject;
    Call call;

    lab::ArraySim& lab() { return *lab_; }
    LabWire& wire() { return *wire_; }
    LabTime& time() { return *time_; }
    Array& driver() { return *driver_; }
    rest::Transport& observed() { return *observed_; }

    nlohmann::json control(nlohmann::json order); // fails the test when refused
    ArrayConfig config() const;                   // the secret as the coordinator reads it
    void new_driver();                            // as a restarted process would make it: no session, no memory

    nlohmann::json make_volume(const std::string& name, nlohmann::json more = nlohmann::json::object());
    static VolumeHandle handle_in(const nlohmann::json& handle);
    HostIdentity host() const; // the ESXi host
    Result<ArrayHost> ensure() { return driver().ensure_host(call, host()); }

    nlohmann::json mappings(const std::string& naa); // what the array holds, as its administrator sees it
    nlohmann::json foreign(const std::string& naa);  // those of them that do not reach the ESXi host
    bool reaches_host(const std::string& naa);       // on the fabric
    nlohmann::json hosts();                          // every host object but those we may have made

    // find, ensure, mappings, LUN number, map, unmap; what failed is undone as the coordinator does.
    DiskRun run_disk(const VolumeHandle& handle);
    DiskRun run_disk() { return run_disk(handle_in(volume["handles"][0])); }

    void tell(const Error& error); // everything an operator would read is kept for the search for secrets
    std::string told() const;
    std::vector<std::string> secrets(); // password, token, every session token

    nlohmann::json volume; // the disk's: "naa", "handles", "file"; mapped to the node "worker-1"

private:
    std::filesystem::path directory_;
    lab::MemoryFabric fabric_;
    lab::EventLog events_;
    lab::Pki pki_;
    std::unique_ptr<lab::ArraySim> lab_;
    std::unique_ptr<LabWire> wire_;
    std::unique_ptr<LabTime> time_;
    std::unique_ptr<rest::Transport> observed_;
    std::unique_ptr<Array> driver_;
    mutable std::mutex mutex_;
    std::string told_;
};

// How an initiator is spelled on the fabric.
std::string on_fabric(const Initiator& initiator);

} // namespace xcopy::contract
