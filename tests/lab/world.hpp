// A whole lab: fabric, events, hosts, arrays, certificates, in one directory.
#pragma once

#include "tests/lab/event_log.hpp"
#include "tests/lab/host/host.hpp"
#include "tests/lab/memory_fabric.hpp"
#include "tests/lab/pki.hpp"
#include "tests/lab/scenario.hpp"
#include "tests/lab/vmkfstools/clones.hpp"

#ifdef XCOPY_LAB_ARRAYS
#include "tests/lab/arrays/arrays.hpp"
#endif

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace lab {

constexpr const char* array_password = "lab-array-password"; // where a scenario sets none

struct WorldOptions {
    std::filesystem::path directory;
    std::filesystem::path tool;
    std::filesystem::path agent;    // empty: hosts without agents
    std::filesystem::path launcher; // of the agent, see HostFiles
    nlohmann::json scenario = nlohmann::json::object();
};

class World {
public:
    explicit World(const WorldOptions&); // everything runs when this returns
    ~World();

    nlohmann::json ready() const; // what whoever started the lab needs to know
    void stop_holding();          // lets go of everybody, so that the rest can end

    MemoryFabric fabric;
    EventLog events;
    Clones clones;
    std::map<std::string, std::unique_ptr<Host>> hosts;
#ifdef XCOPY_LAB_ARRAYS
    std::map<std::string, std::unique_ptr<ArraySim>> arrays;
#endif
    const std::filesystem::path directory;

    std::filesystem::path datastore_directory(const std::string& name) const { return directory / "datastores" / name; }
    const Scenario& scenario() const { return scenario_; }

private:
    void make_datastore_volume(DatastoreConfig&); // an array that makes it chooses its NAA where the scenario does not
    std::vector<std::string> initiators_on(const DatastoreConfig&, const HostConfig&) const;
    void make_arrays();
    bool made_by_array(DatastoreConfig&);
    void make_host(const HostConfig&);
    void write_agent_files(const HostConfig&, const HostFiles&);
    void kill(const nlohmann::json& whom);

    WorldOptions options_;
    Fd network_guard_;
    std::string network_; // "127.7.9"
    Scenario scenario_;
    Pki pki_;
    std::filesystem::path ca_;
    CertificateFiles operator_;
    CertificateFiles observer_;
    CertificateFiles stranger_; // of the right authority, with no role
};

} // namespace lab
