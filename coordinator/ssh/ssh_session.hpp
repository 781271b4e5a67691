// One SSH connection to a host, shared by everybody who talks to that host. It is made when it is first needed and made again
// when it was lost; every call ends on its stop token and its deadline, also while it is connecting or reading.
#pragma once

#include "coordinator/ssh/host_keys.hpp"
#include "coordinator/ssh/ssh_login.hpp"
#include "vendors/call.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace xcopy {

struct SshLimits {
    std::chrono::milliseconds connect = std::chrono::seconds(30); // TCP, key exchange and sign-in together
    std::chrono::seconds keep_alive{15};
    int silent_keep_alives = 3;       // unanswered ones after which the connection is given up
    std::chrono::seconds idle{300};   // without a command the connection is closed
    std::size_t commands_at_once = 8; // sshd's MaxSessions is 10; the others wait for their turn
};

struct SshCommand {
    std::string line; // for the host's shell, or for the forced command of the key
    std::string input{};
    std::size_t max_output = std::size_t{4} << 20U;
    std::size_t max_errors = std::size_t{64} << 10U;
};

// libssh2 does not tell "exit status 0" from "the host closed the channel without one", which OpenSSH never does. Whoever needs
// proof that a command succeeded asks the host for its result.
struct SshOutput {
    int status = -1;      // -1 when a signal ended the command
    std::string signal{}; // "TERM"
    std::string out{};
    std::string errors{};
    bool truncated = false; // more than the bounds was written; the rest was read and dropped

    bool ok() const { return status == 0; }
};

// What the command said when it failed: the errors, else the output, in one bounded line.
std::string said(const SshOutput& output);

class SshSession {
public:
    // `keys` is shared by the sessions to many hosts and must outlive them.
    SshSession(SshAddress host, SshLogin login, HostKeys& keys, SshLimits limits = {});
    SshSession(const SshSession&) = delete;
    SshSession& operator=(const SshSession&) = delete;
    ~SshSession(); // ends what still runs; its callers get Errc::cancelled

    // An error means that the command's end was not seen: Errc::unavailable before it was sent, Errc::indeterminate after.
    // When a caller leaves, the channel is closed and SIGTERM asked for, which sshd grants to others but not to root: a command
    // that says nothing may run on. What must end is ended by a command of its own.
    Result<SshOutput> exec(const Call&, SshCommand);
    Result<SshOutput> run(const Call&, std::span<const std::string> words, std::string input = {});

    // Through `cat`: sftp is not there on every host. Only the owner may read the file.
    Result<void> upload(const Call&, std::string bytes, const std::string& path);

    // Leave to hold one of the channels for long: half of them may be, so that others are always served. Null: not now.
    std::shared_ptr<void> leave_to_stay();

    const SshAddress& host() const;
    std::optional<HostKey> host_key() const; // once connected
    // From now on the host must show this key ("TYPE BASE64"): Errc::denied when it has shown another already.
    Result<void> insist_on(const std::string& host_key);
    int connections() const; // made so far

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace xcopy
