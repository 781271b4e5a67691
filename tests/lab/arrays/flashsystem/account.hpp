// Who may ask: user and password at /auth, one token per user, limits per second.
#pragma once

#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab::flashsystem {

class Account {
public:
    Account(const ModelConfig&, const Switches&);

    Response sign_in(const Request&);
    std::optional<Response> refuse(const Request&); // for want of a token, or too many calls

    void end_sessions() { tokens_.clear(); }
    nlohmann::json sessions() const;
    nlohmann::json secret() const;

private:
    using Time = LabClock::Time;

    bool too_many(std::deque<Time>& recent, int per_second) const;
    bool is_open(const std::string& token) const;

    const std::string user_;
    const std::string password_;
    const LabClock& clock_;
    const Switches& switches_;
    std::map<std::string, Time> tokens_; // open ones, and since when
    std::vector<std::string> handed_out_;
    std::deque<Time> sign_ins_;
    std::deque<Time> calls_;
};

} // namespace lab::flashsystem
