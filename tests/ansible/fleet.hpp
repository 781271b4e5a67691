// Bare hosts, and an administrator who runs the playbooks against them.
#pragma once

#include "tests/vib-packaging/bare_hosts.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ansible {

// A host's line of Ansible's recap.
struct Recap {
    int changed = -1;
    int unreachable = -1;
    int failed = -1;
    bool fine() const { return unreachable == 0 && failed == 0; }
};

struct Played {
    int exit = -1;
    std::string output;
    std::map<std::string, Recap> hosts;

    std::string said_of(const std::string& host) const; // the fatal messages of a host
};

class Fleet : public bare::Hosts {
public:
    explicit Fleet(int hosts);

    Played play(const std::string& playbook, std::vector<std::string> more = {}) const;
    std::unique_ptr<e2e::Process> prepare(const std::string& playbook, std::vector<std::string> more = {}) const;
    Played end_of(e2e::Process&) const;
    e2e::Ran program(const std::string& name, std::vector<std::string> arguments) const; // ansible-lint …

    void set(const nlohmann::json& values);                          // variables of all hosts
    void set(const std::string& host, const nlohmann::json& values); // of one
    void forget(const std::vector<std::string>& variables);
    void use_release(int release) { set({{"xcopy_agent_vib", vib_of_release(release)}}); }

private:
    void write_inventory() const;
    std::map<std::string, std::string> environment() const;

    std::string programs_; // of the virtual environment
    nlohmann::json inventory_;
};

} // namespace ansible
