// A simulated IBM Storage Virtualize system (FlashSystem, SAN Volume Controller).
#pragma once

#include "tests/lab/arrays/flashsystem/account.hpp"
#include "tests/lab/arrays/flashsystem/state.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

#include <deque>
#include <string>

namespace lab::flashsystem {

class FlashSystem final : public VendorModel {
public:
    explicit FlashSystem(const ModelConfig&);

    Response answer(const Request&) override;
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) override;
    std::optional<std::string> set_switches(const nlohmann::json& values) override { return switches_.set(values); }
    nlohmann::json uncertain_switches() const override { return switches_.uncertain(); }

private:
    Response run(const Request&);
    std::optional<Response> failing_over(const Request&); // the config node changes

    Switches switches_;
    Account account_;
    System system_;
    std::deque<std::string> failover_; // what the next requests meet: "conflict", "truncated", "bad_gateway"
};

} // namespace lab::flashsystem
