// Where to sign in, and with what.
#pragma once

#include "protocol/error.hpp"
#include "vendors/secret.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace xcopy {

struct SshAddress {
    std::string name;    // for people
    std::string address; // host name or IP address; IPv6 without brackets
    std::uint16_t port = 22;
    std::string user = "root";
};

// "[USER@]ADDRESS[:PORT]"; IPv6 in brackets when a port follows.
Result<SshAddress> parse_ssh_address(std::string_view text);

// The key is tried first, then the password, by whatever way the host takes one: ESXi's sshd has PasswordAuthentication off
// and asks for it "keyboard-interactive".
struct SshLogin {
    Secret private_key{}; // PEM or OpenSSH text: RSA, ECDSA, Ed25519
    Secret passphrase{};  // of the key
    Secret password{};
};

// The text of a key that is given as it is, or in base64 as Forklift's secrets have it.
Result<Secret> private_key_text(const Secret& given);

// As far as its text shows it; not for keys with a passphrase.
bool is_ed25519(const Secret& private_key);

} // namespace xcopy
