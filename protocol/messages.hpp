// The words agent and coordinator use. Plain values; json.hpp turns them into JSON with the same names.
// Readers ignore fields they do not know and give missing ones the defaults below; fields marked (required) must be
// there.
#pragma once

#include "protocol/error.hpp"
#include "protocol/version.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

enum class Severity : std::uint8_t { info, warning, error };

// The body of every refusal: {code, message, remedy, reason}.
struct ErrorReply {
    Errc code = Errc::failed;
    std::string message;
    std::string remedy;
    std::string reason;
};

ErrorReply reply_from(const Error& error);
Error error_from(const ErrorReply& reply);

// Something an administrator should know about a host.
struct Problem {
    Severity severity = Severity::warning;
    std::string code;    // stable slug, e.g. "max_lun_low"
    std::string subject; // device, adapter, datastore or setting it is about; may be empty
    std::string message;
    std::string remedy;
};

// A storage adapter, as `esxcli storage core adapter list` gives it (facts/esxi.md 6.3).
struct Adapter {
    std::string name; // vmhba64
    std::string driver;
    std::string link_state; // link-up, link-down, link-n/a, online, unbound, unknown
    std::string uid;        // iqn.…, eui.…, fc.WWNN:WWPN, sas.…, sata.…
    std::string description;
};

struct Datastore {
    std::string name;
    std::string uuid;
    std::string type;        // VMFS-6, NFS, vsan, VVOL …
    std::string mount_point; // /vmfs/volumes/UUID
    bool mounted = false;
    std::uint64_t size_bytes = 0;
    std::uint64_t free_bytes = 0;
    std::vector<std::string> devices; // names of the devices its extents are on; empty for NFS, vSAN, vVol
};

struct DevicePath {
    std::string runtime_name; // vmhba64:C0:T0:L7
    std::string adapter;
    std::string state; // active, standby, dead, disabled
    std::string transport;
    int lun = -1;
};

// VAAI primitives of one device: "supported", "unsupported" or empty when unknown (facts/esxi.md 6.2).
struct VaaiStatus {
    std::string plugin; // may be empty with the T10 standard commands
    std::string ats;
    std::string clone;
    std::string zero;
    std::string reclaim; // esxcli's "Delete Status"
};

struct Device {
    std::string name; // naa.…, eui.…
    std::uint64_t size_bytes = 0;
    std::string status; // on, off, degraded, dead, dead timeout, not connected, error
    std::string vendor;
    std::string model;
    bool is_local = false;
    bool is_boot = false;
    bool is_detached = false;         // remembered in the host's list of detached devices
    std::optional<int> lun;           // LUN number, absent when no path is known
    std::vector<std::string> used_by; // datastores (or "boot", "coredump" …) with an extent on it
    std::vector<DevicePath> paths;
    VaaiStatus vaai;
};

// A disk on a datastore, as a clone would find it. A host answers this only for one that it would clone.
struct Source {
    std::string path;                 // canonical: below /vmfs/volumes/UUID (required)
    std::string datastore;            // UUID
    std::vector<std::string> devices; // the datastore's extents are on these; empty for NFS, vSAN
    std::uint64_t size_bytes = 0;     // capacity of the disk (required)
    std::string create_type;          // of its descriptor: vmfs, seSparse …
};

struct AttachRequest {
    std::string job;                   // (required)
    std::uint64_t expected_size = 0;   // bytes (required)
    std::vector<std::string> adapters; // rescan only these; empty: every adapter that can carry a LUN
    int wait_s = 120;
    std::optional<int>
        lun; // the number the array mapped it under: lets the agent say at once that it is >= Disk.MaxLUN
};

struct DetachRequest {
    std::string job; // (required)
};

enum class RescanKind : std::uint8_t { add, remove }; // "add", "delete" on the wire

struct RescanRequest {
    RescanKind kind = RescanKind::add;
    std::vector<std::string> adapters; // empty: every adapter that can carry a LUN
};

struct RescanReply {
    std::vector<std::string> adapters; // what was rescanned
    bool coalesced = false;            // true: an already waiting rescan served this request too
};

struct CloneRequest {
    std::string source;              // /vmfs/volumes/… descriptor, or "[datastore] dir/disk.vmdk" (required)
    std::string target_naa;          // device name (required)
    std::uint64_t target_size = 0;   // bytes (required)
    std::int64_t time_limit_s = 0;   // 0: none
    std::int64_t orphan_ttl_s = 900; // cancelled when nobody asked about it for that long
};

bool operator==(const CloneRequest&, const CloneRequest&);

enum class CloneState : std::uint8_t { queued, running, cancelling, succeeded, failed, cancelled, indeterminate };

bool is_final(CloneState state);

