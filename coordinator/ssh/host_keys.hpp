// Which key each host is known by. A key seen for the first time is kept; another one later is refused.
#pragma once

#include "protocol/error.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy {

struct HostKey {
    std::string type;            // "ecdsa-sha2-nistp256"
    std::string fingerprint;     // "SHA256:…", as ssh-keygen -l prints it
    bool is_new = false;         // seen for the first time, and accepted
    bool is_vouched_for = false; // by a line of the known hosts
    std::string text{};          // "TYPE BASE64", as a known_hosts line has it behind the host's name
};

class HostKeys {
public:
    enum class Unknown : std::uint8_t { accept, refuse };

    HostKeys() = default;
    explicit HostKeys(Unknown unknown) : unknown_(unknown) {}

    // Lines of a known_hosts file, plain or hashed. A line that cannot be read is an error: it may be the one that counts.
    Result<void> add_known(std::string_view text);

    // A key ("TYPE BASE64") that this host was once found to have: from now on it counts as the one accepted. Known hosts
    // go before it: that is how an administrator says that a host was reinstalled.
    void pin(const std::string& address, int port, std::string_view text);

    // Hears of every key that is accepted for the first time, on the thread that connects.
    void on_accepted(std::function<void(const std::string& address, const HostKey&)> told);

    // The algorithms of the keys a host is known by, for the negotiation; empty where it is not known.
    std::vector<std::string> known_types(const std::string& address, int port) const;

    // `blob` is the key as it came over the wire.
    Result<HostKey> judge(const std::string& address, int port, std::string_view blob);

    // What was accepted here, as known_hosts lines: keep it, and the next run insists on the same keys.
    std::string accepted() const;

private:
    Unknown unknown_ = Unknown::accept;
    mutable std::mutex mutex_{};
    std::string known_{};
    std::map<std::pair<std::string, int>, std::string> accepted_{}; // by address and port
    std::function<void(const std::string& address, const HostKey&)> told_{};
};

Error key_changed(std::string_view known_fingerprint, const HostKey& shown);

std::string fingerprint_of(std::string_view blob);
std::string fingerprint_of_text(std::string_view text); // of "TYPE BASE64"

} // namespace xcopy
