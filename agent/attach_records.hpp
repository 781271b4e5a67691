// Which device was attached for which job. Kept on disk: a restarted agent must neither write nor detach a device on
// behalf of a job that did not attach it.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace xcopy {

struct AttachRecord {
    std::string naa;
    std::string job;
    std::uint64_t size = 0; // as the job expected it, and as the host confirmed
    std::int64_t attached_ms = 0;
};

class AttachRecords {
public:
    explicit AttachRecords(std::string directory) : directory_(std::move(directory)) {}

    Result<void> load(); // at start; a record that cannot be read is an error, not an absence
    const AttachRecord* find(const std::string& naa) const;
    const AttachRecord* find_job(const std::string& job) const;
    Result<void> put(const AttachRecord& record);
    Result<void> remove(const std::string& naa);

private:
    std::string directory_;
    std::map<std::string, AttachRecord> records_; // by device name
};

} // namespace xcopy
