// From the vendor word of a secret or flag to a driver.
#pragma once

#include "protocol/error.hpp"
#include "vendors/array.hpp"
#include "vendors/secret.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

namespace rest {
class Transport;
}

// One array as its secret describes it. Keys are the ones users have today (facts/forklift-contract.md 5.2); vendor
// keys such as ONTAP_SVM stay in `extra`.
struct ArrayConfig {
    std::string vendor;
    std::string hostname; // STORAGE_HOSTNAME as written
    std::string username;
    Secret password;
    Secret token;
    bool skip_tls_verification = false;
    std::string ca_file; // PEM; empty: the system's trust store
    std::map<std::string, std::string> extra;
};

std::vector<std::string_view> vendors();

// Errc::bad_request with every problem of the configuration in one message; nothing is contacted.
Result<std::unique_ptr<Array>> make_array(const ArrayConfig&, rest::Transport&);

} // namespace xcopy
