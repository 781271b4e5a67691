// Which key each host is known by. A key seen for the first time is kept; another one later is refused.
#pragma once

#include "protocol/error.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

struct HostKey {
    std::string type;        // "ecdsa-sha2-nistp256"
    std::string fingerprint; // "SHA256:…", as ssh-keygen -l prints it
    bool is_new = false;     // nobody vouched for it before this connection
};

class HostKeys {
public:
    enum class Unknown : std::uint8_t { accept, refuse };

    HostKeys() = default;
    explicit HostKeys(Unknown unknown) : unknown_(unknown) {}

    // Lines of a known_hosts file, plain or hashed. A line that cannot be read is an error: it may be the one that counts.
    Result<void> add_known(std::string_view text);

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
    std::string accepted_{};
};

std::string fingerprint_of(std::string_view blob);

} // namespace xcopy
