// Certificate requests (PKCS #10).
#pragma once

#include "protocol/pki/key.hpp"
#include "protocol/pki/names.hpp"

namespace xcopy::pki {

struct Wish {
    std::string common_name; // cut to the 64 characters that X.509 allows
    Names names;
};

Result<std::string> request_pem(const Key& key, const Wish& wish);

struct ReadRequest {
    Wish wish;
    Key key; // the public half
};

// Errc::bad_request when the text is no request, or one that was not signed by its own key.
Result<ReadRequest> read_request(std::string_view pem);

Result<void> set_common_name(X509_NAME* name, const std::string& text);
std::string common_name_of(const X509_NAME* name);

} // namespace xcopy::pki
