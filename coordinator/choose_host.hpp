// Step 4: the host that copies.
#pragma once

#include "protocol/error.hpp"

#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct HostView {
    std::string name;
    std::optional<Error> unreachable{}; // why, when it did not answer
    bool sees_source = false;           // the datastore is mounted there
    std::string datastore_uuid{};       // of that datastore
    int load = 0;                       // running and queued clones
    int errors = 0;                     // problems of severity error
    int drained_s = 0;                  // it takes no orders for that long: its agent is being upgraded
    bool has_job = false;               // a clone of this very job runs or waits there
};

struct HostChoice {
    std::size_t index = 0;
    std::string why;
};

// A drained host is chosen where there is no other: the copy then waits for it.
// `wanted` is the name given with --migration-host, or of the host in the journal; empty: the least loaded healthy one.
// Equal loads are told apart by the job, so that many copies started at once spread out.
Result<HostChoice> choose_host(const std::vector<HostView>& hosts, const std::string& wanted, const std::string& job,
                               const std::string& datastore);

} // namespace xcopy
