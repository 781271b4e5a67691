// ESXi hosts of the lab with nothing installed, and an administrator with vib-installer and an authority of its own.
#pragma once

#include "tests/end_to_end/process.hpp"
#include "tests/lab/client.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace installer_test {

struct Installed {
    int exit = -1;
    nlohmann::json report;
    std::string progress;

    const nlohmann::json& host(const std::string& name) const;
    std::string outcome(const std::string& name) const { return host(name).at("outcome"); }
    std::string error(const std::string& name) const; // message and remedy
    std::vector<std::string> changes(const std::string& name) const;
};

class Site {
public:
    explicit Site(int hosts);
    ~Site(); // where agents ran under the launcher: they asked for nothing that ESXi may lack
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    lab::Lab lab;

    Installed run(const std::string& command, std::vector<std::string> more = {}) const;
    std::unique_ptr<e2e::Process> prepare(const std::string& command, std::vector<std::string> more = {}) const;
    Installed end_of(e2e::Process& process) const;
    e2e::Ran raw(std::vector<std::string> arguments) const;

    const std::vector<std::string>& names() const { return names_; }
    void use_release(int release);
    void fault(const std::string& host, nlohmann::json values) const;

    nlohmann::json ask(const std::string& host, const std::string& method, const std::string& path,
                       const nlohmann::json& body = {}) const; // with the operator's certificate, by curl
    nlohmann::json software(const std::string& host) const;
    std::vector<std::string> files(const std::string& host) const; // all that is on a host, except its logs
    int agents(const std::string& host) const;                     // processes of the agent, supervisors too
    std::filesystem::path root(const std::string& host) const;
    std::filesystem::path work() const { return work_; }
    std::string vib() const { return vib_; }

    // Starts a clone and gives its id; it stops half-way while the lab holds "clone".
    std::string start_clone(const std::string& host, int number) const;
    nlohmann::json order_clone(const std::string& host, int number) const; // the agent's answer, a refusal too

private:
    std::filesystem::path work_;
    std::vector<std::string> names_;
    std::string vib_;
};

} // namespace installer_test
