// A customer's site in the lab: two ESXi hosts with agents, an array, datastores; and the coordinator run against it.
#pragma once

#include "tests/end_to_end/process.hpp"
#include "tests/lab/client.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace e2e {

constexpr std::uint64_t mib = 1024 * 1024;

struct Disk {
    std::string vmdk;           // "[datastore1] vm 1/disk.vmdk"
    std::filesystem::path flat; // its bytes
    std::uint64_t size = 0;
};

struct Target {
    std::string job;
    std::string naa;
    std::uint64_t size = 0;
    std::filesystem::path file;      // its bytes on the array
    std::vector<std::string> handle; // flags that name it
};

// What is tested; the programs of this build unless others are named.
struct Programs {
    std::filesystem::path agent = XCOPY_AGENT_PROGRAM;
    std::filesystem::path coordinator = XCOPY_COORDINATOR_PROGRAM;
    std::filesystem::path lab{}; // empty: the lab client's own
};

class Site {
public:
    explicit Site(nlohmann::json scenario = nlohmann::json::object(), const Programs& = {});
    ~Site(); // fails the test when an agent made a system call that ESXi may not have (tests/userworld)
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    lab::Lab lab;
    std::map<std::string, std::string> more_environment{}; // for the coordinator; goes before what environment() says

    Disk make_disk(const std::string& file, std::uint64_t size, const std::string& datastore = "datastore1",
                   int seed = 1);
    Target make_target(std::uint64_t size); // a new volume of the array, with a PVC's UID for its name

    std::vector<std::string> flags_for(const Disk&, const Target&) const;
    std::map<std::string, std::string> environment() const;

    Ran coordinator(std::vector<std::string> arguments) const;
    std::unique_ptr<Process> prepare(std::vector<std::string> arguments) const; // waits for go()
    Ran populate(const Disk&, const Target&, std::vector<std::string> more = {}) const;
    std::unique_ptr<Process> prepare_populate(const Disk&, const Target&, std::vector<std::string> more = {}) const;

    // The list an order answers with, by value: a range-for over a part of a temporary would outlive it.
    nlohmann::json list(const nlohmann::json& order, const std::string& key) const { return lab.call(order).at(key); }

    nlohmann::json presentations(const Target&) const;
    int starts_on(const Target&) const; // how many vmkfstools were ever started for that target
    std::uint64_t last_event() const;
    int requests(const std::string& what) const; // array requests whose "METHOD /path" contains that

    const std::string& array() const { return array_; } // the name of the (first) array

    std::filesystem::path state_dir() const { return work_ / "state"; }
    std::filesystem::path work() const { return work_; }

private:
    std::filesystem::path coordinator_;
    std::string array_;
    std::filesystem::path work_;
    int volumes_ = 0;
};

// The Kubernetes node's own mapping, which must survive.
void map_to_worker(const Site&, const Target&);

nlohmann::json result_of(const Ran&); // the JSON a command printed

bool same_bytes(const std::filesystem::path& source, const std::filesystem::path& target, std::uint64_t size);

// What must be true after every run, however it ended: asserts with gtest.
void expect_nothing_left(const Site&, const Target&, const nlohmann::json& presentations_before);

} // namespace e2e
