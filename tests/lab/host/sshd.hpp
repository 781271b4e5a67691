// The SSH server of a simulated host: Debian's OpenSSH, run inside the host, with the algorithms of its ESXi version
// (facts/esxi.md 8).
#pragma once

#include "tests/lab/host/root.hpp"

#include <string>
#include <vector>

namespace lab {

constexpr const char* sshd_program = "/usr/sbin/sshd";

struct SshKeys {
    std::filesystem::path client;             // ECDSA, without a passphrase; .pub beside it
    std::vector<std::filesystem::path> hosts; // RSA and ECDSA
};

// Makes what is missing in `directory` with ssh-keygen. Throws std::runtime_error.
SshKeys make_ssh_keys(const std::filesystem::path& directory);

// sshd_config, host keys and authorized_keys below /etc/ssh. `authorized` are lines of authorized_keys.
void write_ssh_files(const HostFiles&, const HostConfig&, const SshKeys&, const std::string& authorized, int port);

std::vector<std::string> sshd_argv();

// What of the machine's own files the server needs inside the host.
std::vector<std::string> sshd_mounts();

} // namespace lab
