// Which of the names that a host asks for its certificate gets. Pure.
#pragma once

#include "protocol/pki/request.hpp"

#include <string>
#include <vector>

namespace xcopy::ca {

struct HostOrder {
    std::string request;                // PEM, as `xcopy-agent enroll` prints it
    std::string uuid;                   // of the host that is meant, learnt from elsewhere than the request
    std::vector<std::string> names;     // by which it may be called
    std::vector<std::string> addresses; // by which it may be reached
    bool accept_names = false;          // take the host's own word for its names and addresses
    int days = 730;
};

struct Approved {
    pki::Names names;
    std::vector<std::string> left_out; // asked for, expected by nobody
};

// Errc::denied for a request of another host, or for anything but a host's names.
Result<Approved> approve(const pki::Names& asked, const HostOrder& order);

} // namespace xcopy::ca
