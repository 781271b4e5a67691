// Subject alternative names: who a certificate is for.
#pragma once

#include "protocol/pki/handles.hpp"

namespace xcopy::pki {

struct Names {
    std::vector<std::string> dns;
    std::vector<std::string> addresses; // as inet_ntop writes them
    std::vector<std::string> uris;
    bool others = false; // there are names of a kind we never ask for, or that cannot be read

    bool empty() const { return dns.empty() && addresses.empty() && uris.empty(); }
};

Names names_from(const GENERAL_NAMES* names); // null: none
Names names_of(const X509* certificate);

// "DNS:a, IP:b, URI:c"
std::string describe(const Names& names);

// Errc::bad_request for what is no address, or a name with characters that names do not have.
Result<GeneralNames> to_openssl(const Names& names);

} // namespace xcopy::pki
