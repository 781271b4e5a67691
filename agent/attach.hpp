// Making a mapped LUN a device the host can write, and taking it away again before the array unmaps it.
#pragma once

#include "agent/attach_records.hpp"
#include "agent/config.hpp"
#include "agent/counters.hpp"
#include "agent/inventory.hpp"
#include "agent/rescans.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace xcopy {

// What to do next about a device, from what the host says about it now.
enum class AttachStep : std::uint8_t { ready, forget_detached, rescan, settle };
Result<AttachStep> next_attach_step(const AttachRequest&, const std::string& naa, const Device* seen);

// Why a LUN of this number cannot appear, or success.
Result<void> check_lun_number(const std::string& naa, std::optional<int> lun, std::optional<std::int64_t> max_lun);

// Why a device did not show up, with everything an administrator would look at first.
Error device_not_seen(const std::string& naa, int waited_s, std::optional<int> lun, std::optional<std::int64_t> max_lun,
                      const std::vector<Adapter>& adapters, const std::vector<std::string>& rescanned, int dead_paths);

// Whether `job` may take this device away. `seen` is null when the host does not see it (any more).
Result<void> check_detach(const std::string& naa, const std::string& job, const AttachRecord* record,
                          const AttachRecord* other_of_job, const Device* seen);

class Attachments {
public:
    // The job that writes a device or may still do so, other than `job` itself for attach; any job for detach.
    using Writer = std::function<std::optional<std::string>(const std::string& naa)>;

    Attachments(const Config&, Workers&, const Tools&, Inventory&, Rescans&, Counters&, Writer);

    Result<void> load() { return records_.load(); }
    // Null too while the device is being taken away: no clone may begin on it any more.
    const AttachRecord* find(const std::string& naa) const
    {
        return leaving_.contains(naa) ? nullptr : records_.find(naa);
    }

    awaitable<Result<Device>> attach(std::string naa, AttachRequest request);
    awaitable<Result<void>> detach(std::string naa, DetachRequest request);

private:
    awaitable<Result<Device>> wait_until_ready(std::string naa, AttachRequest request);
    Result<void> check_writers(const HostView&, const std::string& naa, const std::string& job) const;
    awaitable<Result<void>> switch_on(const std::string& naa, const Device& seen);
    awaitable<Result<void>> take_away(std::string naa, std::string job);
    awaitable<Result<void>> switch_off(const std::string& naa);
    awaitable<Error> explain_absence(std::string naa, AttachRequest request, std::vector<std::string> rescanned);
    awaitable<std::optional<std::int64_t>> max_lun();
    Result<Device> attached(const Device& device, const AttachRequest& request);
    bool node_exists(const std::string& naa) const;

    const Config& config_;
    Workers& workers_;
    const Tools& tools_;
    Inventory& inventory_;
    Rescans& rescans_;
    Counters& counters_;
    Writer writer_of_;
    AttachRecords records_;
    std::set<std::string> leaving_;
};

} // namespace xcopy
