// What one copy is asked for, what it works with, and what comes out of it.
#pragma once

#include "coordinator/host/host.hpp"
#include "coordinator/journal.hpp"
#include "coordinator/log.hpp"
#include "vendors/array.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace xcopy {

enum class XcopyPolicy : std::uint8_t { prefer, require };

// How long things may take. Each is a limit, never a pause.
struct Limits {
    std::chrono::milliseconds look_up = std::chrono::seconds(30); // one question to a host
    std::chrono::seconds attach = std::chrono::seconds(120);
    std::chrono::milliseconds agent_lost = std::chrono::minutes(10); // silence after which a clone's fate is unknown
    std::chrono::milliseconds clean_up = std::chrono::minutes(5);
    std::chrono::milliseconds retry_first = std::chrono::milliseconds(200); // doubles up to retry_longest
    std::chrono::milliseconds retry_longest = std::chrono::seconds(10);
    std::chrono::seconds watch = std::chrono::seconds(25);
    std::chrono::seconds clone = std::chrono::seconds(0); // 0: none
    std::chrono::seconds orphan = std::chrono::minutes(15);
};

struct CopyOrder {
    std::string job;    // UID of the PersistentVolumeClaim
    std::string vendor; // of the array
    std::string array;  // its host name
    VolumeHandle target;
    std::uint64_t expected_size = 0;    // bytes; 0: not known
    std::string source;                 // "[datastore] folder/disk.vmdk" or /vmfs/volumes/…
    std::optional<DiskBacking> backing; // known when the disk is a volume of an array itself
    std::set<DiskBacking::Kind> array_copies{DiskBacking::Kind::rdm, DiskBacking::Kind::vvol}; // those allowed
    std::string migration_host; // empty: the VM's own while it runs, else the least loaded that sees the datastore
    std::optional<int> lun;     // empty: chosen
    XcopyPolicy xcopy = XcopyPolicy::prefer;
    Limits limits;

    // What vCenter said, where there is one; empty where it did not.
    std::string vm_host{};                                  // where the VM runs
    std::string datastore_uuid{};                           // of the source: names are not unique
    std::uint64_t source_capacity = 0;                      // bytes
    std::optional<std::uint64_t> source_allocated{};        // bytes that the datastore gives to it
    std::map<std::string, std::string> datastore_devices{}; // every device that carries a datastore, and which
    std::optional<Error> objection{};                       // why a copy of this disk must not begin
};

// Hears how a copy goes, on the thread that copies.
class Observer {
public:
    struct Progress {
        std::string host;
        int percent = 0;
        std::uint64_t bytes = 0; // of the whole disk
        int queue_position = 0;
        XcopyUse xcopy = XcopyUse::unknown;
    };

    // Which way the copy goes, told before anything is changed.
    struct Way {
        std::string method;          // as in CopyReport
        std::string protocol{};      // iscsi or fc, by which the host reaches the array; empty: neither, or both
        std::string agent_version{}; // empty: no agent takes part
    };

    virtual ~Observer() = default;
    virtual void way(const Way&) {}
    virtual void progress(const Progress&) {}
};

struct Site {
    Array& array;
    const std::vector<std::unique_ptr<Host>>& hosts;
    Journal& journal;
    Log& log;
    Observer& observer;
    std::function<bool()> may_leave{}; // asked when stopped while a copy runs: true where somebody will take it up
};

struct Step {
    std::string name;
    std::int64_t ms = 0;
};

struct CopyReport {
    Outcome outcome = Outcome::unknown;
    std::optional<Error> error; // why it did not succeed
    std::string job;
    std::string source;
    std::string target_naa;
    std::uint64_t bytes = 0;
    XcopyVerdict xcopy;
    std::string host;             // empty: the array copied inside itself
    std::string method = "agent"; // "agent", "ssh"; "rdm" and "vvol" for copies inside the array
    std::string why_method;       // empty where a host was never chosen, or there was no choice
    bool had_earlier_run = false; // of another coordinator, where the journal tells
    bool target_touched = false;  // a clone was ordered: unless it succeeded, the target's content is undefined
    std::int64_t copy_ms = 0;
    std::int64_t wall_ms = 0;
    std::vector<Step> steps;
    std::vector<std::string> left_behind; // what could not be put back; the journal knows it
};

} // namespace xcopy