// Whether the array did the copying, from the deltas of the hosts' clone counters (facts/esxi.md 6.2).
enum class XcopyUse : std::uint8_t { unknown, none, partial, full };

struct XcopyVerdict {
    XcopyUse use = XcopyUse::unknown;
    std::uint64_t clone_write_ops = 0;           // delta on the target
    std::uint64_t clone_read_ops = 0;            // delta on the source
    std::uint64_t failed_clone_ops = 0;          // both
    std::optional<std::uint64_t> bytes_by_array; // where the counters give it
    std::optional<std::uint64_t> bytes_by_host;  // ordinary writes to the target during the copy
};

struct CloneStatus {
    std::string id;
    std::uint64_t revision = 0; // grows with every change; GET ?after=REV answers when it is above REV
    CloneState state = CloneState::queued;
    int percent = 0;        // 0 to 100, never falls
    int queue_position = 0; // 1 is next; 0 when not queued
    std::string source;     // as ordered
    std::string target_naa;
    std::uint64_t target_size = 0;
    std::uint64_t source_size = 0; // capacity of the VMDK in bytes
    std::int64_t ordered_ms = 0;   // Unix time in milliseconds; 0: not yet
    std::int64_t started_ms = 0;   // vmkfstools started
    std::int64_t ended_ms = 0;
    std::optional<int> exit_status; // of vmkfstools, seen by its parent; absent: nobody saw one
    XcopyVerdict xcopy;
    std::optional<Error> error; // why it did not succeed
};

struct CloneList {
    std::vector<CloneStatus> clones;
};

// A drained host takes no orders; clones that run go on. It ends by itself, so that whoever asked for it may die.
struct DrainRequest {
    static constexpr int longest_s = 3600;

    bool on = false;           // (required) false: orders are taken again
    int seconds = 120;         // from now on; asked again it counts anew
    bool finish_queue = false; // clones in the queue are begun too; false: they wait there
};

struct DrainStatus {
    int drained_s = 0; // how much longer; 0: orders are taken
    int running = 0;
    int queued = 0;
};

struct AdapterList {
    std::vector<Adapter> adapters;
};

struct DatastoreList {
    std::vector<Datastore> datastores;
};

struct MemoryGroup {
    std::string path; // host/vim/vimuser/xcopyagent; empty when the agent does not run in a group of its own
    std::int64_t max_mb = -1;
    std::int64_t used_mb = -1;
};

// Settings that decide whether ESXi uses XCOPY at all. Absent: could not be read.
struct VaaiSettings {
    std::optional<int> hardware_accelerated_move;
    std::optional<int> hardware_accelerated_init;
    std::optional<int> max_hw_transfer_kb;
};

// One probe of `xcopy-agent selftest`.
struct SelftestResult {
    std::string name;
    bool passed = false;
    bool warning = false; // it passed, but somebody should look
    std::string detail;
    std::string remedy;
    std::int64_t took_us = 0;
};

struct Selftest {
    std::int64_t ran_ms = 0; // Unix time in milliseconds
    std::string agent_version;
    int passed = 0;
    std::vector<SelftestResult> tests; // in health: only those that failed or warn
};

struct Health {
    VersionRange protocol{.min = 0, .max = 0};
    std::string agent_version;
    std::string host_uuid;
    std::string host_name;
    std::string product; // VMware ESXi
    std::string version; // 8.0.2
    std::string build;
    std::int64_t uptime_s = 0;
    std::int64_t agent_uptime_s = 0;
    std::int64_t clock_ms = 0; // Unix time of the host in milliseconds
    std::optional<int> disk_max_lun;
    std::optional<int> highest_lun; // in use on any path
    VaaiSettings vaai;
    std::vector<Adapter> adapters;
    std::vector<Datastore> datastores;
    MemoryGroup memory;
    int running = 0;
    int queued = 0;
    int max_running = 0;
    int drained_s = 0;                // for how many seconds more no order is taken; 0: orders are taken
    std::optional<Selftest> selftest; // the last one; absent: none was run since the state directory was made
    std::vector<Problem> problems;
};

// What the script of a host without an agent says of itself (coordinator/host/script).
struct ScriptVersion {
    int script_version = 0;
    VersionRange protocol{.min = 0, .max = 0};
    std::string sha256; // of the file; empty where the host has no tool to tell
};

std::string_view name(Severity value);
std::string_view name(RescanKind value);
std::string_view name(CloneState value);
std::string_view name(XcopyUse value);

// esxcli gives sizes in whole MiB (facts/esxi.md 6.4), so an array's size and a host's are compared as far as it can tell.
bool same_size(std::uint64_t on_the_array, std::uint64_t seen_by_host);

} // namespace xcopy
