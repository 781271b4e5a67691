// A transport that hands every request to a simulated array in this process, and makes trouble where it is told to.
#pragma once

#include "tests/lab/arrays/arrays.hpp"
#include "vendors/rest/clock.hpp"
#include "vendors/rest/transport.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace xcopy::contract {

enum class Trouble : std::uint8_t {
    none,
    status_401,
    status_403,
    status_429, // with Retry-After
    status_500,
    status_502, // HTML
    status_503,
    status_504,
    timed_out,      // before anything was done
    reset,          // before anything was done
    lost_reply,     // it was done and nobody hears of it
    truncated_json, // it was done and the reply ends in the middle
    html,           // a proxy's page with status 200; nothing was done
};

constexpr Trouble all_troubles[] = {Trouble::status_401, Trouble::status_403,     Trouble::status_429,
                                    Trouble::status_500, Trouble::status_502,     Trouble::status_503,
                                    Trouble::status_504, Trouble::timed_out,      Trouble::reset,
                                    Trouble::lost_reply, Trouble::truncated_json, Trouble::html};

const char* name(Trouble trouble);

class LabWire : public rest::Transport {
public:
    explicit LabWire(lab::ArraySim& array) : array_(array) {}

    Result<rest::Reply> send(const Call&, const rest::Request&, const rest::Tls&) override;

    // From the request with that number (1 is the next one) on, `count` of them; 0: for ever.
    void trouble(Trouble what, int at, int count);
    void heal();

    int count() const; // requests since the last forget()
    void forget();
    std::vector<std::string> sent() const; // "GET https://array/…" of these
    std::vector<int> statuses() const;

    std::function<void(int number)> before; // every request

private:
    rest::Reply ask(const rest::Request&);

    lab::ArraySim& array_;
    mutable std::mutex mutex_;
    std::vector<std::string> sent_;
    std::vector<int> statuses_;
    Trouble trouble_ = Trouble::none;
    int first_ = 0;
    int last_ = 0;
};

// Does not wait, but puts the array's clock forward by what was to be waited.
class LabTime : public rest::Clock {
public:
    explicit LabTime(lab::ArraySim& array) : array_(array) {}

    std::chrono::steady_clock::time_point now() const override;
    Result<void> wait(const Call&, std::chrono::milliseconds) override;

    int waits() const;
    std::function<void(int number)> on_wait;

private:
    lab::ArraySim& array_;
    mutable std::mutex mutex_;
    std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::now();
    int waits_ = 0;
};

} // namespace xcopy::contract
