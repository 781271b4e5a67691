// ESXi hosts of the lab with nothing installed, and an administrator who runs the playbooks against them.
#pragma once

#include "tests/end_to_end/process.hpp"
#include "tests/lab/client.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
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

class Fleet {
public:
    explicit Fleet(int hosts);

    lab::Lab lab;

    Played play(const std::string& playbook, std::vector<std::string> more = {}) const;
    std::unique_ptr<e2e::Process> prepare(const std::string& playbook, std::vector<std::string> more = {}) const;
    Played end_of(e2e::Process&) const;
    e2e::Ran program(const std::string& name, std::vector<std::string> arguments) const; // ansible-lint …

    const std::vector<std::string>& names() const { return names_; }
    void set(const nlohmann::json& values);                          // variables of all hosts
    void set(const std::string& host, const nlohmann::json& values); // of one
    void forget(const std::vector<std::string>& variables);
    void fault(const std::string& host, nlohmann::json values) const;
    void use_release(int release);

    nlohmann::json ask(const std::string& host, const std::string& method, const std::string& path,
                       const nlohmann::json& body = {}) const;
    nlohmann::json software(const std::string& host) const;
    std::vector<std::string> files(const std::string& host) const; // all that is on a host, except its logs
    int agents(const std::string& host) const;                     // processes of the agent, supervisors too
    int serving(const std::string& host) const;                    // the agent's pid
    std::filesystem::path root(const std::string& host) const;

    // Starts a clone on a host and gives its id; it stops half-way when the lab holds "clone".
    std::string start_clone(const std::string& host, int number) const;
    nlohmann::json order_clone(const std::string& host, int number) const; // the agent's answer, a refusal too

    std::filesystem::path work() const { return work_; }

private:
    void write_inventory() const;
    std::map<std::string, std::string> environment() const;

    std::filesystem::path work_;
    std::string programs_; // of the virtual environment
    std::vector<std::string> names_;
    nlohmann::json inventory_;
};

} // namespace ansible
