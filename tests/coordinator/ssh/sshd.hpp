// OpenSSH's own server on an ephemeral port of loopback, as ESXi hosts have it configured.
#pragma once

#include "tests/end_to_end/process.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace xcopy::test {

struct SshdOptions {
    std::vector<std::string> lines{};    // of sshd_config, beside what every server here has
    std::string forced_command{};        // of the key's line in authorized_keys
    std::string host_keys = "rsa ecdsa"; // types
    std::string user_key = "ecdsa";      // "rsa", "ecdsa", "ed25519"; "rsa-pem" and "ecdsa-pem" in the older form
};

// The algorithms of the sshd of each ESXi release, as its documentation and file system have them.
std::vector<std::string> esxi67_sshd();
std::vector<std::string> esxi8_sshd();

class Sshd {
public:
    explicit Sshd(SshdOptions options = {});
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;
    ~Sshd(); // with every session

    std::uint16_t port() const { return port_; }
    std::string user() const;
    std::string private_key() const;
    std::string known_hosts() const;                        // a line for each host key
    std::string fingerprint(const std::string& type) const; // as ssh-keygen prints it
    const std::filesystem::path& folder() const { return folder_; }

    void stop();          // the listener only; sessions stay
    void start();         // on the same port
    void new_host_keys(); // takes effect with the next start

    std::vector<int> sessions() const; // pids of what serves connections
    void cut_sessions() const;         // kill -9
    void signal_sessions(int number) const;

private:
    void make_key(const std::string& name, const std::string& type) const;
    void write_config() const;

    SshdOptions options_;
    std::filesystem::path folder_;
    std::uint16_t port_ = 0;
    std::unique_ptr<e2e::Process> server_;
};

std::string contents_of(const std::filesystem::path& path);
std::filesystem::path new_folder(const std::string& stem);
std::uint16_t free_port();

// Waits until it is so, at most 20 s.
template <class Condition> bool eventually(const Condition& condition);
void short_wait();

template <class Condition> bool eventually(const Condition& condition)
{
    for (int i = 0; i < 2000; ++i) {
        if (condition())
            return true;
        short_wait();
    }
    return false;
}

} // namespace xcopy::test
