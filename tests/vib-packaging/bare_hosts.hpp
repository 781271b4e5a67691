// ESXi hosts of the lab with nothing installed, and what can be asked of them and done to them from outside. Who installs, vib-installer
// or Ansible, builds on this.
#pragma once

#include "tests/end_to_end/process.hpp"
#include "tests/lab/client.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bare {

struct ClientFiles {
    std::string ca, certificate, key; // below work()
};

class Hosts {
public:
    lab::Lab lab;

    const std::vector<std::string>& names() const { return names_; }
    std::string address(const std::string& host) const;
    std::filesystem::path work() const { return work_; }
    std::filesystem::path known_hosts() const { return work_ / "known_hosts"; }

    nlohmann::json ask(const std::string& host, const std::string& method, const std::string& path,
                       const nlohmann::json& body = {}) const; // of the agent, as an operator, by curl
    nlohmann::json software(const std::string& host) const;
    std::vector<std::string> files(const std::string& host) const; // all that is on a host, except its logs
    std::filesystem::path root(const std::string& host) const;
    int agents(const std::string& host) const;  // processes of the agent, supervisors too
    int serving(const std::string& host) const; // the agent's pid; -1: none

    void fault(const std::string& host, nlohmann::json values) const;
    // Lets the program run until the host is told `what`, and restarts the host there.
    void restart_in_the_middle(e2e::Process& program, const std::string& host, const std::string& what) const;

    // Starts a clone and gives its id; it stops half-way when the lab holds "clone".
    std::string start_clone(const std::string& host, int number) const;
    nlohmann::json order_clone(const std::string& host, int number) const; // the agent's answer, a refusal too

protected:
    Hosts(int count, ClientFiles operator_files);
    ~Hosts(); // where agents ran under the launcher: they asked for nothing that ESXi may lack
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;

    static std::string vib_of_release(int release); // 1 or 2

private:
    nlohmann::json processes(const std::string& host) const;

    std::filesystem::path work_;
    ClientFiles operator_;
    std::vector<std::string> names_;
};

// What a host may have that keeps an agent from it. Nothing may be changed on a host that has one.
struct Fault {
    std::string name;
    std::function<void(const Hosts&, const std::string& host)> begin;
    std::function<void(const Hosts&, const std::string& host)> end;
};

const Fault& acceptance_refused();
const Fault& no_space();
const Fault& secure_boot();
const Fault& sshd_down();
const Fault& wrong_host_key();
const Fault& exec_installed_only(); // but for this one: only then is it seen

// Somebody else's server on the agent's port of a host.
class PortHolder {
public:
    explicit PortHolder(const std::string& address);
    ~PortHolder();
    PortHolder(const PortHolder&) = delete;
    PortHolder& operator=(const PortHolder&) = delete;

private:
    int fd_;
};

} // namespace bare
