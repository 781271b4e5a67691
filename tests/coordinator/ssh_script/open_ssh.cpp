#include "tests/coordinator/ssh_script/open_ssh.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace xcopy::ssh_script {

namespace {

// What stands before the key on a host of Forklift's users. Inside the quotes of authorized_keys every quote has a backslash.
constexpr const char* restriction =
    R"(command="sh -c 'DS=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=\([^;]*\);.*/\1/p\"); )"
    R"(CMD=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed -n \"s/^DS=[^;]*;CMD=\(.*\)/\1/p\"); )"
    R"(if [ -z \"$DS\" ]; then echo SSH_OK; else SSH_ORIGINAL_COMMAND=\"$CMD\" exec sh /vmfs/volumes/$DS/secure-vmkfstools-wrapper; fi'",)"
    "no-port-forwarding,no-agent-forwarding,no-X11-forwarding ";

} // namespace

nlohmann::json host_with_sshd(const std::string& version)
{
    return {{"hosts", {{{"name", "esx1"}, {"managed", true}, {"version", version}}}}};
}

OpenSsh::OpenSsh(const ScriptHost& host)
    : key_(host.lab.directory() / "key"), known_hosts_(host.lab.directory() / "known_hosts")
{
    const auto& esx = host.lab.ready().at("hosts").at("esx1");
    login_ = "root@" + esx.at("address").get<std::string>();
    port_ = std::to_string(esx.at("ssh").at("port").get<int>());
    const auto made =
        xcopy::run({"/usr/bin/ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", key_}, {});
    if (!made || made->exit_status != 0)
        throw std::runtime_error("ssh-keygen failed");
    std::ifstream file(key_.string() + ".pub");
    const std::string line(std::istreambuf_iterator<char>(file), {});
    host.lab.call(
        {{"do", "host.authorize"}, {"host", "esx1"}, {"line", restriction + line.substr(0, line.find('\n'))}});
}

std::vector<std::string> OpenSsh::client(const std::string& words) const
{
    return {"/usr/bin/ssh",
            "-i",
            key_,
            "-p",
            port_,
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "UserKnownHostsFile=" + known_hosts_.string(),
            login_,
            words};
}

Finished OpenSsh::run(const std::string& words) const
{
    auto done = xcopy::run(client(words), {.time = std::chrono::seconds(60)});
    if (!done)
        throw std::runtime_error(done.error().message);
    return *done;
}

} // namespace xcopy::ssh_script
