// A lab for a test: starts xcopy-lab in a directory of its own, talks to it, and leaves nothing behind.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lab {

// $XCOPY_AGENT_LAUNCHER; empty: agents are started as they are.
std::filesystem::path launcher_of_the_environment();

struct LabOptions {
    nlohmann::json scenario = nlohmann::json::object();
    std::filesystem::path agent;   // empty: hosts without agents
    std::filesystem::path program; // empty: the xcopy-lab of this build
    // What starts the agents; by default what the environment names (tests/userworld).
    std::filesystem::path launcher = launcher_of_the_environment();
};

// Everything throws std::runtime_error with the lab's sentence when it is refused. Thread-safe.
class Lab {
public:
    explicit Lab(const LabOptions& = {});
    ~Lab();
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;

    nlohmann::json call(const nlohmann::json& order) const;     // throws when the answer is not ok
    nlohmann::json try_call(const nlohmann::json& order) const; // gives the answer as it is

    const nlohmann::json& ready() const { return ready_; } // see World::ready
    std::filesystem::path directory() const { return directory_; }
    int pid() const { return pid_; }

    std::string agent_url(const std::string& host) const { return ready_.at("hosts").at(host).at("agent"); }
    std::string host_uuid(const std::string& host) const { return ready_.at("hosts").at(host).at("uuid"); }
    std::string array_url(const std::string& array) const { return ready_.at("arrays").at(array).at("url"); }
    std::string ca() const { return ready_.at("ca"); }
    std::string operator_cert() const { return ready_.at("operator").at("cert"); }
    std::string operator_key() const { return ready_.at("operator").at("key"); }
    std::filesystem::path datastore(const std::string& name) const
    {
        return ready_.at("datastores").at(name).at("path").get<std::string>();
    }
    std::string initiator(const std::string& host, const std::string& adapter) const;

    std::string launcher_record(const std::string& host) const; // what the launcher of that host's agents wrote down

    struct Ran {
        int exit = -1; // -1: ended by a signal
        std::string output;
    };
    Ran run(const std::string& host, const std::vector<std::string>& argv) const; // on the host, to its end
    int spawn(const std::string& host, const std::vector<std::string>& argv) const;

    int add_rule(nlohmann::json rule) const;
    void wait_held(const std::string& hold, int count = 1) const;
    void release(const std::string& hold) const;
    std::vector<std::string> pointer_files() const;
    nlohmann::json starts() const { return call({{"do", "vmkfstools.starts"}}).at("starts"); }
    nlohmann::json violations() const { return call({{"do", "violations"}}).at("violations"); }

    // A volume shown to one adapter, and a disk on a datastore; the answers are host file paths.
    std::filesystem::path add_volume(const std::string& naa, std::uint64_t size,
                                     const std::string& array = "ontap-a") const;
    void present(const std::string& naa, const std::string& host, const std::string& adapter, int lun) const;
    void withdraw(const std::string& naa, const std::string& host, const std::string& adapter) const;
    std::filesystem::path create_disk(const std::string& datastore, const std::string& file, std::uint64_t size) const;

private:
    std::filesystem::path directory_;
    int pid_ = -1;
    int stdin_ = -1; // the lab ends when this closes, however the test ends
    nlohmann::json ready_;
};

} // namespace lab
