// The lab's events: numbered, remembered, and met by rules that delay, hold, kill or fault them.
#pragma once

#include "tests/lab/events.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <regex>
#include <vector>

namespace lab {

struct Rule {
    int id = 0;
    std::regex where;
    std::regex what;
    bool after = false;
    bool either = false;      // both before and after, for a kill at an event number
    std::uint64_t number = 0; // only the event with this number; 0: any
    int nth = 1;              // acts from the nth match on …
    int count = 1;            // … this many times; 0: for ever
    int seen = 0;

    int delay_ms = 0;
    std::string hold;
    nlohmann::json kill; // given to the killer
    std::optional<Fault> fault;
};

// Throws std::invalid_argument or a JSON exception, with a sentence, when the rule is not understood.
Rule rule_from_json(const nlohmann::json&);

class EventLog final : public Events {
public:
    using Killer = std::function<void(const nlohmann::json& whom)>;
    void set_killer(Killer killer) { killer_ = std::move(killer); } // before the first event

    std::optional<Fault> before(const Event&) override;
    std::optional<Fault> after(const Event&) override;

    int add_rule(Rule);
    void clear_rules(std::optional<int> id); // nullopt: all

    // Waits until `count` events are held under that name.
    bool wait_held(const std::string& name, int count, std::chrono::milliseconds) const;
    bool wait_event(const std::regex& where, const std::regex& what, int count, std::uint64_t after_number,
                    std::chrono::milliseconds) const;
    void hold_while(const std::string& name, const std::function<bool()>& gone); // for holds that are no event
    int release(const std::string& name);                                        // how many were let go
    void stop_holding(); // the lab ends: nobody is held any more

    nlohmann::json history(std::uint64_t after_number) const;

private:
    struct Past {
        Event event;
        bool after;
        std::int64_t us; // Unix time
    };
    struct Hold {
        int held = 0;
        std::uint64_t generation = 0;
    };

    std::optional<Fault> raise(const Event&, bool after);
    void hold(std::unique_lock<std::mutex>&, const std::string& name);

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<Past> past_;
    std::vector<Rule> rules_;
    std::map<std::string, Hold> holds_;
    int next_rule_ = 1;
    bool stopping_ = false;
    Killer killer_;
};

} // namespace lab
