// vmkfstools, the deciding half: what a clone may do, how fast, when it fails, and who else writes to the device. The
// process on the host moves the bytes, in steps that are granted here.
#pragma once

#include "tests/lab/event_log.hpp"
#include "tests/lab/host/host_state.hpp"
#include "tests/lab/wire.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace lab {

struct ClonePlan;
struct VmkfstoolsArguments;

struct CloneSettings {
    std::uint64_t speed = 0; // bytes per second; 0: as fast as it goes
    std::optional<int> fail_at;
    int fail_times = 1; // 0: always
    std::string fail_text = "Input/output error (327689)";
    int fail_exit = 1;
    std::optional<int> hold_at; // percent
    std::string hold_name = "clone";
    double xcopy_fails = 0; // share of clone operations that the array refuses
};

class Clones {
public:
    Clones(EventLog& events, std::filesystem::path datastores) : events_(events), datastores_(std::move(datastores)) {}

    // The whole life of one vmkfstools process; `tool` is its connection.
    ToolResult run(HostState&, const nlohmann::json& request, int pid, LineChannel& tool);

    nlohmann::json set(const nlohmann::json&); // answers with all settings
    void lock_disk(const std::filesystem::path& descriptor, bool locked);
    nlohmann::json starts() const;
    nlohmann::json violations() const;
    void stop() { stopping_ = true; }

    // Host path of a file the host names /vmfs/volumes/DATASTORE/…; empty when it is not on a datastore.
    std::filesystem::path outside(const HostState&, const std::string& inside) const;

private:
    struct Start {
        std::string host;
        std::vector<std::string> argv;
        int pid;
        std::int64_t us; // Unix time
        std::string target;
        std::string end = "running"; // running, finished, failed, killed
        int exit = 0;
    };
    struct Writer {
        std::string host;
        std::string device;
        int pid;
        const LineChannel* tool;
    };

    ToolResult clone(HostState&, const VmkfstoolsArguments&, const std::string& directory, int pid, LineChannel&);
    ToolResult query(HostState&, const std::string& file);
    ToolResult remove(HostState&, const std::string& file);
    std::optional<ToolResult> prepare(HostState&, const VmkfstoolsArguments&, ClonePlan&);
    ToolResult follow(HostState&, const ClonePlan&, LineChannel&);
    std::optional<ToolResult> claim(HostState&, const ClonePlan&, int pid, LineChannel&);
    void release(HostState&, const LineChannel&);
    void account(HostState&, const ClonePlan&, std::uint64_t bytes, double& refused) const;
    bool pace(std::uint64_t moved, std::chrono::steady_clock::time_point& due, const LineChannel&) const;
    std::uint64_t grant(const ClonePlan&, std::uint64_t done) const;
    void ended(std::size_t start, const char* how, int exit);

    EventLog& events_;
    std::filesystem::path datastores_;
    mutable std::mutex mutex_;
    CloneSettings settings_;
    std::set<std::filesystem::path> locked_;
    std::vector<Start> starts_;
    std::list<Writer> writers_;
    nlohmann::json violations_ = nlohmann::json::array();
    std::atomic<bool> stopping_ = false;
};

} // namespace lab
