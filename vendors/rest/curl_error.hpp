// From curl's result to ours. Pure, so that every row has a test.
#pragma once

#include "protocol/error.hpp"
#include "vendors/rest/tls_check.hpp"
#include "vendors/rest/transport.hpp"

#include <curl/curl.h>

#include <string>

namespace xcopy::rest {

struct Failure {
    CURLcode code = CURLE_OK;
    std::string details;          // curl's error buffer; may be empty
    bool reply_too_large = false; // we stopped it
    bool connected = false;       // TCP stood
    bool request_sent = false;    // at least the first byte of it
    bool reply_begun = false;
    TlsOutcome tls{};
};

Error explain(const Request& request, const Tls& tls, const Failure& failure);

} // namespace xcopy::rest
