// How a host is reached: through its agent, else through SSH. Pure decisions; who acts on them is either_host.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace xcopy {

struct HostTransport {
    enum class Kind : std::uint8_t { agent, ssh };

    Kind kind = Kind::agent;
    std::string why{};       // for people
    std::string host_key{};  // SSH: the key that the host showed, "TYPE BASE64"
    std::string datastore{}; // SSH: in whose root the script lies
};

std::string_view name(HostTransport::Kind kind);
std::string_view told(HostTransport::Kind kind); // in a sentence: "its agent", "SSH"

// --host-transport
enum class TransportChoice : std::uint8_t { automatic, agent, ssh };

// Why SSH may serve a host whose agent answered with this; empty: it may not. Only the absence of an agent that can serve
// counts. A certificate that is not trusted, a role that is refused or a silence say nothing about absence, and a fallback
// then would be a way round them.
std::string ssh_instead(const Error& said_by_agent);

// The reasons of errors that an administrator mends in the host's authorized_keys, or by giving a key at all.
bool is_about_the_key(std::string_view reason);

// A job goes on through the transport it was begun through, and through no other: two transports know nothing of each
// other's writers.
Error other_transport(std::string_view host, HostTransport::Kind begun, std::string_view why, std::string remedy);

} // namespace xcopy
