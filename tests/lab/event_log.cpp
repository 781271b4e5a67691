#include "tests/lab/event_log.hpp"

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lab {

namespace {

std::int64_t now_us()
{
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Fault fault_from_json(const nlohmann::json& j)
{
    Fault fault;
    fault.http_status = j.value("http_status", 0);
    if (const auto body = j.find("http_body"); body != j.end())
        fault.http_body = body->is_string() ? body->get<std::string>() : body->dump();
    fault.retry_after = j.value("retry_after", "");
    fault.drop_connection = j.value("drop_connection", false);
    if (j.contains("tool_exit"))
        fault.tool_exit = j.at("tool_exit").get<int>();
    fault.tool_stdout = j.value("tool_stdout", "");
    fault.tool_stderr = j.value("tool_stderr", "");
    return fault;
}

bool acts(Rule& rule, const Event& event, bool after, std::uint64_t number)
{
    if (!rule.either && rule.after != after)
        return false;
    if (rule.number != 0 && rule.number != number)
        return false;
    if (!std::regex_search(event.where, rule.where) || !std::regex_search(event.what, rule.what))
        return false;
    ++rule.seen;
    return rule.seen >= rule.nth && (rule.count == 0 || rule.seen < rule.nth + rule.count);
}

} // namespace

Rule rule_from_json(const nlohmann::json& j)
{
    static const std::vector<std::string> known{"do",    "where", "what", "when",     "number", "nth",
                                                "count", "fault", "kill", "delay_ms", "hold"};
    for (const auto& [key, value] : j.items())
        if (std::find(known.begin(), known.end(), key) == known.end())
            throw std::invalid_argument("unknown word in rule: " + key);
    Rule rule;
    rule.where = std::regex(j.value("where", ""));
    rule.what = std::regex(j.value("what", ""));
    rule.number = j.value("number", std::uint64_t{0});
    const auto when = j.value("when", rule.number == 0 ? "before" : "either");
    if (when != "before" && when != "after" && when != "either")
        throw std::invalid_argument("when is before, after or either");
    rule.after = when == "after";
    rule.either = when == "either";
    rule.nth = j.value("nth", 1);
    rule.count = j.value("count", 1);
    rule.delay_ms = j.value("delay_ms", 0);
    rule.hold = j.value("hold", "");
    if (j.contains("kill"))
        rule.kill = j.at("kill");
    if (j.contains("fault"))
        rule.fault = fault_from_json(j.at("fault"));
    if (rule.delay_ms == 0 && rule.hold.empty() && rule.kill.is_null() && !rule.fault)
        throw std::invalid_argument("a rule needs delay_ms, hold, kill or fault");
    return rule;
}

std::optional<Fault> EventLog::before(const Event& event)
{
    return raise(event, false);
}

std::optional<Fault> EventLog::after(const Event& event)
{
    return raise(event, true);
}

std::optional<Fault> EventLog::raise(const Event& event, bool after)
{
    std::unique_lock lock(mutex_);
    past_.push_back({event, after, now_us()});
    const auto number = past_.size();
    std::vector<Rule> acting;
    for (auto& rule : rules_)
        if (acts(rule, event, after, number))
            acting.push_back(rule);
    changed_.notify_all();

    std::optional<Fault> fault;
    for (const auto& rule : acting) {
        if (rule.delay_ms > 0)
            changed_.wait_for(lock, std::chrono::milliseconds(rule.delay_ms), [&] { return stopping_; });
        if (!rule.hold.empty())
            hold(lock, rule.hold);
        if (!rule.kill.is_null() && killer_) {
            lock.unlock();
            killer_(rule.kill);
            lock.lock();
        }
        if (rule.fault)
            fault = rule.fault;
    }
    return fault;
}

void EventLog::hold(std::unique_lock<std::mutex>& lock, const std::string& name)
{
    ++holds_[name].held;
    const auto generation = holds_[name].generation;
    changed_.notify_all();
    changed_.wait(lock, [&] { return stopping_ || holds_[name].generation != generation; });
    if (holds_[name].generation == generation) // release() took the others off
        --holds_[name].held;
    changed_.notify_all();
}

void EventLog::hold_while(const std::string& name, const std::function<bool()>& gone)
{
    std::unique_lock lock(mutex_);
    ++holds_[name].held;
    const auto generation = holds_[name].generation;
    changed_.notify_all();
    while (!stopping_ && holds_[name].generation == generation && !gone())
        changed_.wait_for(lock, std::chrono::milliseconds(10));
    if (holds_[name].generation == generation) // release() took the others off
        --holds_[name].held;
    changed_.notify_all();
}

int EventLog::add_rule(Rule rule)
{
    const std::lock_guard lock(mutex_);
    rule.id = next_rule_++;
    rules_.push_back(std::move(rule));
    return rules_.back().id;
}

void EventLog::clear_rules(std::optional<int> id)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(rules_, [&](const Rule& rule) { return !id || rule.id == *id; });
}

bool EventLog::wait_held(const std::string& name, int count, std::chrono::milliseconds time) const
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] {
        const auto found = holds_.find(name);
        return stopping_ || (found != holds_.end() && found->second.held >= count);
    }) && !stopping_;
}

bool EventLog::wait_event(const std::regex& where, const std::regex& what, int count, std::uint64_t after_number,
                          std::chrono::milliseconds time) const
{
    std::unique_lock lock(mutex_);
    auto looked = after_number;
    int found = 0;
    return changed_.wait_for(lock, time, [&] {
        for (; looked < past_.size(); ++looked)
            if (std::regex_search(past_[looked].event.where, where) &&
                std::regex_search(past_[looked].event.what, what))
                ++found;
        return stopping_ || found >= count;
    }) && !stopping_;
}

int EventLog::release(const std::string& name)
{
    const std::lock_guard lock(mutex_);
    auto& gate = holds_[name];
    ++gate.generation;
    changed_.notify_all();
    return std::exchange(gate.held, 0); // who waits for the next to be held does not count these
}

void EventLog::stop_holding()
{
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

nlohmann::json EventLog::history(std::uint64_t after_number) const
{
    const std::lock_guard lock(mutex_);
    auto list = nlohmann::json::array();
    for (auto i = after_number; i < past_.size(); ++i) {
        const auto& past = past_[i];
        list.push_back({{"number", i + 1},
                        {"where", past.event.where},
                        {"what", past.event.what},
                        {"when", past.after ? "after" : "before"},
                        {"ms", past.us / 1000},
                        {"us", past.us}});
    }
    return list;
}

} // namespace lab
