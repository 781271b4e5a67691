#include "coordinator/ssh/connection.hpp"

#include "coordinator/ssh/kexinit.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace xcopy::ssh {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_recording = 40000;
constexpr const char* host_key_algorithms =
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519,rsa-sha2-512,rsa-sha2-256";
// libssh2 would also take CBC, 3DES, RC4, MD5 and truncated MACs. Every release from 6.7 on has several of these. The list of key exchanges is left
// alone: strict key exchange and ext-info, which rsa-sha2 needs, are names in it.
constexpr const char* ciphers = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
constexpr const char* macs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";

int milliseconds_until(std::chrono::steady_clock::time_point when)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
}

Error unavailable(std::string message, std::string remedy, std::string reason)
{
    return {Errc::unavailable, std::move(message), std::move(remedy), std::move(reason)};
}

std::string our_list(LIBSSH2_SESSION* session, int method)
{
    const char** names = nullptr;
    const int count = libssh2_session_supported_algs(session, method, &names);
    std::string list;
    for (int i = 0; i < count; ++i)
        list.append(list.empty() ? "" : ",").append(names[i]);
    if (count > 0)
        libssh2_free(session, static_cast<void*>(names));
    return list;
}

bool offers(std::string_view methods, std::string_view wanted)
{
    return ("," + std::string(methods) + ",").find("," + std::string(wanted) + ",") != std::string::npos;
}

} // namespace

Session new_session(void* abstract)
{
    static std::once_flag once;
    std::call_once(once, [] { libssh2_init(0); });
    return Session(libssh2_session_init_ex(nullptr, nullptr, nullptr, abstract));
}

Connection::Connection(const Target& target)
    : target_(target), deadline_(Clock::now() + target.limits.connect), session_(new_session(this))
{}

Connection::~Connection()
{
    if (fd_ >= 0)
        ::shutdown(fd_, SHUT_RDWR); // so that libssh2 frees what it has without waiting to send it
    session_.reset();
    if (fd_ >= 0)
        ::close(fd_);
}

Result<std::unique_ptr<Connection>> Connection::open(const Target& target)
{
    std::unique_ptr<Connection> connection(new Connection(target));
    if (!connection->session_)
        return Error{Errc::failed, "no memory for an SSH session"};
    for (auto step : {&Connection::dial, &Connection::shake_hands, &Connection::check_host_key, &Connection::sign_in})
        if (auto done = (*connection.*step)(); !done)
            return done.error();
    libssh2_keepalive_config(connection->session(), 1, static_cast<unsigned>(target.limits.keep_alive.count()));
    return connection;
}

// Ready, or the reason why waiting has ended.
Result<void> Connection::await(short events, std::string_view what)
{
    for (;;) {
        if (!target_.wanted())
            return Error{Errc::cancelled, fmt::format("{}: nobody waits for it any more", what)};
        const int left = milliseconds_until(deadline_);
        if (left == 0)
            return unavailable(fmt::format("{}: no answer from {} port {} within {} s", what, target_.host.address,
                                           target_.host.port, target_.limits.connect.count() / 1000),
                               "is the host up, and does a firewall on the way let SSH pass?", "connect_timed_out");
        pollfd fds[] = {{fd_, events, 0}, {target_.waker.fd(), POLLIN, 0}};
        if (::poll(fds, 2, left) < 0 && errno != EINTR)
            return Error{Errc::failed, fmt::format("poll: {}", std::strerror(errno))};
        if (fds[1].revents != 0)
            target_.waker.drain();
        if (fds[0].revents != 0)
            return {};
    }
}

Result<void> Connection::dial()
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int problem =
        ::getaddrinfo(target_.host.address.c_str(), std::to_string(target_.host.port).c_str(), &hints, &found);
    if (problem != 0)
        return unavailable(fmt::format("name '{}': {}", target_.host.address, gai_strerror(problem)),
                           "give an address, or mend the name service of this machine", "unknown_name");
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    Result<void> last{Error{Errc::unavailable, "no address"}};
    for (const addrinfo* one = found; one; one = one->ai_next) {
        last = connect_to(*one);
        if (last || last.error().code == Errc::cancelled)
            return last;
    }
    return last;
}

Result<void> Connection::connect_to(const addrinfo& where)
{
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = ::socket(where.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0)
        return Error{Errc::failed, fmt::format("socket: {}", std::strerror(errno))};
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int problem = ::connect(fd_, where.ai_addr, where.ai_addrlen) == 0 ? 0 : errno;
    if (problem == EINPROGRESS) {
        if (auto ready = await(POLLOUT, "connect"); !ready)
            return ready;
        socklen_t size = sizeof problem;
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &problem, &size);
    }
    if (problem == 0)
        return {};
    return unavailable(
        fmt::format("connect to {} port {}: {}", target_.host.address, target_.host.port, std::strerror(problem)),
        problem == ECONNREFUSED ? "start SSH on the host: vim-cmd hostsvc/enable_ssh and vim-cmd hostsvc/start_ssh on "
                                  "its console, or service "
                                  "TSM-SSH in vCenter"
                                : "is the host up, and does a firewall on the way let SSH pass?",
        problem == ECONNREFUSED ? "connect_refused" : "connect_failed");
}

