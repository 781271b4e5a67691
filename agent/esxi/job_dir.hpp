// A clone's directory: what agent and supervisor tell each other, and what a restarted agent finds.
//
//   order.json    written by the agent before the supervisor starts: what to clone, where its pointer files are
//   status.json   written by the supervisor, by rename, whenever something changed
//   cancel        created by the agent: end vmkfstools; the file's text is the reason
//   writer.lock   held (flock) by the supervisor and, through inheritance, by vmkfstools: free means nobody writes
//
// Pids are a second opinion only, used where flock is not to be had, and only if the host did not boot since.
#pragma once

#include "protocol/error.hpp"
#include "protocol/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct JobOrder {
    std::string id;
    CloneRequest request;
    std::string source_path;   // canonical descriptor path under /vmfs/volumes
    std::string source_device; // device of the source's datastore, empty when unknown (NFS, vSAN)
    std::uint64_t source_size = 0;
    std::string pointer_path; // <disk>-xcopy-<id>.vmdk beside the source; its mapping file ends in -rdm.vmdk
    std::string mapping_path;
    std::int64_t ordered_ms = 0;
    std::int64_t boot_ms = 0; // when this host booted, Unix time; processes of another boot are gone
};

struct JobStatus {
    CloneState state = CloneState::running; // running, cancelling, or how it ended
    int percent = 0;
    std::int64_t started_ms = 0; // vmkfstools started
    std::int64_t ended_ms = 0;
    int supervisor_pid = 0;
    int writer_pid = 0; // vmkfstools
    std::optional<int> exit_status;
    std::optional<int> exit_signal;
    std::string last_line; // of vmkfstools, at most 512 bytes
    XcopyVerdict xcopy;
    std::optional<Error> error;
};

class JobDir {
public:
    explicit JobDir(std::string path) : path_(std::move(path)) {}
    const std::string& path() const { return path_; }

    Result<void> create(const JobOrder&) const; // directory 0700 and order.json
    Result<void> sync_order() const;            // onto the disk: costs what vmkfstools' start need not wait for
    Result<JobOrder> order() const;
    Result<std::optional<JobStatus>> status() const; // nullopt: the supervisor wrote none yet
    Result<void> write_status(const JobStatus&) const;
    Result<void> request_cancel(const Error& why) const;
    std::optional<Error> cancel_requested() const;
    Result<void> remove() const;

private:
    std::string path_;
};

// Ids of the jobs that have a directory below `root`.
Result<std::vector<std::string>> list_jobs(const std::string& root);

enum class Writer : std::uint8_t { gone, alive, unknown };

// Whether the supervisor or its vmkfstools still lives. `now_boot_ms` is this boot's start (see JobOrder::boot_ms).
Writer writer_state(const JobDir&, const std::optional<JobStatus>&, std::int64_t order_boot_ms,
                    std::int64_t now_boot_ms);

// Removes the two pointer files of an order if they are there. Nothing else is ever removed, whatever the order says:
// names are checked to be what we would have called them.
Result<void> remove_pointer_files(const JobOrder&);

} // namespace xcopy
