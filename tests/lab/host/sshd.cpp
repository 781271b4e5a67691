#include "tests/lab/host/sshd.hpp"

#include <fmt/format.h>

#include <fstream>
#include <spawn.h>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lab {

namespace fs = std::filesystem;

namespace {

constexpr const char* algorithms_67 =
    "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512\n"
    "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr\n"
    "MACs hmac-sha2-256,hmac-sha2-512,hmac-sha1\n"
    "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256\n"
    "PubkeyAcceptedAlgorithms rsa-sha2-512,rsa-sha2-256,ssh-rsa,ecdsa-sha2-nistp256,"
    "ecdsa-sha2-nistp384\n";
constexpr const char* algorithms_8 =
    "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512\n"
    "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr\n"
    "MACs hmac-sha2-256,hmac-sha2-512\n"
    "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256\n"
    "PubkeyAcceptedAlgorithms rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,"
    "ecdsa-sha2-nistp384\n";

void make_key(const fs::path& file, const char* kind, const char* bits)
{
    if (fs::exists(file))
        return;
    std::vector<std::string> words{"ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", "xcopy-lab", "-f", file};
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    int pid = 0;
    int status = 0;
    if (::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ) != 0 ||
        ::waitpid(pid, &status, 0) != pid || status != 0)
        throw std::runtime_error("ssh-keygen failed; is openssh-client installed?");
}

} // namespace

SshKeys make_ssh_keys(const fs::path& directory)
{
    fs::create_directories(directory);
    make_key(directory / "client", "ecdsa", "256");
    make_key(directory / "host_rsa", "rsa", "2048");
    make_key(directory / "host_ecdsa", "ecdsa", "256");
    return {directory / "client", {directory / "host_rsa", directory / "host_ecdsa"}};
}

void write_ssh_files(const HostFiles& files, const HostConfig& host, const SshKeys& keys, const std::string& authorized,
                     int port)
{
    const auto folder = files.inside("/etc/ssh");
    fs::create_directories(folder / "keys-root");
    fs::create_directories(files.inside("/run/sshd"));
    std::string key_lines;
    for (const auto& key : keys.hosts) {
        fs::copy_file(key, folder / key.filename(), fs::copy_options::overwrite_existing);
        ::chmod((folder / key.filename()).c_str(), 0600);
        key_lines += fmt::format("HostKey /etc/ssh/{}\n", key.filename().string());
    }
    std::ofstream(folder / "keys-root/authorized_keys") << authorized;
    ::chmod((folder / "keys-root/authorized_keys").c_str(), 0600);
    std::ofstream(folder / "sshd_config") << fmt::format(
        "# xcopy-lab: as the facts page says of ESXi {}\n"
        "ListenAddress {}:{}\n{}{}"
        "PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "AuthorizedKeysFile /etc/ssh/keys-%u/authorized_keys\nStrictModes no\nPrintMotd no\n"
        "ClientAliveInterval 200\nClientAliveCountMax 3\nMaxStartups 10:30:100\nPidFile none\n"
        "SetEnv PATH=/bin:/sbin\nLogLevel VERBOSE\n",
        host.version, host.address, port, key_lines, host.version.starts_with("8") ? algorithms_8 : algorithms_67);
}

std::vector<std::string> sshd_argv()
{
    return {sshd_program, "-D", "-e", "-f", "/etc/ssh/sshd_config"};
}

std::vector<std::string> sshd_mounts()
{
    std::vector<std::string> mounts;
    for (const char* path : {"/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib/x86_64-linux-gnu",
                             "/usr/lib/aarch64-linux-gnu", "/usr/lib/openssh", sshd_program})
        if (fs::exists(path))
            mounts.emplace_back(path);
    return mounts;
}

} // namespace lab
