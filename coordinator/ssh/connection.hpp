// A connected, signed-in session: used by the one thread of SshSession only, because libssh2's sessions are not thread-safe.
#pragma once

#include "coordinator/ssh/libssh2.hpp"
#include "coordinator/ssh/ssh_session.hpp"
#include "coordinator/ssh/waker.hpp"

#include <functional>
#include <memory>
#include <netdb.h>
#include <string>

namespace xcopy::ssh {

// Where and with what; `wanted` turns false when nobody waits for the connection any more.
struct Target {
    const SshAddress& host;
    const SshLogin& login;
    HostKeys& keys;
    const SshLimits& limits;
    const Waker& waker;
    std::function<bool()> wanted;
};

class Connection {
public:
    static Result<std::unique_ptr<Connection>> open(const Target& target);

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    LIBSSH2_SESSION* session() const { return session_.get(); }
    const HostKey& host_key() const { return host_key_; }

    // Waits until the socket or the waker has something; `active` is false while no command runs.
    void wait(bool active, std::chrono::milliseconds longest);
    // Sends a keep-alive when one is due; an error when the host has been silent for too long.
    Result<std::chrono::milliseconds> keep_alive(bool active);
    bool closed_by_host() const;

    Error lost(int code) const; // what libssh2 said, in our words

private:
    using Clock = std::chrono::steady_clock;

    explicit Connection(const Target& target);

    Result<void> dial();
    Result<void> connect_to(const ::addrinfo& where);
    Result<void> shake_hands();
    Result<void> check_host_key();
    Result<void> sign_in();
    Result<bool> try_key(const std::string& methods);
    Result<bool> try_password(const std::string& methods);
    template <class Step> Result<int> finish(std::string_view what, const Step& step);
    Result<void> await(short events, std::string_view what);
    Error no_common_algorithm() const;

    static ssize_t receive(libssh2_socket_t socket, void* buffer, std::size_t length, int flags, void** abstract);
    static void answer(const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT*,
                       LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** abstract);

    Target target_;
    Clock::time_point deadline_;
    Clock::time_point heard_ = Clock::now();
    int fd_ = -1;
    bool recording_ = true;
    std::string first_bytes_{}; // of the host, until the key exchange is through
    HostKey host_key_{};
    std::string host_key_types_{}; // that the negotiation was narrowed to, because the host is known
    Session session_{};
};

} // namespace xcopy::ssh
