// Steps 2 and 4: what all hosts say of themselves, asked side by side, and what that means for this copy.
#pragma once

#include "coordinator/choose_host.hpp"
#include "coordinator/copy_order.hpp"
#include "coordinator/source.hpp"

#include <optional>
#include <string>
#include <vector>

namespace xcopy {

struct SurveyedHost {
    Host* host = nullptr;
    std::optional<Error> unreachable{};
    Health health{};
    std::vector<CloneStatus> clones{};
};

using Survey = std::vector<SurveyedHost>;

Survey survey(const Call& call, const std::vector<Host*>& hosts, const Limits& limits,
              HealthAge age = HealthAge::cached);
Survey survey(const Call& call, const std::vector<std::unique_ptr<Host>>& hosts, const Limits& limits,
              HealthAge age = HealthAge::cached);

// The host that copies, with what the later steps need of it.
struct ChosenHost {
    Host* host = nullptr;
    std::string name;
    std::string uuid;
    std::string why;
    HostTransport transport{};
    Health health;
    Datastore datastore;
    std::string source_path;
    std::optional<Source> source{}; // absent: not examined, or the agent is too old
    std::optional<Device> source_device;
    std::vector<std::string> adapters; // those through which it reaches the source's device
    bool has_job = false;              // a clone of this very job runs or waits there
};

void warn_of_unreachable(const Survey& survey, const std::string& job, Log& log);

std::vector<HostView> views(const Survey& survey, const SourceName& source, const std::string& job);

Result<ChosenHost> choose_host(const Call& call, const CopyOrder& order, const Survey& survey, const SourceName& source,
                               const std::string& wanted);

// Adapters with a usable path to the device; without paths, all that can carry a LUN.
std::vector<std::string> adapters_for(const Health& health, const std::optional<Device>& source_device);

HostIdentity identity(const ChosenHost& host);

Observer::Way way_over(const ChosenHost& host);

// What is known beforehand to keep the array from copying.
Result<void> check_xcopy_possible(const ChosenHost& host);

} // namespace xcopy
