// GET /v1/health: everything the host says about itself, gathered side by side, a few seconds old at most.
#pragma once

#include "agent/config.hpp"
#include "agent/http/tls.hpp"
#include "agent/inventory.hpp"
#include "agent/jobs.hpp"
#include "agent/problems.hpp"
#include "agent/workers.hpp"

#include <memory>
#include <optional>

namespace xcopy {

class HealthReporter {
public:
    HealthReporter(const Config&, Workers&, const Tools&, Inventory&, const Jobs&, const http::Certificates&);

    awaitable<Health> report(bool fresh, std::optional<std::int64_t> client_clock_ms);
    awaitable<Result<std::vector<Datastore>>> datastores(); // with the devices below them

private:
    struct Gathering {
        bool complete = false;
        Event done;
    };
    awaitable<void> gather();
    awaitable<std::optional<int>> option(std::string path, HealthFacts& into);
    awaitable<bool> memory_group_exists();

    const Config& config_;
    Workers& workers_;
    const Tools& tools_;
    Inventory& inventory_;
    const Jobs& jobs_;
    const http::Certificates& certificates_;
    steady_clock::time_point started_ = steady_clock::now();
    HealthFacts facts_;
    std::optional<steady_clock::time_point> gathered_;
    std::shared_ptr<Gathering> running_;
    std::optional<HostVersion> version_; // these three do not change while the host runs
    std::string uuid_;
    std::string name_;
};

} // namespace xcopy