// libssh2 reads through this, so that what the host offered can be named when nothing fits.
ssize_t Connection::receive(libssh2_socket_t socket, void* buffer, std::size_t length, int flags, void** abstract)
{
    const auto got = ::recv(socket, buffer, length, flags);
    if (got < 0)
        return -errno;
    auto* self = static_cast<Connection*>(*abstract);
    if (got > 0 && self) {
        self->heard_ = Clock::now();
        if (self->recording_ && self->first_bytes_.size() < longest_recording)
            self->first_bytes_.append(static_cast<const char*>(buffer), static_cast<std::size_t>(got));
    }
    return got;
}

// Repeats a step of libssh2 until it does not ask to wait. Its code is the result, unless the connection is gone.
template <class Step> Result<int> Connection::finish(std::string_view what, const Step& step)
{
    for (;;) {
        const int code = step();
        if (code != LIBSSH2_ERROR_EAGAIN)
            return code;
        const int directions = libssh2_session_block_directions(session());
        const auto events =
            static_cast<short>(POLLIN | ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0 ? POLLOUT : 0));
        if (auto ready = await(events, what); !ready)
            return ready.error();
    }
}

Result<void> Connection::shake_hands()
{
    libssh2_session_set_blocking(session(), 0);
    libssh2_session_callback_set2(session(), LIBSSH2_CALLBACK_RECV, reinterpret_cast<libssh2_cb_generic*>(&receive));
    for (const auto& type : target_.keys.known_types(target_.host.address, target_.host.port))
        host_key_types_.append(host_key_types_.empty() ? "" : ",").append(type);
    libssh2_session_method_pref(session(), LIBSSH2_METHOD_HOSTKEY,
                                host_key_types_.empty() ? host_key_algorithms : host_key_types_.c_str());
    for (const int way : {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC})
        libssh2_session_method_pref(session(), way, ciphers);
    for (const int way : {LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC})
        libssh2_session_method_pref(session(), way, macs);
    auto code = finish("key exchange", [&] { return libssh2_session_handshake(session(), fd_); });
    recording_ = false;
    if (!code)
        return code.error();
    if (*code == 0)
        return {};
    if (*code == LIBSSH2_ERROR_KEX_FAILURE || *code == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE ||
        *code == LIBSSH2_ERROR_METHOD_NONE)
        return no_common_algorithm();
    return lost(*code).in("key exchange");
}

Error Connection::no_common_algorithm() const
{
    const auto theirs = read_server_offer(first_bytes_);
    std::string text;
    if (theirs)
        text = nothing_in_common({.key_exchange = our_list(session(), LIBSSH2_METHOD_KEX),
                                  .host_keys = host_key_types_.empty() ? host_key_algorithms : host_key_types_,
                                  .ciphers = ciphers,
                                  .macs = macs},
                                 *theirs);
    if (text.empty())
        return lost(LIBSSH2_ERROR_KEX_FAILURE).in("key exchange");
    return {Errc::unsupported, fmt::format("key exchange with {}: {}", theirs->banner, text),
            host_key_types_.empty()
                ? "allow one of ours in the host's sshd_config (esxcli system ssh server config set)"
                : "the host is known by another key than it shows now; compare its fingerprint on the console",
            "no_common_algorithm"};
}

Result<void> Connection::check_host_key()
{
    std::size_t length = 0;
    int type = 0;
    const char* blob = libssh2_session_hostkey(session(), &length, &type);
    if (!blob)
        return Error{Errc::failed, "the host showed no key"};
    auto key = target_.keys.judge(target_.host.address, target_.host.port, {blob, length});
    if (!key)
        return key.error();
    host_key_ = *key;
    return {};
}

