// Everything a simulated tool can see or change on its host.
#pragma once

#include "tests/lab/events.hpp"
#include "tests/lab/host/management.hpp"
#include "tests/lab/host/storage.hpp"
#include "tests/lab/scenario.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace lab {

struct ToolResult {
    int exit = 0;
    std::string out;
    std::string err;
};

struct AdvancedSetting {
    std::int64_t value = 0;
    std::int64_t default_value = 0;
    std::int64_t min = 0;
    std::int64_t max = 1;
    std::string description;
};

// Where the facts page leaves two readings open, or where a fault is wanted.
struct HostBehaviour {
    bool errors_on_stderr = false;      // esxcli's refusals: stdout, or stderr
    bool concurrent_rescan_busy = true; // a second rescan of an adapter is refused
    bool apd_blocks_rescan_all = true;  // rescan --all fails while a device is dead
    bool open_device_busy = true;       // a second vmkfstools on a device is refused
    int tool_latency_ms = 0;
    int rescan_ms = 0;
};

struct HostState {
    HostState(const HostConfig& host, std::vector<DatastoreConfig> mounted, const Fabric& fabric, Events& all_events,
              const std::filesystem::path& devices);

    std::string where() const { return "host:" + config.name; }
    const DatastoreConfig* datastore(const std::string& name_or_uuid) const;

    const HostConfig config;
    Events& events;

    std::mutex mutex; // guards all below
    HostStorage storage;
    std::vector<DatastoreConfig> datastores;
    std::vector<VmConfig> vms;
    std::map<std::string, AdvancedSetting> settings;
    HostBehaviour behaviour;
    bool maintenance = false;
    std::set<std::string> rescanning;       // adapters
    std::unique_ptr<Management> management; // of a managed host only
};

} // namespace lab
