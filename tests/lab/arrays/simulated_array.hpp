// What all simulated arrays have in common: a server, a lock, a clock that can be put forward, and the control verbs that
// are the same for every vendor. A vendor writes a VendorModel and nothing else.
#pragma once

#include "tests/lab/arrays/arrays.hpp"
#include "tests/lab/arrays/http_message.hpp"
#include "tests/lab/arrays/https_server.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace lab {

// Seconds that only the control verb "clock.advance" and real time move.
class LabClock {
public:
    using Time = std::chrono::steady_clock::time_point;

    Time now() const { return std::chrono::steady_clock::now() + ahead_; }
    void advance(std::chrono::milliseconds by) { ahead_ += by; }

private:
    std::chrono::milliseconds ahead_{0};
};

// What a vendor is made from.
struct ModelConfig {
    std::string name; // "pure-a"
    std::string user; // of the account that the driver uses
    std::string password;
    std::filesystem::path directory; // of the volume files; exists
    nlohmann::json more;             // the whole config
    Fabric& fabric;
    const LabClock& clock;
};

// One vendor's array: its state and rules, its REST, its administrator. Called by one thread at a time.
class VendorModel {
public:
    virtual ~VendorModel() = default;

    virtual Response answer(const Request&) = 0;

    // What the administrator, the CSI driver or the lab does beside the API. Throws std::exception with a sentence to
    // refuse. The verbs that every vendor must know, beside its own, stand in README.md.
    virtual nlohmann::json control(const std::string& verb, const nlohmann::json& order) = 0;

    // As those of class Switches.
    virtual std::optional<std::string> set_switches(const nlohmann::json& values) = 0;
    virtual nlohmann::json uncertain_switches() const = 0;
};

class SimulatedArray final : public ArraySim {
public:
    using Maker = std::unique_ptr<VendorModel> (*)(const ModelConfig&);

    // Throws std::runtime_error. Serves when it returns, unless the config says {"serve": false}.
    SimulatedArray(const nlohmann::json& config, Maker, Fabric&, Events&, Pki&);

    const std::string& name() const override { return name_; }
    const std::string& kind() const override { return kind_; }
    std::string url() const override { return server_ ? server_->url() : "https://" + address_; }
    Response handle(const Request&) override;
    nlohmann::json handle_control(const nlohmann::json& order) override;

private:
    nlohmann::json obey(const std::string& verb, const nlohmann::json& order);

    const std::string name_;
    const std::string kind_;
    const std::string address_;
    std::mutex mutex_; // of everything below but the server
    LabClock clock_;
    std::map<std::string, std::uint64_t> requests_; // "GET /api/cluster" to how often
    std::unique_ptr<VendorModel> model_;
    std::unique_ptr<HttpsServer> server_; // last: it stops before what it uses goes
};

// Thrown by a model's verbs.
struct ControlRefused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace lab
