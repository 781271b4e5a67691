// Bare hosts, and an administrator with vib-installer and an authority of its own.
#pragma once

#include "tests/vib-packaging/bare_hosts.hpp"

#include <nlohmann/json.hpp>

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

class Site : public bare::Hosts {
public:
    explicit Site(int hosts);

    Installed run(const std::string& command, std::vector<std::string> more = {}) const;
    std::unique_ptr<e2e::Process> prepare(const std::string& command, std::vector<std::string> more = {}) const;
    Installed end_of(e2e::Process& process) const;
    e2e::Ran raw(std::vector<std::string> arguments) const;

    void use_release(int release) { vib_ = vib_of_release(release); }
    std::string vib() const { return vib_; }

private:
    std::string vib_;
};

} // namespace installer_test
