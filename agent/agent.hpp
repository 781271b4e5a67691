// The parts of a running agent, as the handlers see them.
#pragma once

#include "agent/attach.hpp"
#include "agent/config.hpp"
#include "agent/counters.hpp"
#include "agent/esxi/tools.hpp"
#include "agent/health.hpp"
#include "agent/http/server.hpp"
#include "agent/inventory.hpp"
#include "agent/jobs.hpp"
#include "agent/rescans.hpp"
#include "agent/workers.hpp"

namespace xcopy {

struct Agent {
    Agent(const Config& settings, asio::any_io_executor home, const http::Certificates& certificates);

    const Config& config;
    Workers workers;
    Tools tools;
    Counters counters;
    Inventory inventory;
    Rescans rescans;
    Jobs jobs;
    Attachments attachments;
    HealthReporter health;
    const http::Activity* connections = nullptr;
    steady_clock::time_point started = steady_clock::now();
};

} // namespace xcopy
