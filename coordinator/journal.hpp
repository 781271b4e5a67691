// What a copy is about to change, written before it is changed, so that any later run can finish or undo it.
// Whether a mapping is ours is decided from here and from nowhere else.
#pragma once

#include "coordinator/host/transport.hpp"
#include "protocol/error.hpp"
#include "protocol/messages.hpp"
#include "vendors/array.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xcopy {

enum class Outcome : std::uint8_t { unknown, succeeded, failed, refused, cancelled, indeterminate };

std::string_view name(Outcome value);

struct CopyRecord {
    std::string job;
    std::int64_t begun_ms = 0; // Unix time in milliseconds
    std::int64_t changed_ms = 0;

    std::string vendor;
    std::string array; // its host name; never a secret
    Volume volume;
    std::string source;      // as ordered from the coordinator
    std::string source_path; // as ordered from the host
    std::int64_t time_limit_s = 0;
    std::int64_t orphan_ttl_s = 0;

    std::string host; // the ESXi host
    std::string host_uuid;
    HostTransport transport;           // the one that this job goes on through
    std::vector<std::string> adapters; // those that are rescanned
    ArrayHost array_host;
    std::optional<int> lun;

    std::vector<Mapping> mappings_before; // complete, as found before ours
    bool mapping_intended = false;        // mappings_before is valid from here on
    bool attach_intended = false;
    bool clone_ordered = false;

    // A copy inside the array: no host, no mapping; `host` and what belongs to it stay empty.
    Volume source_volume;
    bool array_copy_ordered = false;

    Outcome outcome = Outcome::unknown; // set before the host may forget the clone
    std::string outcome_message;
    XcopyVerdict xcopy;
    std::int64_t copy_ms = 0;

    bool is_on_array() const { return !source_volume.id.empty(); }
};

// True when our mapping may exist: intended, and no mapping to that array host was there before.
bool mapping_is_ours(const CopyRecord& record);

// False when dropping the record loses nothing.
bool has_something_to_undo(const CopyRecord& record);

// Errc::conflict naming both when the record is of another copy than the one asked for under the same job.
Result<void> check_same_copy(const CopyRecord& record, const std::string& vendor, const std::string& array,
                             const std::string& source, const std::string& migration_host);

std::string encode(const CopyRecord& record);
Result<CopyRecord> decode_record(std::string_view text);

// One job's place in the journal, held exclusively until destroyed.
class JournalPage {
public:
    JournalPage() = default;
    JournalPage(const JournalPage&) = delete;
    JournalPage& operator=(const JournalPage&) = delete;
    virtual ~JournalPage() = default;

    virtual Result<std::optional<CopyRecord>> read() = 0;
    virtual Result<void> write(const CopyRecord&) = 0; // durable when it returns
    virtual Result<void> remove() = 0;                 // removing the absent succeeds
    virtual bool had_holder() const { return false; }  // another coordinator held it before, where that is known
};

class Journal {
public:
    Journal() = default;
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    virtual ~Journal() = default;

    virtual Result<std::unique_ptr<JournalPage>> claim(const std::string& job) = 0; // Errc::busy: another one has it
    virtual Result<std::vector<std::string>> jobs() = 0;                            // those that left a record
    virtual std::string where() const = 0;                                          // for people
};

} // namespace xcopy
