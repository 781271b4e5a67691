// A simulated host with the script on its datastore, called as sshd's forced command calls it, by real busybox ash.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json.hpp"
#include "tests/lab/client.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy::ssh_script {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

using Words = std::vector<std::pair<std::string, std::string>>;

std::string percent_encoded(std::string_view text); // what the script takes: letters, digits, . _ - / and %XX

struct Disk {
    std::string source;          // "[datastore1] folder/disk.vmdk"
    std::filesystem::path bytes; // outside the host
};

struct Target {
    std::string job;
    std::string naa;
    std::uint64_t size = 0;
    std::filesystem::path bytes;
};

class ScriptHost {
public:
    explicit ScriptHost(nlohmann::json scenario = nlohmann::json::object());

    lab::Lab lab;

    // Through the forced command that stands in Forklift's users' authorized_keys.
    lab::Lab::Ran ssh(const std::string& original_command) const;
    // What comes behind "DS=datastore1;CMD=".
    lab::Lab::Ran command(const std::string& words) const { return ssh("DS=datastore1;CMD=" + words); }
    static std::string line(const std::string& verb, const Words&);

    Result<std::string> call(const std::string& verb, const Words& = {}) const; // the JSON, or the refusal
    template <class Message> Result<Message> ask(const std::string& verb, const Words& words = {}) const
    {
        auto json = call(verb, words);
        if (!json)
            return json.error();
        return decode<Message>(*json);
    }
    std::string refusal(const std::string& verb, const Words& words) const; // its reason; "" when it was not refused

    Disk make_disk(const std::string& file = "vm/disk.vmdk", std::uint64_t size = 8 * mib);
    Target make_target(std::uint64_t size = 16 * mib, bool present = true); // a job and a volume of its own

    Result<Device> attach(const Target&) const;
    static Words clone_words(const Disk&, const Target&);
    Result<CloneStatus> clone(const Disk& disk, const Target& target) const
    {
        return ask<CloneStatus>("clone", clone_words(disk, target));
    }
    CloneStatus watch(const std::string& job, std::uint64_t after, int wait_s = 20) const;
    CloneStatus finished(const std::string& job) const; // waits until it is final

    int starts_on(const Target&) const;
    std::vector<std::string> processes() const; // command lines on the host, but for sshd's
    // Nothing attached, no pointer file, nobody running, no violation.
    void expect_clean(const Target&) const;

private:
    int volumes_ = 0;
};

bool same_bytes(const Disk&, const Target&, std::uint64_t size = 8 * mib);
bool eventually(const std::function<bool()>& condition);

} // namespace xcopy::ssh_script