Result<bool> Connection::try_key(const std::string& methods)
{
    const Secret& key = target_.login.private_key;
    if (key.empty() || !offers(methods, "publickey"))
        return false;
    const Secret& phrase = target_.login.passphrase;
    auto code = finish("sign in", [&] {
        return libssh2_userauth_publickey_frommemory(session(), target_.host.user.data(), target_.host.user.size(),
                                                     nullptr, 0, key.reveal().data(), key.reveal().size(),
                                                     phrase.empty() ? nullptr : phrase.reveal().c_str());
    });
    if (!code)
        return code.error();
    if (*code == LIBSSH2_ERROR_FILE || *code == LIBSSH2_ERROR_KEYFILE_AUTH_FAILED ||
        *code == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED)
        return Error{Errc::bad_request, lost(*code).in("SSH private key").message,
                     "is it a whole private key, and is its passphrase right?", "bad_ssh_key"};
    if (*code == 0 || *code == LIBSSH2_ERROR_AUTHENTICATION_FAILED || *code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
        return *code == 0;
    return lost(*code).in("sign in");
}

void Connection::answer(const char* /*name*/, int /*length*/, const char* /*instruction*/, int /*its_length*/,
                        int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT* /*prompts*/,
                        LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** abstract)
{
    const auto& password = static_cast<Connection*>(*abstract)->target_.login.password.reveal();
    for (int i = 0; i < count; ++i) { // libssh2 frees what it is given here
        responses[i].text = ::strdup(password.c_str());
        responses[i].length = static_cast<unsigned>(password.size());
    }
}

Result<bool> Connection::try_password(const std::string& methods)
{
    const auto& user = target_.host.user;
    const Secret& password = target_.login.password;
    if (password.empty())
        return false;
    int last = LIBSSH2_ERROR_AUTHENTICATION_FAILED;
    if (offers(methods, "password")) {
        auto code = finish("sign in", [&] {
            return libssh2_userauth_password_ex(session(), user.data(), static_cast<unsigned>(user.size()),
                                                password.reveal().data(),
                                                static_cast<unsigned>(password.reveal().size()), nullptr);
        });
        if (!code)
            return code.error();
        last = *code;
    } else if (offers(methods, "keyboard-interactive")) {
        auto code = finish("sign in", [&] {
            return libssh2_userauth_keyboard_interactive_ex(session(), user.data(), static_cast<unsigned>(user.size()),
                                                            &answer);
        });
        if (!code)
            return code.error();
        last = *code;
    }
    if (last == 0 || last == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
        return last == 0;
    return lost(last).in("sign in");
}

Result<void> Connection::sign_in()
{
    const auto& user = target_.host.user;
    const char* list = nullptr;
    auto code = finish("sign in", [&] {
        list = libssh2_userauth_list(session(), user.data(), static_cast<unsigned>(user.size()));
        return list || libssh2_userauth_authenticated(session()) ? 0 : libssh2_session_last_errno(session());
    });
    if (!code)
        return code.error();
    if (*code != 0)
        return lost(*code).in("sign in");
    if (!list) // the host asks for nothing
        return {};
    const std::string methods = list;
    for (auto way : {&Connection::try_key, &Connection::try_password}) {
        auto done = (this->*way)(methods);
        if (!done)
            return done.error();
        if (*done)
            return {};
    }
    const auto& login = target_.login;
    const auto* tried =
        login.private_key.empty()
            ? login.password.empty() ? "nothing to sign in with was given" : "the password was refused"
        : !login.password.empty() ? "key and password were refused"
        : is_ed25519(login.private_key)
            ? "the Ed25519 key was refused, as ESXi does with all of them in FIPS mode (take an RSA or ECDSA key)"
            : "the key was refused";
    return Error{Errc::denied, fmt::format("sign in as {}: {}; the host takes: {}", user, tried, methods),
                 "is the public key a line of /etc/ssh/keys-root/authorized_keys on the host? ESXi locks root for 15 "
                 "minutes after "
                 "five failures; lockdown mode lets only exception users in",
                 "login_refused"};
}

void Connection::wait(bool active, std::chrono::milliseconds longest)
{
    const int directions = libssh2_session_block_directions(session());
    const auto events = static_cast<short>(
        !active ? POLLRDHUP : POLLIN | ((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0 ? POLLOUT : 0));
    pollfd fds[] = {{fd_, events, 0}, {target_.waker.fd(), POLLIN, 0}};
    ::poll(fds, 2, static_cast<int>(longest.count()));
    if (fds[1].revents != 0)
        target_.waker.drain();
}

bool Connection::closed_by_host() const
{
    pollfd fds{fd_, POLLRDHUP, 0};
    return ::poll(&fds, 1, 0) > 0;
}

Result<std::chrono::milliseconds> Connection::keep_alive(bool active)
{
    int seconds = 0;
    const int code = libssh2_keepalive_send(session(), &seconds);
    if (code != 0 && code != LIBSSH2_ERROR_EAGAIN)
        return lost(code);
    // Answers are read along with the output of commands, so silence means something only while one runs.
    if (!active)
        heard_ = Clock::now();
    const auto silence = Clock::now() - heard_;
    if (silence > target_.limits.keep_alive * (target_.limits.silent_keep_alives + 1))
        return unavailable(fmt::format("no sign of life from the host for {} s",
                                       std::chrono::duration_cast<std::chrono::seconds>(silence).count()),
                           "is the host up, and the network between?", "connection_lost");
    return std::chrono::seconds(std::clamp(seconds, 1, static_cast<int>(target_.limits.keep_alive.count())));
}

Error Connection::lost(int code) const
{
    char* text = nullptr;
    libssh2_session_last_error(session(), &text, nullptr, 0);
    return unavailable(fmt::format("SSH: {} ({})", text && *text ? text : "the connection was lost", code),
                       "is the host up, and its SSH service running?", "connection_lost");
}

} // namespace xcopy::ssh
