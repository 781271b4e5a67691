// Whatever was set up is taken down in reverse.
#pragma once

#include "coordinator/copy_order.hpp"

#include <functional>
#include <string>
#include <vector>

namespace xcopy {

class Undo {
public:
    using Act = std::function<Result<void>()>;

    Undo(const Limits& limits, Log& log) : limits_(limits), log_(log) {}

    void add(std::string what, Act act) { steps_.push_back({std::move(what), std::move(act), false}); }

    // A step that must succeed before those added earlier may be undone: the device must be off before it is unmapped.
    void add_gate(std::string what, Act act) { steps_.push_back({std::move(what), std::move(act), true}); }

    // Each step is tried a few times; one that fails does not keep the others from running, unless it is a gate.
    // Returns what could not be undone.
    std::vector<std::string> run(const Call& cleanup);

private:
    struct Step {
        std::string what;
        Act act;
        bool is_gate;
    };

    const Limits& limits_;
    Log& log_;
    std::vector<Step> steps_;
};

} // namespace xcopy
