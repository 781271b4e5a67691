// One array as its secret describes it, and where its management interface is.
#pragma once

#include "protocol/error.hpp"
#include "vendors/secret.hpp"

#include <map>
#include <string>
#include <string_view>

namespace xcopy {

// Keys are the ones users have today (facts/forklift-contract.md 5.2); vendor keys such as ONTAP_SVM stay in `extra`.
struct ArrayConfig {
    std::string vendor;
    std::string hostname; // STORAGE_HOSTNAME as written
    std::string username;
    Secret password;
    Secret token;
    bool skip_tls_verification = false;
    std::string ca_file;  // PEM; empty: the system's trust store
    std::string ca_pem{}; // the same as text, as a secret's variable carries it; goes before the file
    std::map<std::string, std::string> extra;

    std::string extra_or_empty(const std::string& key) const;
};

// From the environment the secret was mounted into. Nothing is judged here; make_array() does.
ArrayConfig array_config_from(std::string vendor, const std::map<std::string, std::string>& environment);

// "https://name[:port]" from STORAGE_HOSTNAME as people write it: with or without scheme, port, path and trailing
// slash, IPv6 with or without brackets. Errc::bad_request for http:// and for what is not a host.
Result<std::string> base_url(std::string_view hostname);

} // namespace xcopy
