// What a server offers before anything is encrypted (RFC 4253, 4.2 and 7.1), for the message when nothing fits.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace xcopy {

struct ServerOffer {
    std::string banner;       // "SSH-2.0-OpenSSH_8.8"
    std::string key_exchange; // comma separated, in the server's order
    std::string host_keys;
    std::string ciphers; // towards the client
    std::string macs;
};

// Reads the first bytes of a connection; nullopt while they are not complete or are something else.
std::optional<ServerOffer> read_server_offer(std::string_view bytes);

// Names the first group of which the two lists have nothing in common; empty when every group has.
struct OurOffer {
    std::string key_exchange, host_keys, ciphers, macs;
};
std::string nothing_in_common(const OurOffer& ours, const ServerOffer& theirs);

} // namespace xcopy
