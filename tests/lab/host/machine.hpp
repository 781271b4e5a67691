// The running part of a simulated host: a bubblewrap with its own process and time namespace.
#pragma once

#include "tests/lab/wire.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lab {

class Machine {
public:
    Machine() = default;
    ~Machine() { power_off(); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // `argv_for(orders)` is the command that leads to process 1. The host's clock says it has been up for `uptime_s`
    // more than the machine below it, where the kernel lets us (time namespaces). Throws std::runtime_error.
    void power_on(const std::function<std::vector<std::string>(int orders)>& argv_for, long uptime_s);
    void power_off(); // every process is gone when this returns

    nlohmann::json order(const nlohmann::json&); // to process 1; {"ok": false, "error"} when the host is off

private:
    std::mutex mutex_;
    std::unique_ptr<LineChannel> init_;
    int pid_ = -1;
};

} // namespace lab
