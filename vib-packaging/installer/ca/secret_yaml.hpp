// A client's certificate as a Kubernetes Secret, laid out as cert-manager lays out its own: tls.crt, tls.key, ca.crt.
#pragma once

#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace xcopy::ca {

struct SecretOrder {
    std::string name = "xcopy-agent-client";
    std::string name_space; // empty: whichever kubectl applies it to
};

// Errc::bad_request for names that Kubernetes would refuse (RFC 1123).
Result<std::string> secret_yaml(const SecretOrder& order, std::string_view certificate, std::string_view key,
                                std::string_view authority);

} // namespace xcopy::ca
